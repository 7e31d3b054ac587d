// Bytes of the spool that have rotted, for people to look at:
//
//   damage-GENERATION-OFFSET   the bytes from there on in the segment's use of that generation
//
// Written at start, once for each place. When they are 1 MiB together, the oldest are kept and no more added.

import CLinux
import Queue

/// The files `damage-...` of the spool directory.
struct DamageFiles {
  private static let byteCountMax = 1 << 20
  private static let prefix = Text("damage-").bytes

  let path: [UInt8]
  /// The spool directory's descriptor.
  let directory: Int32

  /// Copies what stands in `regions`, as far as there is room; returns how many are kept now.
  func keep(_ regions: [DamagedRegion], of spool: inout Spool<SpoolDirectory>) -> Int {
    var room = Self.byteCountMax - keptByteCount
    var count = 0
    for region in regions {
      if keep(region, &room, &spool) { count += 1 }
    }
    if count > 0 { _ = clinux_sync(directory) }
    return count
  }

  private func keep(
    _ region: DamagedRegion, _ room: inout Int, _ spool: inout Spool<SpoolDirectory>
  ) -> Bool {
    var name = Text("damage-")
    name.append(UInt64(region.generation))
    name.append("-", region.range.lowerBound)
    let opened = withCString(name.bytes) { unsafe clinux_open_at(directory, $0, 1) }
    guard opened >= 0 else { return false }
    let descriptor = Int32(opened)
    defer { Sockets.close(descriptor) }
    if clinux_file_size(descriptor) > 0 { return true }
    let piece = PageBuffer(byteCount: min(region.range.count, max(room, 1)))
    guard room > 0,
      (try? spool.disk.read(
        segment: region.segment, offset: region.range.lowerBound, into: piece, at: 0,
        count: piece.byteCount)) != nil
    else {
      _ = withCString(path + Text("/").bytes + name.bytes) { unsafe clinux_unlink($0) }
      return false
    }
    let written = unsafe piece.withMemory(0..<piece.byteCount) {
      unsafe clinux_pwrite(descriptor, $0.baseAddress!, $0.count, 0)
    }
    room -= max(0, written)
    return written == piece.byteCount && clinux_sync(descriptor) >= 0
  }

  private var keptByteCount: Int {
    var names = [UInt8](repeating: 0, count: 128 * 1_024)
    let listed = withCString(path) { path in
      // SAFETY: the buffer lives for the call.
      unsafe names.withUnsafeMutableBufferPointer {
        unsafe clinux_list_directory(path, $0.baseAddress!, $0.count)
      }
    }
    // A directory that cannot be listed gets nothing.
    guard listed >= 0 else { return Self.byteCountMax }
    var count = 0
    for name in Array(names[..<listed]).parts(at: 0)
    where name.starts(with: Self.prefix) {
      let opened = withCString(name) { unsafe clinux_open_at(directory, $0, 2) }
      guard opened >= 0 else { continue }
      count += Int(clinux_file_size(Int32(opened)))
      Sockets.close(Int32(opened))
    }
    return count
  }
}
