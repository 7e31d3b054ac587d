// The spool's files: `lock`, and `seg.000` ... of equal size, created once; `ledger` (LedgerFile.swift); and
// `quarantine` and `parked`, if they were ever needed (QuarantineFile.swift, ParkedFile.swift).
//
// The directory is locked for as long as the program lives. Every segment is created at its final
// size at first start, synced, and the directory synced once; after that none of them is created,
// renamed, removed or resized. The size of the segments that are there decides, not the configured
// cap, so that a change of the cap never makes stored frames unreadable. Source: spool document,
// section 2.1.

import CLinux
import Queue
import Synchronization

/// Why the spool directory cannot be used.
enum SpoolDirectoryError: Error {
  case cannotCreate(SystemError)
  case inUse
  case cannotCreateSegments(SystemError)
}

/// The segment files as the queue's disk.
struct SpoolDirectory: Disk, ~Copyable {
  /// Where this version's spool goes in a directory that another one has written to.
  static let besideName = Text("version-1")
  /// Segments that are not another version's, below which a ring is none.
  private static let ownSegmentCountMin = 4

  let path: [UInt8]
  let geometry: SpoolGeometry
  let medium: Medium
  private let directory: Int32
  private let lock: Int32
  private var segments: [Int32]
  /// `nil` in a directory that is only read.
  let writer: CommitWriter?

  /// Opens or creates the spool in `path` (without a terminating zero).
  ///
  /// Where another version of the format has been at work, its files are left as they are, and
  /// the spool is in a directory of its own among them. Both are locked then.
  static func open(path: [UInt8], capBytes: Int64) throws(SpoolDirectoryError) -> SpoolDirectory {
    let directory = try openDirectory(path)
    let lock = try takeLock(directory)
    let wanted = SpoolGeometry(capBytes: capBytes)
    var found: [Int32] = []
    while found.count < SpoolGeometry.segmentCountMax {
      let opened = openSegment(directory, found.count, .write)
      guard opened >= 0 else { break }
      found.append(Int32(opened))
    }
    if isForeign(found) {
      for descriptor in found { Sockets.close(descriptor) }
      return try open(path: path + Text("/").bytes + besideName.bytes, capBytes: capBytes)
    }
    let geometry = SpoolGeometry(
      existingSegmentByteCount: byteCount(of: found), existingCount: found.count, wanted: wanted)
    let medium = Mount.medium(of: directory)
    let segments: [Int32]
    let writer: CommitWriter
    do {
      segments = try complete(directory, found, geometry, isSparse: medium.isRenewed)
      writer = try CommitWriter(
        renewedByteCount: medium.isRenewed ? geometry.segmentByteCount : nil,
        fills: medium.isRenewed ? [] : segments.compactMap { SegmentFill($0) })
    } catch {
      throw .cannotCreateSegments(error)
    }
    return SpoolDirectory(
      path: path, geometry: geometry.with(segmentCount: segments.count), medium: medium,
      directory: directory, lock: lock, segments: segments, writer: writer)
  }

  /// Opens the spool in `path` to look at it, whoever works on it; `nil` when there is none.
  ///
  /// Nothing is locked, created or written.
  static func openToRead(path: [UInt8]) throws(SystemError) -> SpoolDirectory? {
    let directory = Int32(
      try SystemError.check(withCString(path) { unsafe clinux_open_directory($0) }))
    var segments: [Int32] = []
    while segments.count < SpoolGeometry.segmentCountMax {
      let opened = openSegment(directory, segments.count, .read)
      if opened == -Int(clinux_enoent) { break }
      segments.append(Int32(try SystemError.check(opened)))
    }
    let size = byteCount(of: segments)
    let geometry = SpoolGeometry(
      existingSegmentByteCount: size, existingCount: segments.count,
      wanted: SpoolGeometry(capBytes: 0))
    guard !segments.isEmpty, geometry.segmentByteCount == size else { return nil }
    return SpoolDirectory(
      path: path, geometry: geometry.with(segmentCount: segments.count),
      medium: Mount.medium(of: directory), directory: directory, lock: -1, segments: segments,
      writer: nil)
  }

  @inline(never)
  mutating func read(
    segment: Int, offset: Int, into buffer: PageBuffer, at position: Int, count: Int
  ) throws(DiskError) {
    var done = 0
    while done < count {
      let from = Int64(offset + done)
      let got = unsafe buffer.withMemory(position + done..<position + count) {
        unsafe clinux_pread(segments[segment], $0.baseAddress!, $0.count, from)
      }
      if got < 0 { throw Self.diskError(Int32(-got)) }
      if got == 0 { break }
      done += got
    }
    if done < count {
      unsafe buffer.withMemory(position + done..<position + count) {
        _ = unsafe $0.initializeMemory(as: UInt8.self, repeating: 0)
      }
    }
  }

  /// Where damaged bytes are kept for people.
  var damageFiles: DamageFiles { DamageFiles(path: path, directory: directory) }

  /// Where frames that nobody takes are kept for people.
  var quarantineFile: QuarantineFile { QuarantineFile(directory: directory) }

  /// Where it is kept which devices are parked.
  var parkedFile: ParkedFile { ParkedFile(directory: directory) }

  /// What became of every frame, over restarts.
  var ledgerFile: LedgerFile { LedgerFile(directory: directory) }

  mutating func startCommit(_ order: CommitOrder) {
    writer?.start(order, descriptor: segments[order.segment])
  }

  @inline(never)
  static func diskError(_ code: Int32) -> DiskError {
    switch code {
    case clinux_enospc, clinux_edquot: .noSpace
    case clinux_erofs: .readOnly
    default: .failed
    }
  }

  // MARK: Files

  /// Whether a directory's segments are another version's, or all but a few of them.
  private static func isForeign(_ segments: [Int32]) -> Bool {
    let judge = SegmentJudge()
    let head = PageBuffer(byteCount: SegmentJudge.byteCount)
    var own = 0
    var foreign = 0
    for descriptor in segments {
      let got = unsafe head.withMemory(0..<head.byteCount) {
        unsafe clinux_pread(descriptor, $0.baseAddress!, $0.count, 0)
      }
      guard got == head.byteCount else { continue }
      switch judge.origin(of: head) {
      case .own: own += 1
      case .blank: break
      case .foreign: foreign += 1
      }
    }
    return foreign > 0 && (own == 0 || segments.count - foreign < ownSegmentCountMin)
  }

  private static func openDirectory(_ path: [UInt8]) throws(SpoolDirectoryError) -> Int32 {
    let made = withCString(path) { unsafe clinux_make_directory($0) }
    if made < 0, -made != Int(clinux_eexist) {
      throw .cannotCreate(SystemError(code: Int32(-made)))
    }
    let opened = withCString(path) { unsafe clinux_open_directory($0) }
    if opened < 0 { throw .cannotCreate(SystemError(code: Int32(-opened))) }
    return Int32(opened)
  }

  private static func takeLock(_ directory: Int32) throws(SpoolDirectoryError) -> Int32 {
    let opened = unsafe clinux_open_at(directory, ("lock" as StaticString).cString, 1)
    if opened < 0 { throw .cannotCreate(SystemError(code: Int32(-opened))) }
    let locked = clinux_lock(Int32(opened))
    if locked < 0 {
      Sockets.close(Int32(opened))
      throw -locked == Int(clinux_eagain)
        ? .inUse : .cannotCreate(SystemError(code: Int32(-locked)))
    }
    return Int32(opened)
  }

  /// What a segment's file is called.
  static func name(of index: Int) -> Text {
    var name = Text("seg.")
    name.append(UInt64(index), digits: 3)
    return name
  }

  private enum Opening: Int32 { case write, create, read }

  @inline(never)
  private static func openSegment(_ directory: Int32, _ index: Int, _ how: Opening) -> Int {
    withCString(name(of: index).bytes) { unsafe clinux_open_at(directory, $0, how.rawValue) }
  }

  /// Bytes of a segment: a power cut may have left files short while they were created.
  private static func byteCount(of segments: [Int32]) -> Int {
    segments.reduce(0) { max($0, Int(clinux_file_size($1))) }
  }

  /// Creates what is missing. A disk too full for all of it serves with what fits.
  private static func complete(
    _ directory: Int32, _ found: [Int32], _ geometry: SpoolGeometry, isSparse: Bool
  ) throws(SystemError) -> [Int32] {
    var segments = found
    let size = Int64(geometry.segmentByteCount)
    var isNew = false
    for descriptor in found where clinux_file_size(descriptor) < size {
      // A power cut while it was created; its content is none.
      _ = allocate(descriptor, size, isSparse)
    }
    while segments.count < geometry.segmentCount {
      let opened = openSegment(directory, segments.count, .create)
      if opened < 0 {
        if segments.count >= 2 { break }
        throw SystemError(code: Int32(-opened))
      }
      let allocated = allocate(Int32(opened), size, isSparse)
      if allocated < 0 {
        Sockets.close(Int32(opened))
        if segments.count >= 2 { break }
        throw SystemError(code: Int32(-allocated))
      }
      segments.append(Int32(opened))
      isNew = true
      _ = clinux_sync(Int32(opened))
    }
    if isNew { _ = clinux_sync(directory) }
    return segments
  }

  private static func allocate(_ descriptor: Int32, _ size: Int64, _ isSparse: Bool) -> Int {
    if isSparse { return clinux_truncate(descriptor, size) }
    let result = clinux_allocate(descriptor, size)
    return -result == Int(clinux_eopnotsupp) ? clinux_truncate(descriptor, size) : result
  }
}

/// Calls `body` with `bytes` as a terminated C string.
@inline(never)
@safe func withCString(_ bytes: [UInt8], _ body: (UnsafePointer<CChar>) -> Int) -> Int {
  let terminated = bytes + [0]
  // SAFETY: the memory lives for the call and ends with a zero.
  return unsafe terminated.withUnsafeBufferPointer { buffer in
    unsafe buffer.baseAddress!.withMemoryRebound(to: CChar.self, capacity: buffer.count) {
      unsafe body($0)
    }
  }
}
