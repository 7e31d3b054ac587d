// Writing a segment's blocks once, before frames need them.
//
//   0              end          byteCount
//   | never written | zeros | ... |        from the end to the front
//
// A file system that has reserved blocks without writing them keeps a note of which ones hold something,
// and after a disk error it may lose that note though every later sync succeeds: what was stored
// is blank at the next mount. Blocks that were written before have no such note, and the commits of the
// first lap cost what all others do.
// Page 0 comes last, and every use begins with it: so a file whose first bytes were never written holds
// nothing but zeros in front of `end`, and writing zeros there changes nothing, whatever came between.

import CLinux
import Queue

/// What of a segment's file was never written.
struct SegmentFill {
  /// Milliseconds between two steps, and between two where commits follow each other closer than that.
  static let pause: Int32 = 50
  static let longestPause: Int64 = 500
  /// Bytes of a step: a commit waits no longer for it than for another commit.
  private static let stepByteCount = SpoolLimits.batchBytesMax

  let descriptor: Int32
  private var end: Int

  /// `nil` for a file that is in use, or that the file system tells nothing of.
  init?(_ descriptor: Int32) {
    self.descriptor = descriptor
    end = clinux_first_data(descriptor)
    if end == 0 { return nil }
  }

  /// Writes the next part; returns whether anything is left. A disk that fails ends it as well.
  mutating func step() -> Bool {
    let start = max(0, end - Self.stepByteCount)
    guard clinux_write_zeros(descriptor, end - start, Int64(start)) >= 0 else { return false }
    end = start
    return end > 0
  }
}
