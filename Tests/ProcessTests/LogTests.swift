// What is written now and then, and how much of the log a source may have.

import Queue
import Relay
import Testing

@testable import EdgeRelay

@Suite("Log")
struct LogTests {
  private func line(
    _ summary: inout MinuteSummary, _ status: EngineStatus, received: UInt64 = 0,
    delivered: UInt64 = 0, dropped: UInt64 = 0
  ) -> String? {
    var ledger = Ledger()
    ledger.receivedFrameCount = received
    ledger.deliveredFrameCount = delivered
    return summary.line(status, ledger, dropped: dropped).map {
      String(decoding: $0.bytes, as: UTF8.self)
    }
  }

  @Test("A summary is written when something has changed or waits, with what came since the last")
  func summaries() {
    var summary = MinuteSummary()
    var status = EngineStatus()
    #expect(line(&summary, status) == nil)
    status.sessionCount = 3
    status.onlineCount = 2
    status.deviceCount = 5
    status.liveCount = 2
    let first = "summary sessions=3 online=2 devices=5 received="
    #expect(
      line(&summary, status, received: 7, delivered: 4, dropped: 1)
        == first + "7 delivered=4 dropped=1 waiting=0 platform_sessions=2 platform=up")
    #expect(line(&summary, status, received: 7, delivered: 4, dropped: 1) == nil)
    #expect(
      line(&summary, status, received: 9, delivered: 4, dropped: 1)
        == first + "2 delivered=0 dropped=0 waiting=0 platform_sessions=2 platform=up")
    status.liveCount = 0
    status.waitingFrameCount = 6
    for _ in 0..<2 {
      #expect(
        line(&summary, status, received: 9, delivered: 4, dropped: 1)
          == first + "0 delivered=0 dropped=0 waiting=6 platform_sessions=0 platform=down")
    }
    let gone = line(&summary, EngineStatus(), received: 9, delivered: 10, dropped: 1)
    #expect(gone?.hasSuffix("platform=idle") == true)
  }

  @Test("A source may write a burst of lines and then one now and then, whatever its ports")
  func shares() {
    var shares = LogShares(secret: 5)
    var source = PeerAddress()
    source[0] = 4
    var now = Instant(milliseconds: 1_000)
    func takeAll() -> Int {
      var count = 0
      while count < 1_000 {
        source[3] &+= 1
        guard shares.take(source, now) else { return count }
        count += 1
      }
      return count
    }
    #expect(takeAll() == LogShares.burst)
    now = now.advanced(by: LogShares.interval * 3)
    #expect(takeAll() == 3)
    source[7] = 1
    #expect(takeAll() == LogShares.burst)
    now = now.advanced(by: 3_600_000)
    #expect(takeAll() == LogShares.burst)
  }
}
