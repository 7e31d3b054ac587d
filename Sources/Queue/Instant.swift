// Monotonic time as a number, so that nothing but the edge reads a clock.

/// A point in monotonic time, in milliseconds since an origin that the caller chose.
public struct Instant: Equatable, Comparable, Sendable {
  public var milliseconds: Int64
  public init(milliseconds: Int64) { self.milliseconds = milliseconds }

  /// Later than every deadline.
  public static let never = Instant(milliseconds: Int64.max)

  public static func < (a: Instant, b: Instant) -> Bool { a.milliseconds < b.milliseconds }

  /// The instant `milliseconds` later.
  public func advanced(by milliseconds: Int) -> Instant {
    Instant(milliseconds: self.milliseconds + Int64(milliseconds))
  }

  /// Milliseconds from `earlier` to this instant.
  public func since(_ earlier: Instant) -> Int64 { milliseconds - earlier.milliseconds }
}
