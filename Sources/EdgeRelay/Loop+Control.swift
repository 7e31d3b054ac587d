// What the running relay answers on its control socket, from the engine's own counters.

import CLinux
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
      let i = control.takePlace()
      closeControl(i)
      control.seat(accepted.descriptor, at: i)
      watchControl(i, PollInterest(read: true, write: false), isNew: true)
    }
  }

  @inline(never)
  mutating func handleControl(_ i: Int, _ event: PollEvent, _ moment: Moment) {
    guard control.clients[i].descriptor >= 0 else { return }
    if control.clients[i].question == nil {
      readControl(i, moment)
      return
    }
    if event.isWritable || !control.clients[i].isFollowing { writeControl(i) }
    if control.clients[i].isFollowing, event.isReadable || event.isBroken { readFollower(i) }
  }

  /// A client that follows has no more to say than that it goes.
  private mutating func readFollower(_ i: Int) {
    let buffer = buffer
    switch Sockets.receive(control.clients[i].descriptor, into: buffer, max: 64) {
    case .bytes, .wouldBlock: break
    case .ended, .failed: closeControl(i)
    }
  }

  /// Takes what a client has said; a whole line is a question.
  private mutating func readControl(_ i: Int, _ moment: Moment) {
    let buffer = buffer
    let descriptor = control.clients[i].descriptor
    switch Sockets.receive(descriptor, into: buffer, max: Control.questionBytesMax) {
    case .bytes(let count):
      buffer.withBytes(0..<count) { control.clients[i].input.append($0) }
    case .wouldBlock:
      // The event was for the client that had this place before.
      return
    case .ended, .failed:
      closeControl(i)
      return
    }
    let input = control.clients[i].input
    guard let end = input.firstIndex(of: 0x0A) else {
      if input.count > Control.questionBytesMax { closeControl(i) }
      return
    }
    let words = Array(input[..<end]).parts(at: 0x09)
    guard let question = ControlQuestion.allCases.first(where: { words[0].spells($0.name) }),
      words.count > question.operandCount
    else {
      closeControl(i)
      return
    }
    control.clients[i].input = []
    control.clients[i].question = question
    act(i, question, words, moment)
    watchControl(i)
  }

  /// Watches a client for what it is to do next.
  mutating func watchControl(_ i: Int) {
    let client = control.clients[i]
    watchControl(
      i, PollInterest(read: client.isFollowing, write: !client.isFollowing || client.isWriting),
      isNew: false)
  }

  /// Writes one piece; the client is asked again when it has read that.
  private mutating func writeControl(_ i: Int) {
    if control.clients[i].offset == control.clients[i].output.count {
      control.clients[i].output = Text()
      control.clients[i].offset = 0
      if control.clients[i].isComplete {
        closeControl(i)
        return
      }
      fillControl(i)
      if control.clients[i].output.isEmpty, control.clients[i].isFollowing {
        control.clients[i].isWriting = false
        watchControl(i)
        return
      }
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
      for device in nextDevices(i) { writeDevice(DeviceIndex(device), to: &text) }
    case .ledger:
      for device in nextDevices(i) { writeLedger(of: DeviceIndex(device), to: &text) }
      if control.clients[i].isComplete { writeTotalLedger(to: &text) }
    case .unknown:
      for source in unknownSources.all { writeUnknown(source, to: &text) }
      control.clients[i].isComplete = true
    case .settings:
      writeSettings(to: &text)
      control.clients[i].isComplete = true
    case .send, .tail:
      if !control.clients[i].isFollowing { control.clients[i].isComplete = true }
      if control.clients[i].lostCount > 0 {
        text.appendField("lost", control.clients[i].lostCount)
        text.append("\n")
        control.clients[i].lostCount = 0
      }
    case .park, .resume, .drop, .reload, nil: control.clients[i].isComplete = true
    }
    control.clients[i].output = text
  }

  /// The devices of a client's next piece.
  private mutating func nextDevices(_ i: Int) -> Range<Int> {
    let start = control.clients[i].nextDevice
    let count = engine.spool.deviceCount
    let end = min(start + Control.deviceCountPerPiece, count)
    control.clients[i].nextDevice = end
    control.clients[i].isComplete = end >= count
    return start..<max(start, end)
  }

  mutating func closeControl(_ i: Int) {
    if control.clients[i].descriptor >= 0 { Sockets.close(control.clients[i].descriptor) }
    let wasFollowing = control.clients[i].isFollowing
    control.clients[i] = ControlClient()
    if wasFollowing { engine.isWatched = control.clients.contains { $0.question == .tail } }
  }
}
