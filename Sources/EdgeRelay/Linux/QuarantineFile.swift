// The frames that sessions with the platform broke over, for people to look at:
//
//   <seconds since 1970, or -> <device> <protocol> <frame in hex>
//
// One text file beside the spool, synced after every line. When it is full, the log has to do.

import CLinux

/// The file `quarantine` of the spool directory.
struct QuarantineFile {
  private static let byteCountMax: Int64 = 1 << 20

  /// The spool directory's descriptor, which stays open.
  let directory: Int32

  /// Appends a line; `false` when there is no room or the disk refuses.
  func append(_ line: Text) -> Bool {
    let opened = unsafe clinux_open_at(directory, ("quarantine" as StaticString).cString, 1)
    guard opened >= 0 else { return false }
    let descriptor = Int32(opened)
    defer { Sockets.close(descriptor) }
    let end = clinux_file_size(descriptor)
    guard end >= 0, end + Int64(line.count) <= Self.byteCountMax else { return false }
    var offset = 0
    while offset < line.count {
      let from = end + Int64(offset)
      // SAFETY: the pointer is used within the call only.
      let written = unsafe line.bytes.withUnsafeBytes {
        unsafe clinux_pwrite(descriptor, $0.baseAddress! + offset, $0.count - offset, from)
      }
      if written <= 0 { return false }
      offset += Int(written)
    }
    return clinux_sync(descriptor) >= 0 && clinux_sync(directory) >= 0
  }
}
