// A disk of arrays whose commits end when the test says so, and how it says.

import Queue

/// What outlives the engine.
final class DiskImage {
  /// What has been written so far; a segment grows as far as it was written.
  var segments: [[UInt8]]
  /// The commit under way.
  var pending: CommitOrder?
  var commitCount = 0

  init(segmentCount: Int) { segments = [[UInt8]](repeating: [], count: segmentCount) }

  /// The bytes of the batch under way.
  var pendingBytes: [UInt8] {
    guard let order = pending else { return [] }
    return order.buffer.withBytes(
      SpoolLimits.pageByteCount..<SpoolLimits.pageByteCount + order.byteCount
    ) { span in span.indices.map { span[$0] } }
  }

  /// Makes the batch under way durable.
  func apply() {
    let page = SpoolLimits.pageByteCount
    guard let order = pending else { return }
    if order.writesHeader { writePage(order, from: 0, to: 0) }
    for i in 0..<order.byteCount / page {
      writePage(order, from: page * (i + 1), to: order.offset + page * i)
    }
    pending = nil
    commitCount += 1
  }

  /// Writes those pages of the batch under way that `isWritten` says, header first: a power cut.
  func tear(_ isWritten: (Int) -> Bool) {
    let page = SpoolLimits.pageByteCount
    guard let order = pending else { return }
    if order.writesHeader, isWritten(0) { writePage(order, from: 0, to: 0) }
    for i in 0..<order.byteCount / page where isWritten(i + 1) {
      writePage(order, from: page * (i + 1), to: order.offset + page * i)
    }
    pending = nil
  }

  private func writePage(_ order: CommitOrder, from source: Int, to target: Int) {
    let page = SpoolLimits.pageByteCount
    let bytes = order.buffer.withBytes(source..<source + page) { span in
      span.withUnsafeBufferPointer { Array($0) }
    }
    let missing = target + page - segments[order.segment].count
    if missing > 0 { segments[order.segment] += [UInt8](repeating: 0, count: missing) }
    segments[order.segment].replaceSubrange(target..<target + page, with: bytes)
  }
}

/// The engine's view of a disk image.
struct MemoryDisk: Disk {
  let image: DiskImage

  mutating func read(
    segment: Int, offset: Int, into buffer: PageBuffer, at position: Int, count: Int
  ) throws(DiskError) {
    let stored = image.segments[segment]
    buffer.withMemory(position..<position + count) { memory in
      memory.initializeMemory(as: UInt8.self, repeating: 0)
      let available = min(count, stored.count - offset)
      guard available > 0 else { return }
      stored.withUnsafeBytes {
        memory.copyMemory(from: .init(rebasing: $0[offset..<offset + available]))
      }
    }
  }

  mutating func startCommit(_ order: CommitOrder) {
    precondition(image.pending == nil, "one commit at a time")
    image.pending = order
  }
}
