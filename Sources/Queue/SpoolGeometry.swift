// How a cap in bytes is cut into segments: cap / 64, at least 272 KiB (one full batch and the
// reserved pages fit) and at most 4 MiB; at least 16 segments.

/// The sizes of a spool, fixed while it is open.
public struct SpoolGeometry: Equatable, Sendable {
  public let segmentByteCount: Int
  public let segmentCount: Int

  /// The geometry for at most `capBytes`; a cap below the smallest spool gives the smallest spool.
  public init(capBytes: Int64) {
    let page = SpoolLimits.pageByteCount
    let wanted = Int(min(capBytes / 64, Int64(SpoolLimits.segmentBytesMax))) / page * page
    segmentByteCount = min(
      max(wanted, SpoolLimits.segmentBytesMin), SpoolLimits.segmentBytesMax)
    segmentCount = min(
      max(Int(min(capBytes / Int64(segmentByteCount), Int64(SpoolLimits.segmentCountMax))), SpoolLimits.segmentCountMin), SpoolLimits.segmentCountMax)
  }

  /// Bytes on disk when every segment exists.
  public var byteCount: Int64 { Int64(segmentByteCount) * Int64(segmentCount) }
}
