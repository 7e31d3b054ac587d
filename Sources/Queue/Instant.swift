// Monotonic time as a number, so that nothing but the edge reads a clock.

/// A point in monotonic time, in milliseconds since an origin that the caller chose.
public struct Instant: Equatable, Comparable, Sendable {
  public var milliseconds: Int64
  public init(milliseconds: Int64) { self.milliseconds = milliseconds }

  /// Later than every deadline.
  public static let never = Instant(milliseconds: Int64.max)
  /// Not later than any instant that a clock has shown.
  public static let origin = Instant(milliseconds: 0)

  public static func < (a: Instant, b: Instant) -> Bool { a.milliseconds < b.milliseconds }

  /// The instant `milliseconds` later, `never` at the latest.
  public func advanced(by milliseconds: Int) -> Instant {
    let (sum, overflow) = self.milliseconds.addingReportingOverflow(Int64(milliseconds))
    return overflow ? .never : Instant(milliseconds: sum)
  }

  /// Milliseconds from `earlier` to this instant.
  public func since(_ earlier: Instant) -> Int64 {
    milliseconds.subtractingReportingOverflow(earlier.milliseconds).partialValue
  }
}
