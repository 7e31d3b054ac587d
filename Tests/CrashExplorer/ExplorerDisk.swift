// A disk in memory that can be cut at any sector and any byte of a commit, cheaply: a copy shares
// every segment that is not written.
//
//   cache    what a read sees
//   stable   what a power cut leaves
//
// The two differ only after a failed sync.

/// How a commit ends badly.
enum Fault: CaseIterable {
  case writeFailed, shortWrite, noSpace, readOnly, syncFailed
}

/// A contiguous part of a commit.
struct DiskWrite {
  var offset: Int
  var bytes: [UInt8]
}

struct ExplorerDisk: Disk {
  static let sectorByteCount = 512

  private(set) var cache: [[UInt8]]
  private(set) var stable: [[UInt8]]
  private(set) var order: CommitOrder?
  private(set) var readCount = 0
  private(set) var commitCount = 0
  /// Whether a segment is emptied at the first commit of a use, which reaches the medium first.
  var isRenewed = false
  /// The reads that fail; those behind them succeed.
  var failingReads = 0..<0

  init(_ geometry: SpoolGeometry) {
    cache = [[UInt8]](
      repeating: [UInt8](repeating: 0, count: geometry.segmentByteCount),
      count: geometry.segmentCount)
    stable = cache
  }

  // MARK: Disk

  mutating func read(
    segment: Int, offset: Int, into buffer: PageBuffer, at position: Int, count: Int
  ) throws(DiskError) {
    readCount += 1
    if failingReads.contains(readCount) { throw .failed }
    let available = min(count, cache[segment].count - offset)
    cache[segment].withUnsafeBytes { source in
      buffer.withMemory(position..<position + count) { target in
        target.copyMemory(from: .init(rebasing: source[offset..<offset + available]))
      }
    }
    if available < count { buffer.zero(position + available..<position + count) }
  }

  mutating func startCommit(_ order: CommitOrder) {
    precondition(self.order == nil, "two commits at a time")
    self.order = order
    commitCount += 1
  }

  // MARK: Ends of a commit

  /// What the commit under way writes.
  var writes: [DiskWrite] {
    guard let order else { return [] }
    let page = SpoolLimits.pageByteCount
    let batch = DiskWrite(
      offset: order.offset, bytes: Self.bytes(order.buffer, page..<page + order.byteCount))
    guard order.writesHeader else { return [batch] }
    return [DiskWrite(offset: 0, bytes: Self.bytes(order.buffer, 0..<page)), batch]
  }

  private static func bytes(_ buffer: PageBuffer, _ range: Range<Int>) -> [UInt8] {
    buffer.withMemory(range) { [UInt8](UnsafeRawBufferPointer($0)) }
  }

  mutating func finish(_ fault: Fault?) -> DiskError? {
    guard let order else { return nil }
    let writes = writes
    self.order = nil
    let segment = order.segment
    if isRenewed, order.writesHeader { put(segment, 0, empty) }
    switch fault {
    case nil:
      for write in writes { put(segment, write.offset, write.bytes[...]) }
      return nil
    case .syncFailed:
      for write in writes { Self.put(&cache[segment], write.offset, write.bytes[...]) }
      return .failed
    case .shortWrite:
      let part = writes[writes.count - 1]
      for write in writes.dropLast() { put(segment, write.offset, write.bytes[...]) }
      put(segment, part.offset, part.bytes.prefix(part.bytes.count / 2))
      return .failed
    case .writeFailed: return .failed
    case .noSpace: return .noSpace
    case .readOnly: return .readOnly
    }
  }

  // MARK: Crashes

  /// The disk after a power cut of which `survivors` reached the medium.
  func cut(_ survivors: [(offset: Int, bytes: ArraySlice<UInt8>)]) -> ExplorerDisk {
    var disk = self
    disk.cache = stable
    if let order {
      if isRenewed, order.writesHeader { Self.put(&disk.cache[order.segment], 0, empty) }
      for part in survivors { Self.put(&disk.cache[order.segment], part.offset, part.bytes) }
    }
    disk.stable = disk.cache
    disk.order = nil
    return disk
  }

  /// The disk after the program was killed: the cache lives on.
  func killed() -> ExplorerDisk {
    var disk = self
    disk.order = nil
    return disk
  }

  private var empty: ArraySlice<UInt8> { [UInt8](repeating: 0, count: cache[0].count)[...] }

  mutating func flip(_ segment: Int, bit: Int) {
    cache[segment][bit / 8] ^= 1 << UInt8(bit % 8)
    stable[segment][bit / 8] ^= 1 << UInt8(bit % 8)
  }

  private mutating func put(_ segment: Int, _ offset: Int, _ bytes: ArraySlice<UInt8>) {
    Self.put(&cache[segment], offset, bytes)
    Self.put(&stable[segment], offset, bytes)
  }

  private static func put(_ segment: inout [UInt8], _ offset: Int, _ bytes: ArraySlice<UInt8>) {
    segment.withUnsafeMutableBytes { target in
      bytes.withUnsafeBytes { source in
        UnsafeMutableRawBufferPointer(rebasing: target[offset..<offset + source.count])
          .copyMemory(from: source)
      }
    }
  }
}
