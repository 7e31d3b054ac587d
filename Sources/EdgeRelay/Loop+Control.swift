// What the running relay answers on its control socket, from the engine's own counters.

import CLinux
import Detect
import Queue
import Relay

extension Loop {
  mutating func acceptControl() {
    while true {
      let accepted: (descriptor: Int32, peer: PeerAddress)
      do {
        accepted = try Sockets.accept(control.descriptor)
      } catch {
        if error.code != clinux_eagain { restListeners(error, clock.now) }
        return
      }
      let i = control.nextClient
      control.nextClient = (i + 1) % Control.clientCountMax
      closeControl(i)
      control.clients[i].descriptor = accepted.descriptor
      watchControl(i, PollInterest(read: true, write: false), isNew: true)
    }
  }

  mutating func handleControl(_ i: Int) {
    guard control.clients[i].descriptor >= 0 else { return }
    if control.clients[i].question == nil {
      readControl(i)
    } else {
      writeControl(i)
    }
  }

  private mutating func readControl(_ i: Int) {
    let buffer = buffer
    let descriptor = control.clients[i].descriptor
    var line: [UInt8] = []
    switch Sockets.receive(descriptor, into: buffer, max: Control.questionBytesMax) {
    case .bytes(let count):
      buffer.withBytes(0..<count) { for k in 0..<$0.count { line.append($0[k]) } }
    case .wouldBlock:
      // The event was for the client that had this place before.
      return
    case .ended, .failed:
      closeControl(i)
      return
    }
    guard let question = ControlQuestion(line) else {
      closeControl(i)
      return
    }
    control.clients[i].question = question
    watchControl(i, PollInterest(read: false, write: true), isNew: false)
  }

  /// Writes one piece; the client is asked again when it has read that.
  private mutating func writeControl(_ i: Int) {
    if control.clients[i].offset == control.clients[i].output.count {
      if control.clients[i].isComplete {
        closeControl(i)
        return
      }
      fillControl(i)
    }
    let client = control.clients[i]
    let rest = client.output.bytes.span.extracting(client.offset..<client.output.count)
    switch Sockets.send(client.descriptor, rest) {
    case .bytes(let count): control.clients[i].offset += count
    case .wouldBlock: break
    case .ended, .failed: closeControl(i)
    }
  }

  private mutating func fillControl(_ i: Int) {
    var text = Text()
    switch control.clients[i].question {
    case .status:
      writeStatus(to: &text)
      control.clients[i].isComplete = true
    case .devices:
      let start = control.clients[i].nextDevice
      let end = min(start + Control.deviceCountPerPiece, engine.spool.deviceCount)
      for device in start..<max(start, end) { writeDevice(DeviceIndex(device), to: &text) }
      control.clients[i].nextDevice = end
      control.clients[i].isComplete = end >= engine.spool.deviceCount
    case .unknown:
      for source in unknownSources.all { writeUnknown(source, to: &text) }
      control.clients[i].isComplete = true
    case nil: control.clients[i].isComplete = true
    }
    control.clients[i].output = text
    control.clients[i].offset = 0
  }

  mutating func closeControl(_ i: Int) {
    if control.clients[i].descriptor >= 0 { Sockets.close(control.clients[i].descriptor) }
    control.clients[i] = ControlClient()
  }

  // MARK: Records

  func writeStatus(to text: inout Text) {
    let now = clock.now
    let status = engine.status
    let ledger = engine.ledger
    let counters = engine.spool.counters
    text.appendField("version", Text(Version.text))
    text.appendField("platform", platformName)
    text.appendField("spool_file_system", engine.spool.disk.medium.name)
    text.appendField("spool_weakness", engine.spool.disk.medium.weakness.name)
    let numbers: [(StaticString, UInt64)] = [
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
      ("frames_stored", ledger.storedFrameCount),
      ("frames_delivered", ledger.deliveredFrameCount),
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

  private func writeUnknown(_ source: UnknownSource, to text: inout Text) {
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

  private func writeDevice(_ device: DeviceIndex, to text: inout Text) {
    guard let status = engine.status(of: device), let identity = engine.identity(of: device) else {
      return
    }
    var name = Text()
    for i in 0..<identity.characterCount { name.append(byte: identity.character(i)) }
    text.appendField("device", name)
    text.appendField("protocol", identity.protocolID.row.name)
    if let slot = status.session {
      text.appendField("transport", engine.transport(of: slot) == .tcp ? "tcp" : "udp")
      var source = Text()
      engine.source(of: slot).write(to: &source)
      text.appendField("source", source)
      let silence = max(0, clock.now.since(status.lastByteAt) / 1_000)
      text.appendField("silent_seconds", UInt64(silence))
    } else {
      text.appendField("transport", "offline")
      text.appendField("source", "-")
      text.appendField("silent_seconds", "-")
    }
    text.appendField("waiting", UInt64(status.waitingFrameCount))
    text.appendField("platform", status.platform)
    text.appendField("failures", UInt64(status.failedAttemptCount))
    text.append("\n")
  }
}
