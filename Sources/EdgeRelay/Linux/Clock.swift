// The clocks. Only the edge reads them.

import CLinux
import Queue
import Relay

/// Monotonic and wall time.
struct Clock {
  /// Wall times before this one (2026-01-01) are a board's guess, not a clock.
  private static let believableSince: Int64 = 1_767_225_600

  private let origin: Int64

  /// A clock whose instants count from now.
  init() { origin = clinux_monotonic_milliseconds() }

  var now: Instant { Instant(milliseconds: clinux_monotonic_milliseconds() - origin) }

  var moment: Moment {
    let seconds = clinux_wall_seconds()
    return Moment(
      instant: now, wallSeconds: seconds >= Self.believableSince ? seconds : nil)
  }
}
