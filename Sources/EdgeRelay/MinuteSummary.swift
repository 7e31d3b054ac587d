// The line that says now and then how things go: what came and went since the line before, and how things
// stand. A relay for which nothing has changed and nothing waits is silent.

import Relay

/// What the last such line was about.
struct MinuteSummary {
  private var status = EngineStatus()
  private var receivedCount: UInt64 = 0
  private var deliveredCount: UInt64 = 0
  private var droppedCount: UInt64 = 0

  /// The next line; `nil` when there is nothing to say.
  mutating func line(_ status: EngineStatus, _ ledger: Ledger, dropped: UInt64) -> Text? {
    let received = ledger.receivedFrameCount - receivedCount
    let delivered = ledger.deliveredFrameCount - deliveredCount
    let given = dropped - droppedCount
    let isSame = status == self.status && received == 0 && delivered == 0 && given == 0
    self.status = status
    receivedCount = ledger.receivedFrameCount
    deliveredCount = ledger.deliveredFrameCount
    droppedCount = dropped
    if isSame, status.waitingFrameCount == 0 { return nil }
    var line = Text("summary")
    line.append(" sessions=", status.sessionCount)
    line.append(" online=", status.onlineCount)
    line.append(" devices=", status.deviceCount)
    line.append(" received=", received)
    line.append(" delivered=", delivered)
    line.append(" dropped=", given)
    line.append(" waiting=", status.waitingFrameCount)
    line.append(" platform_sessions=", status.liveCount)
    line.append(" platform=")
    let isWanted = status.onlineCount > 0 || status.waitingFrameCount > 0
    line.append(status.liveCount > 0 ? "up" : isWanted ? "down" : "idle")
    return line
  }
}
