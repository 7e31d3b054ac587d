// What a commit of the spool writes, without the spool: into a file whose blocks were all written before.

import Glibc

struct RawFile {
  private static let size = 256 << 20
  private let descriptor: Int32
  private let bytes: [UInt8]
  private var offset = 0

  /// A file at `path` for batches of `byteCount` bytes, which begin on pages.
  init(_ path: String, byteCount: Int) {
    descriptor = open(path, O_RDWR | O_CREAT, 0o644)
    precondition(descriptor >= 0, "cannot open a file")
    let zeros = [UInt8](repeating: 0, count: 1 << 20)
    for i in 0..<Self.size >> 20 { _ = unsafe pwrite(descriptor, zeros, zeros.count, i << 20) }
    fsync(descriptor)
    bytes = [UInt8](repeating: 0x61, count: (byteCount + 4_095) / 4_096 * 4_096)
  }

  mutating func commit() {
    if offset + bytes.count > Self.size { offset = 0 }
    _ = unsafe pwrite(descriptor, bytes, bytes.count, offset)
    fdatasync(descriptor)
    offset += bytes.count
  }
}
