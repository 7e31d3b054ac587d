// The spool's files: `lock`, and `seg.000` ... of equal size, created once; and `quarantine` and
// `parked`, if they were ever needed (QuarantineFile.swift, ParkedFile.swift).
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
  let geometry: SpoolGeometry
  private let directory: Int32
  private let lock: Int32
  private var segments: [Int32]
  let writer: CommitWriter

  /// Opens or creates the spool in `path` (without a terminating zero).
  static func open(path: [UInt8], capBytes: Int64) throws(SpoolDirectoryError) -> SpoolDirectory {
    let directory = try openDirectory(path)
    let lock = try takeLock(directory)
    let wanted = SpoolGeometry(capBytes: capBytes)
    var found: [Int32] = []
    while found.count < SpoolGeometry.segmentCountMax {
      let opened = openSegment(directory, found.count, create: false)
      guard opened >= 0 else { break }
      found.append(Int32(opened))
    }
    let existingByteCount = found.first.map { clinux_file_size($0) } ?? 0
    let geometry = SpoolGeometry(
      existingSegmentByteCount: Int(existingByteCount), existingCount: found.count, wanted: wanted)
    let segments: [Int32]
    let writer: CommitWriter
    do {
      segments = try complete(directory, found, geometry)
      writer = try CommitWriter()
    } catch {
      throw .cannotCreateSegments(error)
    }
    return SpoolDirectory(
      geometry: geometry.with(segmentCount: segments.count), directory: directory, lock: lock,
      segments: segments, writer: writer)
  }

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

  /// Where frames that nobody takes are kept for people.
  var quarantineFile: QuarantineFile { QuarantineFile(directory: directory) }

  /// Where it is kept which devices are parked.
  var parkedFile: ParkedFile { ParkedFile(directory: directory) }

  mutating func startCommit(_ order: CommitOrder) {
    writer.start(order, descriptor: segments[order.segment])
  }

  static func diskError(_ code: Int32) -> DiskError {
    switch code {
    case clinux_enospc, clinux_edquot: .noSpace
    case clinux_erofs: .readOnly
    default: .failed
    }
  }

  // MARK: Files

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
    let opened = withCString(Text("lock").bytes) {
      unsafe clinux_open_at(directory, $0, 1)
    }
    if opened < 0 { throw .cannotCreate(SystemError(code: Int32(-opened))) }
    let locked = clinux_lock(Int32(opened))
    if locked < 0 {
      Sockets.close(Int32(opened))
      throw -locked == Int(clinux_eagain)
        ? .inUse : .cannotCreate(SystemError(code: Int32(-locked)))
    }
    return Int32(opened)
  }

  private static func openSegment(_ directory: Int32, _ index: Int, create: Bool) -> Int {
    var name = Text("seg.")
    for divisor in [100, 10, 1] where index < 1_000 || divisor > 1 {
      name.append(byte: 0x30 + UInt8(index / divisor % 10))
    }
    if index >= 1_000 {
      name = Text("seg.")
      name.append(index)
    }
    return withCString(name.bytes) { unsafe clinux_open_at(directory, $0, create ? 1 : 0) }
  }

  /// Creates what is missing. A disk too full for all of it serves with what fits.
  private static func complete(
    _ directory: Int32, _ found: [Int32], _ geometry: SpoolGeometry
  ) throws(SystemError) -> [Int32] {
    var segments = found
    let size = Int64(geometry.segmentByteCount)
    var isNew = false
    for descriptor in found where clinux_file_size(descriptor) < size {
      // A power cut while it was created; its content is none.
      _ = allocate(descriptor, size)
    }
    while segments.count < geometry.segmentCount {
      let opened = openSegment(directory, segments.count, create: true)
      if opened < 0 {
        if segments.count >= 2 { break }
        throw SystemError(code: Int32(-opened))
      }
      let allocated = allocate(Int32(opened), size)
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

  private static func allocate(_ descriptor: Int32, _ size: Int64) -> Int {
    let result = clinux_allocate(descriptor, size)
    return -result == Int(clinux_eopnotsupp) ? clinux_truncate(descriptor, size) : result
  }
}

/// Calls `body` with `bytes` as a terminated C string.
@safe func withCString<Result>(
  _ bytes: [UInt8], _ body: (UnsafePointer<CChar>) -> Result
) -> Result {
  let terminated = bytes + [0]
  // SAFETY: the memory lives for the call and ends with a zero.
  return unsafe terminated.withUnsafeBufferPointer { buffer in
    unsafe buffer.baseAddress!.withMemoryRebound(to: CChar.self, capacity: buffer.count) {
      unsafe body($0)
    }
  }
}
