// A part of a segment that was durable once and does not validate any more.

/// Where bytes of the log have rotted.
public struct DamagedRegion: Equatable, Sendable {
  public let segment: Int
  /// The segment's use in which the bytes were written.
  public let generation: UInt32
  /// Bytes from the segment's start.
  public internal(set) var range: Range<Int>
}
