// A disk in memory on which a commit ends when the test says so, and how.
//
//   image    what a read sees: the page cache
//   stable   what is left after a power cut
//
// Both are equal except after a failed sync, when the cache shows bytes that the disk does not hold.
// A power cut applies a part of the commit under way: no bytes, all, a prefix, any subset of its
// sectors of 512 bytes, or a subset while the others turn to garbage ("harsh").
// A value: a copy is a second disk, so that one run can be cut at every place.

@testable import Queue

/// How a commit ends badly.
enum CommitFault {
  /// The write fails after some bytes; those are on the disk.
  case write(DiskError, byteCount: Int)
  /// The sync fails: a read sees the new bytes, the disk holds the old.
  case sync(DiskError)
}

/// Which part of the commit under way survives a power cut.
enum Cut: CustomStringConvertible {
  case nothing
  case everything
  case prefix(Int)
  case sectors(seed: UInt64)
  case harsh(seed: UInt64)

  var description: String {
    switch self {
    case .nothing: "nothing"
    case .everything: "everything"
    case .prefix(let count): "prefix(\(count))"
    case .sectors(let seed): "sectors(\(seed))"
    case .harsh(let seed): "harsh(\(seed))"
    }
  }
}

struct SimulatedDisk: Disk, CustomStringConvertible {
  static let sectorByteCount = 512

  /// One contiguous write.
  private struct Write {
    var offset: Int
    var bytes: [UInt8]
  }

  private(set) var image: [[UInt8]]
  private var stable: [[UInt8]]
  private var order: CommitOrder?
  private var writes: [Write] = []
  /// Segments that cannot be read, and from which offset on.
  var unreadable: [(segment: Int, range: Range<Int>)] = []
  private(set) var readCount = 0
  private(set) var commitCount = 0
  /// Bytes of the commits that ended well.
  private(set) var writtenByteCount = 0

  init(_ geometry: SpoolGeometry) {
    let empty = [UInt8](repeating: 0, count: geometry.segmentByteCount)
    image = [[UInt8]](repeating: empty, count: geometry.segmentCount)
    stable = image
  }

  var description: String { "disk of \(image.count) segments" }

  // MARK: Disk

  mutating func read(
    segment: Int, offset: Int, into buffer: PageBuffer, at position: Int, count: Int
  ) throws(DiskError) {
    readCount += 1
    for hole in unreadable
    where hole.segment == segment && hole.range.overlaps(offset..<offset + count) {
      throw .failed
    }
    let available = max(0, min(count, image[segment].count - offset))
    image[segment].withUnsafeBytes { source in
      buffer.withMemory(position..<position + count) { target in
        target.initializeMemory(as: UInt8.self, repeating: 0)
        guard available > 0 else { return }
        target.copyMemory(from: .init(rebasing: source[offset..<offset + available]))
      }
    }
  }

  mutating func startCommit(_ order: CommitOrder) {
    precondition(self.order == nil, "two commits at a time")
    precondition(order.offset % SpoolLimits.pageByteCount == 0)
    precondition(order.offset + order.byteCount <= image[order.segment].count)
    self.order = order
    writes = Self.content(order)
    commitCount += 1
  }

  // MARK: Ends of a commit

  var isCommitting: Bool { order != nil }
  var segmentOfCommit: Int? { order?.segment }

  /// Bytes of the commit under way.
  var commitByteCount: Int { writes.reduce(0) { $0 + $1.bytes.count } }

  /// Ends the commit under way; `nil` is success.
  mutating func finishCommit(_ fault: CommitFault? = nil) -> DiskError? {
    guard let order else { return nil }
    for (now, then) in zip(Self.content(order), writes) {
      precondition(now.bytes == then.bytes, "the buffer of a commit under way was touched")
    }
    self.order = nil
    switch fault {
    case nil:
      writtenByteCount += commitByteCount
      for write in writes {
        image[order.segment].overwrite(write.offset, write.bytes[...])
        stable[order.segment].overwrite(write.offset, write.bytes[...])
      }
      return nil
    case .write(let error, let byteCount):
      var left = byteCount
      for write in writes {
        let part = write.bytes.prefix(left)
        image[order.segment].overwrite(write.offset, part)
        stable[order.segment].overwrite(write.offset, part)
        left -= part.count
      }
      return error
    case .sync(let error):
      for write in writes { image[order.segment].overwrite(write.offset, write.bytes[...]) }
      return error
    }
  }

  /// The disk after a power cut.
  func afterPowerCut(_ cut: Cut) -> SimulatedDisk {
    var disk = self
    disk.image = stable
    disk.order = nil
    disk.writes = []
    disk.unreadable = []
    if let order {
      for (offset, bytes) in survivors(cut) { disk.image[order.segment].overwrite(offset, bytes) }
    }
    disk.stable = disk.image
    return disk
  }

  /// The disk after the program was killed: the cache lives on.
  func afterKill() -> SimulatedDisk {
    var disk = self
    disk.order = nil
    disk.writes = []
    return disk
  }

  mutating func flip(segment: Int, bit: Int) {
    image[segment][bit / 8] ^= 1 << (bit % 8)
    stable[segment][bit / 8] ^= 1 << (bit % 8)
  }

  mutating func overwrite(segment: Int, offset: Int, _ bytes: [UInt8]) {
    image[segment].overwrite(offset, bytes[...])
    stable[segment].overwrite(offset, bytes[...])
  }

  // MARK: Parts of a commit

  private static func content(_ order: CommitOrder) -> [Write] {
    let page = SpoolLimits.pageByteCount
    let batch = Write(
      offset: order.offset, bytes: order.buffer.bytes(page..<page + order.byteCount))
    guard order.writesHeader else { return [batch] }
    return [Write(offset: 0, bytes: order.buffer.bytes(0..<page)), batch]
  }

  private func survivors(_ cut: Cut) -> [(Int, ArraySlice<UInt8>)] {
    switch cut {
    case .nothing: return []
    case .everything: return writes.map { ($0.offset, $0.bytes[...]) }
    case .prefix(let byteCount):
      var left = byteCount
      var parts: [(Int, ArraySlice<UInt8>)] = []
      for write in writes {
        parts.append((write.offset, write.bytes.prefix(left)))
        left -= min(left, write.bytes.count)
      }
      return parts
    case .sectors(let seed): return sectors(seed, isHarsh: false)
    case .harsh(let seed): return sectors(seed, isHarsh: true)
    }
  }

  private func sectors(_ seed: UInt64, isHarsh: Bool) -> [(Int, ArraySlice<UInt8>)] {
    var random = RandomNumbers(seed: seed)
    let share = [10, 50, 90][random.below(3)]
    var parts: [(Int, ArraySlice<UInt8>)] = []
    for write in writes {
      for start in stride(from: 0, to: write.bytes.count, by: Self.sectorByteCount) {
        let end = min(start + Self.sectorByteCount, write.bytes.count)
        if random.chance(share) {
          parts.append((write.offset + start, write.bytes[start..<end]))
        } else if isHarsh, random.chance(50) {
          let garbage = (start..<end).map { _ in UInt8(truncatingIfNeeded: random.next()) }
          parts.append((write.offset + start, garbage[...]))
        }
      }
    }
    return parts
  }
}

extension PageBuffer {
  /// A copy of the bytes in `range`.
  func bytes(_ range: Range<Int>) -> [UInt8] {
    withMemory(range) { [UInt8](UnsafeRawBufferPointer($0)) }
  }

  /// A buffer that holds `bytes`.
  convenience init(_ bytes: [UInt8]) {
    self.init(byteCount: bytes.count)
    withMemory(0..<bytes.count) { $0.copyBytes(from: bytes) }
  }
}

extension [UInt8] {
  fileprivate mutating func overwrite(_ offset: Int, _ bytes: ArraySlice<UInt8>) {
    replaceSubrange(offset..<offset + bytes.count, with: bytes)
  }
}
