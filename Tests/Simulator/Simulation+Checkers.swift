// What must hold, looked at from both far ends.

import Detect
import Queue

extension Simulation {
  // MARK: What the relay tells the devices

  /// Looks at the whole frames that the relay has written to a device.
  func checkEmitted(_ c: Int) {
    let i = connections[c].device
    let speech = devices[i].speech
    var offset = 0
    reading: while true {
      switch speech.cutDown(connections[c].emitted, offset) {
      case .needMore: break reading
      case .garbage:
        violate("garbage to device \(i) (\(speech.name))")
        offset += 1
      case .frame(let byteCount):
        let frame = Array(connections[c].emitted[offset..<offset + byteCount])
        offset += byteCount
        checkEmitted(speech.hear(frame), frame, c)
      }
    }
    connections[c].emitted.removeFirst(offset)
  }

  private func checkEmitted(_ heard: Heard, _ frame: [UInt8], _ c: Int) {
    let i = connections[c].device
    switch heard {
    case .welcome, .alive, .code, .refusal:
      connections[c].loginsOwed -= 1
      if connections[c].loginsOwed < 0 { violate("device \(i): \(heard) not owed") }
    case .courtesy:
      connections[c].courtesiesOwed -= 1
      if connections[c].courtesiesOwed < 0 { violate("device \(i): courtesy not owed") }
    case .alarm(let key): checkAnswer(i, c, key)
    case .command(let flag): checkCommand(i, c, flag)
    case .nonsense: violate("nonsense to device \(i) (\(devices[i].speech.name)): \(frame)")
    }
  }

  /// An answer is for the earliest frame on its connection that it fits.
  private func checkAnswer(_ i: Int, _ c: Int, _ key: UInt32) {
    let owed = connections[c].alarmsOwed
    let fits = owed.indices.filter { devices[i].reports[owed[$0]].key == key }
    guard var k = fits.first else { return violate("device \(i): answer to nothing, key \(key)") }
    // What the operator has given up waits for the disk, while a later one like it is at the platform.
    if devices[i].reports[owed[k]].isGivenUp, !devices[i].reports[owed[k]].isInCustody,
      let later = fits.first(where: { devices[i].reports[owed[$0]].isAtPlatform })
    {
      k = later
    }
    let number = connections[c].alarmsOwed.remove(at: k)
    devices[i].reports[number].atRiskLife = -1
    if !devices[i].reports[number].isInCustody { checkRisk(i, number) }
    devices[i].reports[number].isAnswered = true
    mix(i << 16 | number)
  }

  /// An answer before custody: the operator wants it, and neither the disk nor the platform took the
  /// frame, and it is counted. Only a kill may lose it then.
  private func checkRisk(_ i: Int, _ number: Int) {
    atRiskCount += 1
    devices[i].reports[number].atRiskLife = killCount
    // What has gone live at this moment may have done so behind the decision.
    let isPlatformThere = platform.contains {
      guard $0.who == i, $0.isOpenAtRelay else { return false }
      let upstream = engine.upstreams[$0.device.rawValue]
      return upstream.phase == .live && upstream.phaseAt < instant
    }
    if !configuration.policies.answersAtRisk(ProtocolID.gt06) || failureCount < 3
      || isPlatformThere || atRiskCount > atRiskCountBefore + Int(ledger.atRiskFrameCount)
    {
      violate("device \(i): report \(number) answered before custody")
    }
  }

  private func checkCommand(_ i: Int, _ c: Int, _ flag: UInt32) {
    guard flag > 0, flag <= devices[i].orders.count else {
      return violate("device \(i): command \(flag) was never given")
    }
    let order = devices[i].orders[Int(flag) - 1]
    if order.isEmitted { violate("device \(i): command \(flag) passed twice") }
    // A minute at the relay, and what the network may add.
    if !connections[c].wasSlow, now - order.sentAt > 90_000 {
      violate("device \(i): command \(flag) after \(now - order.sentAt) ms")
    }
    devices[i].orders[Int(flag) - 1].isEmitted = true
  }

  /// The relay is about to read a whole command.
  func noteOrder(_ i: Int, _ number: Int) {
    let c = devices[i].connection
    guard c >= 0, devices[i].role.transport == .tcp, devices[i].state == .online,
      connections[c].isOpenAtRelay, connections[c].isOpenAtDevice, connections[c].end == .none,
      // Before it has said anything the relay takes an older connection for the device's.
      connections[c].readByteCount > 0
    else { return }
    devices[i].orders[number - 1].connection = c
  }

  // MARK: When the relay dials

  /// Ten milliseconds apart for all devices, and not at once where one has just failed.
  func checkDial(_ device: DeviceIndex) {
    if dialledAt > 0, now - dialledAt < 10 { violate("two dials within \(now - dialledAt) ms") }
    dialledAt = now
    if let last = platform.last(where: { $0.device == device }), let lostAt = last.lostAt,
      now - lostAt < 250
    {
      violate("upstream \(device.rawValue) dials again after \(now - lostAt) ms")
    }
  }

  /// A platform that does not answer a login is not waited for.
  func checkPatience() {
    for i in engine.upstreams.indices where engine.upstreams[i].phase == .greeting {
      let waited = instant.since(engine.upstreams[i].phaseAt)
      if waited > 11_000 { violate("upstream \(i) waits for its login's answer for \(waited) ms") }
    }
  }

  /// The relay says how long it puts an attempt off: in bounds, and not all devices by the same.
  private func checkWaits() {
    var waits: [Int] = []
    for case .upstreamLost(_, _, let wait) in logs { waits.append(wait) }
    if let wait = waits.first(where: { $0 < 250 || $0 > 60_000 }) {
      violate("an attempt is put off by \(wait) ms")
    }
    // A step and the half of one are multiples of 250 ms; what lies between them rarely is.
    if waits.count >= 5, waits.allSatisfy({ $0 % 250 == 0 }) {
      violate("all of \(waits.count) attempts are put off by a whole step")
    }
  }

  // MARK: What the relay tells the platform

  /// Looks at a frame at the platform; whether the device is welcome, `nil` when something is wrong.
  func check(_ frame: [UInt8], _ telling: Telling, _ speech: Speech, _ i: Int) -> Bool? {
    if let number = telling.number {
      guard let who = devices.firstIndex(where: { $0.number == number }) else {
        violate("upstream \(i): unknown device \(number)")
        return nil
      }
      if platform[i].who >= 0, platform[i].who != who {
        violate("upstream \(i): device \(who) on the connection of \(platform[i].who)")
        return nil
      }
      // Where every frame names its device, any may be the first one a new relay knows of.
      if platform[i].who < 0, !telling.content.isOpening { platform[i].who = who }
    }
    switch telling.content {
    case .broken, .nonsense:
      violate("upstream \(i): bytes changed \(frame)")
      return nil
    case .registration:
      return false
    case .authentication(let code):
      guard let number = telling.number else { return false }
      if code != JT808Layout.code(of: number) { return false }
      logIn(number, frame, i)
      return true
    case .login:
      guard let number = telling.number else {
        violate("upstream \(i): login of nobody")
        return nil
      }
      logIn(number, frame, i)
      return true
    case .heartbeat, .question, .position, .alarm, .commandReply: break
    }
    let who = platform[i].who
    guard who >= 0 else {
      violate("upstream \(i) (\(speech.name)) starts without a login: \(frame)")
      return nil
    }
    switch telling.content {
    case .position(let sequence), .alarm(let sequence): checkReport(who, sequence, frame, i)
    case .login, .registration, .authentication, .heartbeat, .question, .commandReply, .broken,
      .nonsense:
      break
    }
    return true
  }

  private func logIn(_ number: Int, _ frame: [UInt8], _ i: Int) {
    guard let who = devices.firstIndex(where: { $0.number == number }) else { return }
    platform[i].who = who
    platform[i].login = frame
  }

  private func checkReport(_ who: Int, _ sequence: UInt32, _ frame: [UInt8], _ i: Int) {
    let number = Int(sequence) - who * SimulatedDevice.reportCountMax
    guard devices[who].reports.indices.contains(number),
      devices[who].reports[number].bytes == frame
    else {
      return violate("upstream \(i): bytes changed, report \(number) of device \(who): \(frame)")
    }
    let report = devices[who].reports[number]
    if "\(devices[who].speech.name)" == "gt06" { checkLogin(who, number, i) }
    if number == devices[who].poison || report.isAtPlatform { return }
    devices[who].reports[number].isAtPlatform = true
    deliveredCount += 1
    mix(Int(sequence))
    checkOrder(who, number, report)
    devices[who].maySwap = devices[who].breakCount >= 6
    devices[who].breakCount = 0
  }

  /// The login changes the meaning of what follows it.
  private func checkLogin(_ who: Int, _ number: Int, _ i: Int) {
    for receipt in devices[who].reports[number].receipts {
      if receipt.login == platform[i].login { return }
      // Over UDP a frame may have been kept until a login came.
      let connection = connections[receipt.connection]
      if devices[who].role.transport == .udp, connection.logins.contains(platform[i].login) {
        return
      }
    }
    violate("report \(number) of device \(who) under a login it was not received under")
  }

  /// Between two UDP sources there is no order.
  private func checkOrder(_ who: Int, _ number: Int, _ report: Report) {
    let isDatagram = devices[who].role.transport == .udp
    let last = devices[who].deliveredReceipt
    // Sent again from another source, and nobody can tell which of them this is.
    if isDatagram, Set(report.receipts.map(\.connection)).count > 1 { return }
    if let receipt = report.receipts.first(where: {
      $0.number > (isDatagram ? connections[$0.connection].deliveredReceipt : last)
    }) {
      devices[who].deliveredReceipt = receipt.number
      connections[receipt.connection].deliveredReceipt = receipt.number
    } else if devices[who].maySwap {
      // Put behind its next one after six sessions that broke over it.
    } else if droppedCount == 0 {
      // What was evicted, and counted, may come back when the note of it was lost.
      violate(
        """
        report \(number) of device \(who) out of order: \
        received as \(report.receipts.map(\.number)), after \(last)
        """)
    }
  }

  // MARK: The books

  var droppedCount: Int { droppedBefore + Int(engine.spool.counters.droppedFrameCount) }

  /// stored + undelivered at start = delivered + expired + quarantined + undelivered + dropped
  func checkLedger() {
    let taken = Int(ledger.storedFrameCount) + undeliveredAtStart
    let dropped = Int(engine.spool.counters.droppedFrameCount)
    let gone =
      Int(ledger.deliveredFrameCount) + Int(ledger.quarantinedFrameCount) + totalUndelivered
    // Expired frames are counted when they are passed over, and some were never stored. What was
    // evicted on its way to the platform may arrive.
    if taken < gone || taken > gone + dropped + Int(ledger.expiredFrameCount) {
      violate(
        """
        the ledger: \(taken) taken, \(gone) gone, \(dropped) dropped, \
        \(ledger.expiredFrameCount) expired
        """)
    }
  }

  func checkEnd() {
    checkLedger()
    checkWaits()
    for i in 0..<engine.spool.deviceCount where hasUndelivered(DeviceIndex(i)) {
      violate("backlog of device \(i) does not drain: \(undeliveredCount(DeviceIndex(i)))")
    }
    var lost: [String] = []
    for (i, device) in devices.enumerated() {
      if !device.pending.isEmpty { violate("device \(i) is not answered") }
      for (number, report) in device.reports.enumerated() where !report.isAtPlatform {
        if quarantined.contains(report.bytes) { continue }
        if report.atRiskLife >= 0, killCount > report.atRiskLife, !report.isDurable { continue }
        if report.isDurable || report.isAnswered || isPromised(report) {
          let custody = report.isDurable ? "durable" : report.isAnswered ? "answered" : "promised"
          lost.append("\(i):\(number) \(custody)")
        }
      }
      for number in missingOrders(of: device) {
        violate("device \(i) did not get command \(number)")
      }
    }
    if lost.count > droppedCount { violate("lost \(lost), counted \(droppedCount)") }
  }

  /// The commands that a device should have heard by now, over connections that still stand.
  func missingOrders(of device: SimulatedDevice) -> [Int] {
    device.orders.indices.map { $0 + 1 }.filter { number in
      let c = device.orders[number - 1].connection
      return c >= 0 && connections[c].isOpenAtRelay && connections[c].isOpenAtDevice
        && !connections[c].isSwallowed && !device.commands.contains(UInt32(number))
    }
  }

  /// Sent when everything worked, over a connection that still stands.
  private func isPromised(_ report: Report) -> Bool {
    guard report.isOfCalm, report.connection >= 0 else { return false }
    let connection = connections[report.connection]
    return !connection.isSwallowed && connection.isOpenAtRelay && connection.isOpenAtDevice
      && devices[connection.device].role.transport == .tcp && !connection.isHalfClosed
  }
}

extension Telling.Content {
  /// Whether it opens a session.
  var isOpening: Bool {
    switch self {
    case .login, .registration, .authentication: true
    case .heartbeat, .question, .position, .alarm, .commandReply, .broken, .nonsense: false
    }
  }
}
