// What devices do: dial, log in, report, repeat, go away.

import Detect
import Queue

extension Simulation {
  func tick(_ i: Int) {
    at(300 + random.below(2_500), .tick(device: i))
    switch devices[i].state {
    case .offline:
      if now >= devices[i].connectAt { dial(i) }
    case .loggingIn:
      guard now - devices[i].loginSentAt > devices[i].habits.loginPatience else { return }
      if devices[i].loginCount < devices[i].habits.loginAttemptsMax {
        sendLogin(i)
      } else {
        hangUp(i)
      }
    case .online:
      speak(i)
    }
  }

  private func dial(_ i: Int) {
    var connection = SimulatedConnection(device: i)
    connection.source = .number(connections.count + 1)
    if devices[i].role.transport == .tcp {
      guard let slot = engine.accept(connection.source, moment) else { return }
      connection.slot = slot
    }
    devices[i].connection = connections.count
    connections.append(connection)
    devices[i].loginCount = 0
    devices[i].heartbeatAt = now
    if devices[i].speech.login == nil {
      devices[i].state = .online
    } else {
      sendLogin(i)
    }
  }

  func sendLogin(_ i: Int) {
    guard let login = devices[i].speech.login else { return }
    devices[i].state = .loggingIn
    devices[i].loginSentAt = now
    devices[i].loginCount += 1
    let fixed = devices[i].fixedLogin
    let bytes = fixed.isEmpty ? login(&devices[i].speaker) : fixed
    connections[devices[i].connection].logins.append(bytes)
    transmit(i, [(bytes, .login)])
  }

  private func speak(_ i: Int) {
    if connections[devices[i].connection].givenUpAt <= now { return hangUp(i) }
    var burst: [(bytes: [UInt8], content: SimulatedConnection.Content)] = []
    for k in devices[i].pending.indices where burst.count < 3 {
      guard now - devices[i].pending[k].sentAt > devices[i].habits.alarmPatience else { continue }
      // Over UDP the login may have been forgotten, over TCP the connection may be dead.
      if devices[i].pending[k].attemptCount >= devices[i].habits.alarmAttemptsMax {
        return hangUp(i)
      }
      burst.append(repeated(i, k))
    }
    if !isCalm, chance(4) { return leave(i) }
    let reportEnd = Self.faultyTime + Self.reportTime
    if now < reportEnd {
      let count = isCalm ? random.below(2) : chance(10) ? 1 + random.below(40) : random.below(3)
      for _ in 0..<count { if let made = report(i) { burst.append(made) } }
    }
    if now < Self.faultyTime + Self.talkTime, now >= devices[i].heartbeatAt,
      let heartbeat = devices[i].speech.heartbeat
    {
      devices[i].heartbeatAt = now + 4_000 + random.below(8_000)
      burst.append((heartbeat(&devices[i].speaker), .heartbeat))
    }
    transmit(i, burst)
  }

  private func repeated(
    _ i: Int, _ k: Int
  ) -> (bytes: [UInt8], content: SimulatedConnection.Content) {
    devices[i].pending[k].sentAt = now
    devices[i].pending[k].attemptCount += 1
    let number = devices[i].pending[k].report
    return (devices[i].reports[number].bytes, .report(number))
  }

  /// Makes a report; `nil` where the device has to wait for an answer first.
  private func report(
    _ i: Int
  ) -> (bytes: [UInt8], content: SimulatedConnection.Content)? {
    let number = devices[i].reports.count
    if number == SimulatedDevice.reportCountMax { return nil }
    let sequence = UInt32(i * SimulatedDevice.reportCountMax + number)
    let speech = devices[i].speech
    let isAlarm = speech.alarm != nil && (speech.position == nil || chance(30))
    var report = Report(
      bytes: [], isAlarm: isAlarm, key: 0, connection: devices[i].connection, isOfCalm: isCalm)
    if isAlarm, let alarm = speech.alarm {
      if devices[i].pending.count >= devices[i].pendingMax { return nil }
      let made = alarm(&devices[i].speaker, sequence)
      report.bytes = made.bytes
      report.key = made.key
      devices[i].pending.append(
        SimulatedDevice.Pending(report: number, sentAt: now, attemptCount: 1))
    } else if let position = speech.position {
      report.bytes = position(&devices[i].speaker, sequence)
    }
    devices[i].reports.append(report)
    return (report.bytes, .report(number))
  }

  // MARK: Going

  /// Ends a session in one of the ways in which devices do.
  private func leave(_ i: Int) {
    let c = devices[i].connection
    switch random.below(4) {
    case 0: hangUp(i)
    case 1:
      // Gone without a word; the relay learns of it when the device is back, or never.
      goOffline(i, after: random.below(30_000))
    case 2:
      swallow(c)
      note("connection \(c) of device \(i) vanishes")
    default:
      guard devices[i].role.transport == .tcp else { return hangUp(i) }
      note("device \(i) half-closes connection \(c)")
      connections[c].isHalfClosed = true
      connections[c].arrivalAtRelay = wire(
        connections[c].arrivalAtRelay, .endAtRelay(connection: c, .finished))
      goOffline(i, after: random.below(20_000))
    }
  }

  /// From now on nothing gets through. What is on its way arrives: half a frame at the end of a
  /// connection is what a reset leaves.
  func swallow(_ c: Int) {
    connections[c].isSwallowed = true
    connections[c].givenUpAt = now + 60_000
  }

  /// Closes the connection and dials again later.
  func hangUp(_ i: Int) {
    let c = devices[i].connection
    if c >= 0, connections[c].isOpenAtDevice {
      note("device \(i) hangs up connection \(c)")
      connections[c].isOpenAtDevice = false
      if devices[i].role.transport == .tcp {
        connections[c].arrivalAtRelay = wire(
          connections[c].arrivalAtRelay,
          .endAtRelay(connection: c, chance(50) ? .finished : .reset))
      }
    }
    goOffline(i, after: devices[i].habits.pause + random.below(isCalm ? 100 : 10_000))
  }

  func goOffline(_ i: Int, after delay: Int) {
    devices[i].state = .offline
    devices[i].connection = -1
    devices[i].connectAt = now + delay
    // What stands unanswered goes out first of all over the next connection.
    for k in devices[i].pending.indices {
      devices[i].pending[k].attemptCount = 0
      devices[i].pending[k].sentAt = min(
        devices[i].pending[k].sentAt, now - devices[i].habits.alarmPatience)
    }
  }

  // MARK: Sending

  /// Sends frames glued and cut anew, or as one datagram each.
  private func transmit(
    _ i: Int, _ burst: [(bytes: [UInt8], content: SimulatedConnection.Content)]
  ) {
    let c = devices[i].connection
    guard c >= 0, connections[c].isOpenAtDevice, !connections[c].isHalfClosed,
      !connections[c].isSwallowed
    else { return }
    var stream: [UInt8] = []
    for frame in burst {
      let isDatagram = devices[i].role.transport == .udp
      if isDatagram, chance(isCalm ? 0 : 10) { continue }
      connections[c].sentByteCount += frame.bytes.count
      connections[c].sent.append(
        SimulatedConnection.Sent(
          end: connections[c].sentByteCount, content: frame.content, bytes: frame.bytes))
      if isDatagram {
        at(random.below(200), .toRelay(connection: c, frame.bytes))
        if chance(isCalm ? 0 : 5) { at(random.below(200), .toRelay(connection: c, frame.bytes)) }
      } else {
        stream += frame.bytes
      }
    }
    while !stream.isEmpty {
      var count = chance(40) ? 1 + random.below(stream.count) : stream.count
      // A line that breaks off in its end is a line with another end.
      if count < stream.count, stream[count - 1] == 0x0D, stream[count] == 0x0A { count += 1 }
      connections[c].arrivalAtRelay = wire(
        connections[c].arrivalAtRelay, .toRelay(connection: c, Array(stream[..<count])))
      stream.removeFirst(count)
    }
  }

  // MARK: Hearing

  func arriveAtDevice(_ c: Int, _ bytes: [UInt8]) {
    connections[c].unread -= bytes.count
    guard !connections[c].isSwallowed else { return }
    if connections[c].wantsWrite, let slot = connections[c].slot {
      let bytes = engine.withSessionOutput(slot) { span in span.indices.map { span[$0] } }
      if let written = write(bytes, to: slot) { engine.sessionWrote(slot, written) }
    }
    guard connections[c].isOpenAtDevice else {
      // Nobody is there any more, and the network says so.
      if devices[connections[c].device].role.transport == .tcp, connections[c].isOpenAtRelay {
        at(1 + random.below(100), .endAtRelay(connection: c, .reset))
      }
      return
    }
    let i = connections[c].device
    connections[c].inbox += bytes
    var offset = 0
    reading: while true {
      switch devices[i].speech.cutDown(connections[c].inbox, offset) {
      case .needMore: break reading
      case .garbage: offset += 1
      case .frame(let byteCount):
        let frame = Array(connections[c].inbox[offset..<offset + byteCount])
        offset += byteCount
        hear(i, c, devices[i].speech.hear(frame))
      }
    }
    connections[c].inbox.removeFirst(offset)
  }

  private func hear(_ i: Int, _ c: Int, _ heard: Heard) {
    switch heard {
    case .alarm(let key):
      if let k = devices[i].pending.firstIndex(where: { pending in
        devices[i].reports[pending.report].key == key
      }) {
        devices[i].pending.remove(at: k)
      }
    case .command(let flag):
      carryOut(i, c, flag)
    case .welcome where devices[i].connection == c && devices[i].state == .loggingIn:
      devices[i].state = .online
    case .code(let code):
      devices[i].speaker.code = code
      if devices[i].connection == c, devices[i].state == .loggingIn { sendLogin(i) }
    case .refusal:
      devices[i].speaker.code = []
      if devices[i].connection == c, devices[i].state == .loggingIn { sendLogin(i) }
    case .welcome, .alive, .courtesy, .nonsense: break
    }
  }

  private func carryOut(_ i: Int, _ c: Int, _ flag: UInt32) {
    if devices[i].commands.contains(flag) { violate("device \(i) got command \(flag) twice") }
    // Over UDP, and over an older connection, a later one may have overtaken it.
    if devices[i].role.transport == .tcp, devices[i].connection == c,
      let last = devices[i].commands.last, last > flag
    {
      violate("device \(i) got command \(flag) after \(last)")
    }
    devices[i].commands.append(flag)
    guard devices[i].state == .online else { return }
    let reply = devices[i].speech.commandReply(&devices[i].speaker, flag)
    if !reply.isEmpty { transmit(i, [(reply, .reply)]) }
  }

  func endAtDevice(_ c: Int) {
    guard connections[c].isOpenAtDevice, !connections[c].isSwallowed else { return }
    connections[c].isOpenAtDevice = false
    let i = connections[c].device
    if devices[i].connection == c { goOffline(i, after: devices[i].habits.pause) }
  }
}
