// The two clocks of an event: monotonic time for every decision, wall time for answers only.

import Queue

/// When an event happened.
public struct Moment: Sendable {
  public var instant: Instant
  /// Seconds since 1970 in UTC, or `nil` while the wall clock is not believable.
  public var wallSeconds: Int64?

  public init(instant: Instant, wallSeconds: Int64?) {
    self.instant = instant
    self.wallSeconds = wallSeconds
  }
}
