// What the spool has done since the program started.

/// Counts for status output; none of them steers anything.
public struct SpoolCounters: Sendable {
  public var appendedFrameCount: UInt64 = 0
  /// Frames delivered before they had to be written.
  public var sparedFrameCount: UInt64 = 0
  public var commitCount: UInt64 = 0
  public var failedCommitCount: UInt64 = 0
  public var writtenByteCount: UInt64 = 0
  /// Frames moved to a cold segment.
  public var relocatedFrameCount: UInt64 = 0
  public var sweptFrameCount: UInt64 = 0
  /// Frames given up, for whatever reason.
  public var droppedFrameCount: UInt64 = 0
  /// Those of them that were lost to damage, and those that the operator gave up.
  public var damagedFrameCount: UInt64 = 0
  public var givenUpFrameCount: UInt64 = 0
  /// Times a frame was not taken because the ring was full; it may have been offered again.
  public var refusedCount: UInt64 = 0
  /// Bytes of batches that did not validate when they were read, counted at every reading.
  public var damagedByteCount: UInt64 = 0
  public init() {}
}
