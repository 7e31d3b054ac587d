// What the operator has done by the control socket, each with its line in the log, whatever its level.

import CLinux
import Detect
import Queue
import Relay

extension Loop {
  /// Does what a client wants done; what came of it is put into its output. `words` are the question
  /// and its operands.
  mutating func act(
    _ i: Int, _ question: ControlQuestion, _ words: [[UInt8]], _ moment: Moment
  ) {
    if question.isForOwner, clinux_peer_is_owner(control.clients[i].descriptor) == 0 {
      finish(i, "forbidden")
      return
    }
    switch question {
    case .status, .devices, .unknown, .ledger, .settings: break
    case .reload: control.clients[i].output = reload(moment.instant)
    case .tail:
      control.clients[i].device = words[1]
      control.clients[i].protocolName = words[2]
      if follow(i) { engine.isWatched = true }
    case .send, .park, .resume, .drop:
      switch engine.device(called: words[1], protocolID(named: words[2])) {
      case .none: finish(i, "unknown")
      case .several: finish(i, "ambiguous")
      case .one(let key):
        guard let device = engine.spool.find(key) else { return }
        if question == .send {
          send(i, key, words[3], moment.instant)
        } else {
          change(i, question, key, device, moment.instant)
        }
      }
    }
  }

  private mutating func send(_ i: Int, _ key: DeviceKey, _ hex: [UInt8], _ now: Instant) {
    guard let bytes = Hex.decode(hex), !bytes.isEmpty else {
      finish(i, "refused")
      return
    }
    guard follow(i) else { return }
    let ticket = control.takeTicket()
    control.clients[i].ticket = ticket
    engine.command(key, bytes.span, ticket: ticket, now)
  }

  private mutating func change(
    _ i: Int, _ question: ControlQuestion, _ key: DeviceKey, _ device: DeviceIndex, _ now: Instant
  ) {
    var line = Text("device ")
    var outcome: Literal
    var frameCount = engine.spool.undeliveredCount(device)
    var isKept = true
    switch question {
    case .park:
      outcome = "parked"
      if engine.park(key, now) { isKept = keepParked() } else { outcome = "too-many" }
    case .resume:
      outcome = "resumed"
      engine.resume(key, now)
      isKept = keepParked()
    default:
      outcome = "dropped"
      frameCount = engine.giveUp(key, now)
    }
    line.append(outcome)
    append(device, to: &line)
    line.append(" frames=", frameCount)
    if !isKept { line.append(" kept=no") }
    Self.audit(&line)
    var fields = Text()
    fields.appendField("frames", UInt64(frameCount))
    fields.appendField("kept", isKept ? "yes" : "no")
    finish(i, outcome, fields)
  }

  /// Writes down which devices are parked; `false` when a restart will not know.
  private func keepParked() -> Bool {
    var text = Text()
    for key in engine.parked {
      ParkedFile.write(key, to: &text)
      if let device = engine.spool.find(key), let identity = engine.identity(of: device) {
        text.append(" ")
        text.append(identity.written)
        text.append(" ")
        text.append(identity.protocolID.row.name)
      }
      text.append("\n")
    }
    return parkedFile.write(text)
  }

  // MARK: Clients

  /// Lets a client stay; `false` when too many do, which it is told.
  private mutating func follow(_ i: Int) -> Bool {
    if control.followerCount >= Control.followerCountMax {
      finish(i, "busy")
      return false
    }
    control.clients[i].isFollowing = true
    return true
  }

  /// Tells a client what came of its question, and lets it go then.
  private mutating func finish(_ i: Int, _ outcome: Literal, _ fields: Text = Text()) {
    var text = Text()
    text.appendField("outcome", outcome)
    if !fields.isEmpty { text.append("\t") }
    text.append(fields)
    text.append("\n")
    control.clients[i].output = text
  }

  /// Tells who has sent a command what became of it.
  mutating func tell(_ ticket: UInt32, _ fate: CommandFate) {
    guard let i = control.clients.firstIndex(where: { $0.ticket == ticket }) else { return }
    var text = Text()
    text.appendField("outcome", fate.name)
    text.append("\n")
    control.clients[i].isComplete = fate != .held
    push(i, text)
  }

  /// Shows a frame to everybody who follows its device.
  mutating func show(_ frame: WatchedFrame, _ moment: Moment) {
    let identity = frame.device.flatMap { engine.identity(of: $0) }
    var line: Text?
    for i in control.clients.indices where control.clients[i].question == .tail {
      guard control.clients[i].wants(identity, frame.protocolID) else { continue }
      // Until everything before is read, so that the gap is told where it is.
      if control.clients[i].lostCount > 0
        || control.clients[i].waitingByteCount > Control.followerBytesMax
      {
        control.clients[i].lostCount += 1
        continue
      }
      let text = line ?? record(of: frame, identity, moment)
      line = text
      push(i, text)
    }
  }

  /// Gives more to a client that follows.
  private mutating func push(_ i: Int, _ text: Text) {
    if control.clients[i].offset > Control.followerBytesMax {
      var rest = Text()
      rest.append(Array(control.clients[i].output.bytes[control.clients[i].offset...]))
      control.clients[i].output = rest
      control.clients[i].offset = 0
    }
    control.clients[i].output.append(text)
    if control.clients[i].isWriting { return }
    control.clients[i].isWriting = true
    watchControl(i)
  }
}
