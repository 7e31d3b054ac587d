// Which clocks are told to devices.

import Testing

@testable import Relay

struct ClockTrustTests {
  private let now = ClockTrust.earliestSeconds + 1

  private func clock(
    _ states: ClockState..., isTrusted: Bool = false, isFromBattery: Bool = false
  ) -> ClockTrust {
    var trust = ClockTrust(isTrusted: isTrusted, isFromBattery: isFromBattery)
    for state in states { trust.note(state) }
    return trust
  }

  @Test func `a clock needs a witness`() {
    #expect(clock(.synchronised).believed(now) == now)
    #expect(clock(.unsynchronised).believed(now) == nil)
    #expect(clock(.unknown).believed(now) == now)
    #expect(clock(.unsynchronised, isTrusted: true).believed(now) == now)
    #expect(clock(.unsynchronised, isFromBattery: true).believed(now) == now)
  }

  @Test func `a clock that was synchronised once keeps running through an outage`() {
    #expect(clock(.unsynchronised, .synchronised, .unsynchronised).believed(now) == now)
    #expect(!clock(.synchronised, .unsynchronised).isSynchronised)
  }

  @Test func `no witness stands against a date before the program was written`() {
    let old = ClockTrust.earliestSeconds - 1
    #expect(clock(.synchronised, isTrusted: true, isFromBattery: true).believed(old) == nil)
    #expect(clock(.unknown).believed(0) == nil)
  }
}
