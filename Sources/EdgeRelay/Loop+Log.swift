// The loop's log lines: what the engine reports, in words and key=value.

import CLinux
import Detect
import Queue
import Relay

extension Loop {
  mutating func fail(_ message: Literal, _ error: SystemError) {
    var line = Text(message)
    error.write(to: &line)
    log.write(.error, line, now: clock.now)
  }

  /// The last line of a run: what came in and what became of it.
  mutating func writeSummary(isClean: Bool, _ now: Instant) {
    let ledger = engine.ledger
    var line = Text(isClean ? "stopped" : "stopped with frames that could not be stored")
    line.append(" received=", ledger.receivedFrameCount)
    line.append(" stored=", ledger.storedFrameCount)
    line.append(" delivered=", ledger.deliveredFrameCount)
    line.append(" resent=", ledger.resentFrameCount)
    line.append(" expired=", ledger.expiredFrameCount)
    line.append(" quarantined=", ledger.quarantinedFrameCount)
    line.append(" dropped=", engine.spool.counters.droppedFrameCount)
    log.write(isClean ? .info : .error, line, now: now)
  }

  /// Sets when the next summary is due.
  mutating func planSummary(_ now: Instant) {
    summaryAt = summaryInterval == 0 ? .never : now.advanced(by: summaryInterval)
  }

  @inline(never)
  mutating func writeMinuteSummary(_ now: Instant) {
    planSummary(now)
    let dropped = engine.spool.counters.droppedFrameCount
    if let line = summary.line(engine.status, engine.ledger, dropped: dropped) {
      log.write(.info, line, now: now)
    }
  }

  /// Who has caused a line, if that is a device or a stranger.
  private func source(of event: LogEvent) -> PeerAddress? {
    switch event {
    case .refused(let source, _, _), .deviceRefused(let source, _): source
    case .sessionClosed(let slot, _), .unknownTraffic(let slot, _, _), .loggedIn(let slot, _):
      engine.source(of: slot)
    case .upstreamLive, .upstreamLost, .platformRefuses, .command, .noiseDropped, .commitFailed,
      .answeredAtRisk:
      nil
    }
  }

  @inline(never)
  mutating func write(_ event: LogEvent, _ now: Instant) {
    var unknownCount = 0
    if case .unknownTraffic(let slot, _, let bytes) = event {
      unknownCount = unknownSources.note(engine.source(of: slot), bytes, now)
    }
    if let source = source(of: event), !logShares.take(source, now) {
      log.leaveOut()
      return
    }
    var line = Text()
    var level = LogLevel.info
    switch event {
    case .refused(let source, let transport, let reason):
      level = .warning
      line.append(transport == .tcp ? "connection refused reason=" : "datagram refused reason=")
      line.append(reason.name)
      line.append(" source=")
      source.write(to: &line)
    case .deviceRefused(let source, let identity):
      level = .warning
      line.append("device refused")
      append(identity, to: &line)
      line.append(" source=")
      source.write(to: &line)
    case .sessionClosed(let slot, let reason):
      line.append("session closed reason=")
      line.append(reason.name)
      appendSource(of: slot, to: &line)
    case .unknownTraffic(let slot, let reason, let bytes):
      level = .warning
      line.append("unknown traffic reason=")
      line.append(reason.name)
      appendSource(of: slot, to: &line)
      line.append(" count=", unknownCount)
      line.append(" near=")
      UnknownTraffic.writeNear(bytes.span, to: &line)
      line.append(" bytes=")
      UnknownTraffic.writeHex(bytes.span, to: &line)
      line.append(" text=\"")
      UnknownTraffic.writeText(bytes.span, to: &line)
      line.append("\"")
    case .loggedIn(let slot, let device):
      line.append("device online")
      append(device, to: &line)
      line.append(" transport=")
      line.append(engine.transport(of: slot) == .tcp ? "tcp" : "udp")
      appendSource(of: slot, to: &line)
    case .upstreamLive(let device):
      line.append("platform session live")
      append(device, to: &line)
      line.append(" waiting=", engine.spool.undeliveredCount(device))
    case .upstreamLost(let device, let loss, let retry):
      level = loss == .unknownDevice ? .warning : .info
      line.append("platform session lost")
      append(device, to: &line)
      line.append(" reason=")
      line.append(loss.name)
      line.append(" retry_ms=", retry)
    case .platformRefuses(let device):
      level = .warning
      line.append("platform breaks every session, whatever is sent")
      append(device, to: &line)
    case .command(let device, let fate, let byteCount, let source):
      level = fate == .expired || fate == .refused ? .warning : .info
      line.append("command ")
      line.append(fate.name)
      if let device { append(device, to: &line) }
      line.append(" bytes=", byteCount)
      switch source {
      case .platform: break
      case .byOperator(let ticket):
        tell(ticket, fate)
        Self.audit(&line)
        return
      }
    case .noiseDropped(let device, let byteCount):
      level = .warning
      line.append("platform's bytes dropped, no frame and the device offline")
      append(device, to: &line)
      line.append(" bytes=", byteCount)
    case .commitFailed(let error):
      level = .error
      line.append("spool write failed, trying elsewhere error=")
      line.append(Self.name(of: error))
    case .answeredAtRisk:
      level = .error
      line.append("answering frames that only memory has, a restart loses them")
    }
    log.write(level, line, now: now)
  }

  /// Writes what people have done, whatever else is written or left out.
  static func audit(_ line: inout Text) {
    line.append(" source=operator")
    Log.emit(.warning, line)
  }

  /// Keeps a frame for people, and says so.
  @inline(never)
  mutating func quarantine(_ device: DeviceIndex, _ frame: [UInt8], _ moment: Moment) {
    var record = Text()
    if let seconds = moment.wallSeconds { record.append(seconds) } else { record.append("-") }
    record.append(" ")
    if let identity = engine.identity(of: device) {
      record.append(identity.written)
      record.append(" ")
      record.append(identity.protocolID.row.name)
    } else {
      record.append("- -")
    }
    record.append(" ")
    record.append(hex: frame.span)
    record.append("\n")
    let isKept = quarantineFile.append(record)
    var line = Text("frame put aside, sessions with the platform broke over it")
    append(device, to: &line)
    line.append(isKept ? " kept=quarantine frame=" : " kept=no frame=")
    line.append(hex: frame.span)
    log.write(.warning, line, now: moment.instant)
  }

  func append(_ device: DeviceIndex, to line: inout Text) {
    if let identity = engine.identity(of: device) { append(identity, to: &line) }
  }

  private func append(_ identity: DeviceIdentity, to line: inout Text) {
    line.append(" device=")
    line.append(identity.written)
    line.append(" protocol=")
    line.append(identity.protocolID.row.name)
  }

  private func appendSource(of slot: SessionSlot, to line: inout Text) {
    line.append(" source=")
    engine.source(of: slot).write(to: &line)
  }

  private static func name(of error: DiskError) -> Literal {
    switch error {
    case .noSpace: "no-space"
    case .readOnly: "read-only"
    case .failed: "device"
    }
  }
}
