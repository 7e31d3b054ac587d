// The clocks. Only the edge reads them.

import CLinux
import Queue
import Relay

/// Monotonic and wall time.
struct Clock {
  /// Wall times before this one (2026-01-01) are a board's guess, not a clock.
  private static let believableSince: Int64 = 1_767_225_600

  /// Instants count from the machine's boot, so that they mean the same after a restart.
  var now: Instant { Instant(milliseconds: clinux_monotonic_milliseconds()) }

  /// A number that is the same for all programs of one boot of the machine; zero when unknown.
  static func bootKey() -> UInt64 {
    var name = [UInt8](repeating: 0, count: 64)
    let opened = withCString(Text("/proc/sys/kernel/random/boot_id").bytes) {
      unsafe clinux_open($0, 0, 0)
    }
    guard opened >= 0 else { return 0 }
    defer { Sockets.close(Int32(opened)) }
    // SAFETY: the buffer lives for the call.
    let got = unsafe name.withUnsafeMutableBufferPointer {
      unsafe clinux_read(Int32(opened), $0.baseAddress!, $0.count)
    }
    guard got > 0 else { return 0 }
    var key: UInt64 = 0xCBF2_9CE4_8422_2325
    for i in 0..<Int(got) { key = (key ^ UInt64(name[i])) &* 0x100_0000_01B3 }
    return max(key, 1)
  }

  var moment: Moment {
    let seconds = clinux_wall_seconds()
    return Moment(
      instant: now, wallSeconds: seconds >= Self.believableSince ? seconds : nil)
  }
}
