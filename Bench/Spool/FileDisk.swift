// Segment files written and synced at once, as the relay's writer thread does it in the background.

import Glibc

struct FileDisk: Disk {
  private let descriptors: [Int32]
  private(set) var result: DiskError?
  private(set) var commitCount = 0
  private(set) var writtenByteCount = 0
  private(set) var readByteCount = 0
  /// How long commits took.
  private(set) var commitSeconds = 0.0

  /// Opens or creates the segments in `directory`; new ones are allocated and, if asked, filled.
  init(_ directory: String, _ geometry: SpoolGeometry, isFilled: Bool) {
    mkdir(directory, 0o755)
    var descriptors: [Int32] = []
    let zeros = [UInt8](repeating: 0, count: geometry.segmentByteCount)
    for i in 0..<geometry.segmentCount {
      let descriptor = open("\(directory)/seg.\(i)", O_RDWR | O_CREAT, 0o644)
      precondition(descriptor >= 0, "cannot open a segment")
      posix_fallocate(descriptor, 0, geometry.segmentByteCount)
      if isFilled { _ = unsafe pwrite(descriptor, zeros, zeros.count, 0) }
      fsync(descriptor)
      descriptors.append(descriptor)
    }
    self.descriptors = descriptors
  }

  mutating func read(
    segment: Int, offset: Int, into buffer: PageBuffer, at position: Int, count: Int
  ) throws(DiskError) {
    readByteCount += count
    let got = unsafe buffer.withMemory(position..<position + count) {
      unsafe pread(descriptors[segment], $0.baseAddress, $0.count, offset)
    }
    if got != count { throw .failed }
  }

  mutating func startCommit(_ order: CommitOrder) {
    let page = SpoolLimits.pageByteCount
    commitCount += 1
    commitSeconds += seconds {
      var isWritten = true
      if order.writesHeader { isWritten = write(order, 0..<page, at: 0) }
      let batch = page..<page + order.byteCount
      isWritten = write(order, batch, at: order.offset) && isWritten
      result = isWritten && fdatasync(descriptors[order.segment]) == 0 ? nil : .failed
    }
  }

  private mutating func write(_ order: CommitOrder, _ range: Range<Int>, at offset: Int) -> Bool {
    writtenByteCount += range.count
    return unsafe order.buffer.withMemory(range) {
      unsafe pwrite(descriptors[order.segment], $0.baseAddress, $0.count, offset) == $0.count
    }
  }
}
