// Records: what the running relay says of itself on its control socket.

import Detect
import Queue
import Relay

extension Loop {
  func writeStatus(to text: inout Text) {
    let now = clock.now
    let status = engine.status
    let ledger = engine.ledger
    let counters = engine.spool.counters
    text.appendField("version", Text(Version.text))
    text.appendField("platform", platformName)
    text.appendField("spool_file_system", Literal(engine.spool.disk.medium.name))
    text.appendField("spool_weakness", Literal(engine.spool.disk.medium.weakness.name))
    let numbers: [(Literal, UInt64)] = [
      ("uptime_seconds", UInt64(max(0, now.since(startedAt) / 1_000))),
      ("clock_synchronised", clock.trust.isSynchronised ? 1 : 0),
      ("clock_believed", clock.isBelieved ? 1 : 0),
      ("platform_addresses", UInt64(platformAddressCount)),
      ("platform_sessions", UInt64(status.liveCount)),
      ("devices", UInt64(status.deviceCount)),
      ("devices_online", UInt64(status.onlineCount)),
      ("devices_waiting", UInt64(status.waitingDeviceCount)),
      ("sessions", UInt64(status.sessionCount)),
      ("sessions_accepted", ledger.acceptedSessionCount),
      ("sessions_refused", ledger.refusedSessionCount),
      ("refused_by_source_limit", ledger.refusedBySourceLimitCount),
      ("refused_by_network", ledger.refusedByNetworkCount),
      ("refused_by_device", ledger.refusedByDeviceCount),
      ("refused_by_protocol", ledger.refusedByProtocolCount),
      ("sessions_rejected", ledger.rejectedSessionCount),
      ("sessions_timed_out", ledger.timedOutSessionCount),
      ("frames_waiting", UInt64(status.waitingFrameCount)),
      ("frames_received", ledger.receivedFrameCount),
      ("frames_answered", ledger.answeredFrameCount),
      ("frames_at_risk", ledger.atRiskFrameCount),
      ("frames_stored", ledger.storedFrameCount),
      ("frames_delivered", ledger.deliveredFrameCount),
      ("frames_delivered_by_login", ledger.deliveredByLoginCount),
      ("frames_delivered_by_end", ledger.deliveredByEndCount),
      ("frames_delivered_by_kernel", ledger.deliveredByKernelCount),
      ("frames_resent", ledger.resentFrameCount),
      ("frames_expired", ledger.expiredFrameCount),
      ("frames_dropped", counters.droppedFrameCount),
      ("frames_quarantined", ledger.quarantinedFrameCount),
      ("commands", ledger.commandCount),
      ("commands_dropped", ledger.droppedCommandCount),
      ("spool_bytes", UInt64(engine.spool.geometry.byteCount)),
      ("spool_frames_spared", counters.sparedFrameCount),
      ("spool_commits", counters.commitCount),
      ("spool_commits_failed", counters.failedCommitCount),
      ("spool_written_bytes", counters.writtenByteCount),
    ]
    for (name, number) in numbers { text.appendField(name, number) }
    text.append("\n")
  }

  func writeUnknown(_ source: UnknownSource, to text: inout Text) {
    var address = Text()
    source.address.writeHost(to: &address)
    text.appendField("source", address)
    text.appendField("count", UInt64(source.count))
    text.appendField("seconds_ago", UInt64(max(0, clock.now.since(source.lastAt) / 1_000)))
    var near = Text()
    UnknownTraffic.writeNear(source.bytes.span, to: &near)
    text.appendField("near", near)
    var shown = Text()
    UnknownTraffic.writeText(source.bytes.span, to: &shown)
    text.appendField("text", shown)
    var hex = Text()
    UnknownTraffic.writeHex(source.bytes.span, to: &hex)
    text.appendField("bytes", hex)
    text.append("\n")
  }

  func writeDevice(_ device: DeviceIndex, to text: inout Text) {
    guard let status = engine.status(of: device), let name = name(of: device),
      let balance = engine.balance(of: device)
    else { return }
    let now = clock.now
    appendName(name, to: &text)
    if let slot = status.session {
      text.appendField("transport", engine.transport(of: slot) == .tcp ? "tcp" : "udp")
      var source = Text()
      engine.source(of: slot).write(to: &source)
      text.appendField("source", source)
    } else {
      text.appendField("transport", "offline")
      text.appendField("source", "-")
    }
    text.appendField("last_seconds", seconds: age(status.lastFrameAt, now))
    text.appendField("waiting", UInt64(status.waitingFrameCount))
    text.appendField("oldest_seconds", seconds: age(status.oldestAt, now))
    text.appendField("platform", status.platform)
    text.appendField("failures", UInt64(status.failedAttemptCount))
    text.appendField("received", balance[.received])
    text.appendField("delivered", balance[.delivered])
    text.appendField("dropped", balance.droppedEver)
    text.append("\n")
  }

  func writeLedger(of device: DeviceIndex, to text: inout Text) {
    guard let name = name(of: device), let balance = engine.balance(of: device) else { return }
    appendName(name, to: &text)
    write(balance, isEven: balance.isEven, to: &text)
    text.append("\n")
  }

  /// The ledger of all: as long as it is kept and, behind that, since the program's start.
  func writeTotalLedger(to text: inout Text) {
    let (kept, run) = (engine.keptBalance, engine.balance)
    text.appendField("device", "total")
    text.appendField("protocol", "-")
    write(kept, isEven: kept.isEven && run.isEven, to: &text)
    var since = Text()
    if engine.kept.since > 0 {
      Self.write(CalendarTime(secondsSince1970: engine.kept.since), to: &since)
    } else {
      since.append("-")
    }
    text.appendField("since", since)
    text.appendField("gaps", UInt64(engine.kept.gapCount))
    text.appendField("run_seconds", seconds: clock.now.since(startedAt))
    for term in LedgerTerm.allCases {
      text.appendField("run_", term.name, run[term])
    }
    text.append("\n")
  }

  private func write(_ balance: Balance, isEven: Bool, to text: inout Text) {
    for term in LedgerTerm.allCases { text.appendField("", term.name, balance[term]) }
    text.appendField("dropped_ever", balance.droppedEver)
    text.appendField("even", isEven ? "yes" : "no")
  }

  func writeSettings(to text: inout Text) {
    guard let configuration else { return }
    configuration.settings.holding(since: configuration.started).forEachEntry {
      text.appendField("key", $0)
      text.appendField("value", Text($1))
      text.appendField("origin", Text($2))
      text.append("\n")
    }
  }

  /// A frame as it passes. While no clock is believed, its time is the seconds since the relay's start.
  func record(of frame: WatchedFrame, _ identity: DeviceIdentity?, _ moment: Moment) -> Text {
    var text = Text()
    var time = Text()
    if let seconds = moment.wallSeconds {
      Self.write(CalendarTime(secondsSince1970: seconds), to: &time)
    } else {
      let age = max(0, moment.instant.since(startedAt))
      time.append("+")
      time.append(UInt64(age / 1_000))
      time.append(".")
      time.append(UInt64(age % 1_000), digits: 3)
    }
    text.appendField("time", time)
    var kind: Literal
    var answer: Literal = "-"
    var isReceived = false
    switch frame.direction {
    case .received(let meaning, let answerClass):
      isReceived = true
      kind = meaning.name
      answer = answerClass.letter
    case .answer: kind = "answer"
    case .command: kind = "command"
    case .noise: kind = "noise"
    }
    text.appendField("direction", isReceived ? "in" : "out")
    if let identity {
      appendName(identity, to: &text)
    } else {
      text.appendField("device", "-")
      text.appendField("protocol", frame.protocolID.map { $0.row.name } ?? "-")
    }
    text.appendField("kind", kind)
    text.appendField("answer", answer)
    text.appendField("bytes", Text(hex: frame.bytes.span))
    text.append("\n")
    return text
  }

  private static func write(_ time: CalendarTime, to text: inout Text) {
    text.append(UInt64(time.year), digits: 4)
    text.append("-")
    text.append(UInt64(time.month), digits: 2)
    text.append("-")
    text.append(UInt64(time.day), digits: 2)
    text.append("T")
    text.append(UInt64(time.hour), digits: 2)
    text.append(":")
    text.append(UInt64(time.minute), digits: 2)
    text.append(":")
    text.append(UInt64(time.second), digits: 2)
    text.append("Z")
  }

  // MARK: Names

  /// A device's name and its protocol's, as people write them.
  private func name(of device: DeviceIndex) -> DeviceIdentity? {
    engine.spool.isKnown(device) ? engine.identity(of: device) : nil
  }

  @inline(never)
  private func appendName(_ identity: DeviceIdentity, to text: inout Text) {
    text.appendField("device", identity.written)
    text.appendField("protocol", identity.protocolID.row.name)
  }

  private func age(_ instant: Instant, _ now: Instant) -> Int64? {
    instant == .never ? nil : now.since(instant)
  }
}
