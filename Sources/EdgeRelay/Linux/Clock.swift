// The clocks. Only the edge reads them.

import CLinux
import Queue
import Relay

/// Monotonic and wall time.
struct Clock {
  /// What speaks for the wall clock.
  private(set) var trust = ClockTrust(isTrusted: false, isFromBattery: isFromBattery())

  /// Instants count from the machine's boot, so that they mean the same after a restart.
  var now: Instant { Instant(milliseconds: clinux_monotonic_milliseconds()) }

  /// A number that is the same for all programs of one boot of the machine; zero when unknown.
  static func bootKey() -> UInt64 {
    let name = readSmallFile("/proc/sys/kernel/random/boot_id")
    if name.isEmpty { return 0 }
    var key: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in name { key = (key ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return max(key, 1)
  }

  var moment: Moment {
    Moment(instant: now, wallSeconds: trust.believed(clinux_wall_seconds()))
  }

  var isBelieved: Bool { trust.believed(clinux_wall_seconds()) != nil }

  /// Asks the kernel about its clock; the operator's word may have changed.
  mutating func check(isTrusted: Bool) {
    trust.isTrusted = isTrusted
    switch clinux_clock_is_synchronised() {
    case 1: trust.note(.synchronised)
    case 0: trust.note(.unsynchronised)
    default: trust.note(.unknown)
    }
  }

  /// Whether the kernel says that it has set its clock from a battery clock.
  private static func isFromBattery() -> Bool {
    readSmallFile("/sys/class/rtc/rtc0/hctosys").first == 0x31
  }

  private static func readSmallFile(_ path: Literal) -> ArraySlice<UInt8> {
    var bytes = [UInt8](repeating: 0, count: 64)
    let opened = withCString(Text(path).bytes) { unsafe clinux_open($0, 0, 0) }
    guard opened >= 0 else { return [] }
    defer { Sockets.close(Int32(opened)) }
    // SAFETY: the buffer lives for the call.
    let got = unsafe bytes.withUnsafeMutableBufferPointer {
      unsafe clinux_read(Int32(opened), $0.baseAddress!, $0.count)
    }
    return bytes[..<max(0, Int(got))]
  }
}
