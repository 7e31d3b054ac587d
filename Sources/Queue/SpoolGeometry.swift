// How a cap in bytes is cut into segments: cap / 64, at least 272 KiB (one full batch and the
// reserved pages fit) and at most 4 MiB; at least 16 segments.

/// The sizes of a spool, fixed while it is open.
public struct SpoolGeometry: Equatable, Sendable {
  /// Segments no spool has more of.
  public static let segmentCountMax = SpoolLimits.segmentCountMax

  public let segmentByteCount: Int
  public let segmentCount: Int

  /// The geometry for at most `capBytes`; a cap below the smallest spool gives the smallest spool.
  public init(capBytes: Int64) {
    let page = SpoolLimits.pageByteCount
    let wanted = Int(min(capBytes / 64, Int64(SpoolLimits.segmentBytesMax))) / page * page
    segmentByteCount = max(wanted, SpoolLimits.segmentBytesMin)
    segmentCount = Self.count(capBytes, segmentByteCount)
  }

  /// The geometry of a spool that exists: its segments keep their size, and none is taken away.
  ///
  /// An existing size that no spool can have (a file cut short while it was created) is ignored.
  public init(existingSegmentByteCount: Int, existingCount: Int, wanted: SpoolGeometry) {
    let page = SpoolLimits.pageByteCount
    let isPlausible =
      existingSegmentByteCount >= SpoolLimits.segmentBytesMin
      && existingSegmentByteCount <= SpoolLimits.segmentBytesMax
      && existingSegmentByteCount % page == 0
    segmentByteCount = isPlausible ? existingSegmentByteCount : wanted.segmentByteCount
    segmentCount = max(existingCount, Self.count(wanted.byteCount, segmentByteCount))
  }

  /// Any sizes, whole pages: for tests of a ring smaller than a cap can name.
  init(segmentByteCount: Int, segmentCount: Int) {
    self.segmentByteCount = segmentByteCount
    self.segmentCount = segmentCount
  }

  /// The same segments, another number of them.
  public func with(segmentCount: Int) -> SpoolGeometry {
    SpoolGeometry(segmentByteCount: segmentByteCount, segmentCount: segmentCount)
  }

  /// Bytes on disk when every segment exists.
  public var byteCount: Int64 { Int64(segmentByteCount) * Int64(segmentCount) }

  private static func count(_ capBytes: Int64, _ segmentByteCount: Int) -> Int {
    let fitting = min(capBytes / Int64(segmentByteCount), Int64(SpoolLimits.segmentCountMax))
    return max(Int(fitting), SpoolLimits.segmentCountMin)
  }
}
