// What the queue asks of a disk: read now, write in the background.
//
// A commit is the only write. Its result comes back through `Spool.commitFinished`, so that the
// caller decides on which thread it runs and a test decides when it ends, and how.

/// Why the disk did not do as it was told.
public enum DiskError: Error, Equatable, Sendable {
  case noSpace
  case readOnly
  /// The device failed (EIO) or the file is not what it was.
  case failed
}

/// One batch on its way to a segment.
///
/// `buffer` holds the segment's header page at 0 and the batch from `SpoolLimits.pageByteCount`
/// on. Nobody writes to it until the commit has finished.
public struct CommitOrder: Sendable {
  public let segment: Int
  /// Byte offset of the batch in the segment.
  public let offset: Int
  /// Bytes of the batch, a multiple of the page size.
  public let byteCount: Int
  /// Whether the header page is to be written too, at offset 0.
  public let writesHeader: Bool
  public let buffer: PageBuffer
}

/// A fixed set of equally long segments.
public protocol Disk: ~Copyable {
  /// Reads `count` bytes of `segment` at `offset` into `buffer` at `position`.
  ///
  /// What the segment does not have, because it is shorter, is filled with zeros.
  mutating func read(
    segment: Int, offset: Int, into buffer: PageBuffer, at position: Int, count: Int
  ) throws(DiskError)

  /// Starts writing and syncing a batch. At most one commit is under way.
  mutating func startCommit(_ order: CommitOrder)
}

extension Disk where Self: ~Copyable {
  /// Reads as `read` does, and again when that fails: what cannot be read at a start is given up, and a
  /// medium that has just failed often reads well the next moment.
  @inline(never)
  mutating func readPatiently(
    segment: Int, offset: Int, into buffer: PageBuffer, at position: Int, count: Int
  ) throws(DiskError) {
    for _ in 1..<SpoolLimits.readAttempts {
      do {
        return try read(segment: segment, offset: offset, into: buffer, at: position, count: count)
      } catch {}
    }
    try read(segment: segment, offset: offset, into: buffer, at: position, count: count)
  }
}
