// A world from one seed: devices, networks, a platform, a disk and power cuts, all of them unreliable.
//
//   events    a queue of (time, number, event); equal times in the order they were made
//   faults    a first part of the run in which everything may fail, then a calm one
//   checkers  answer before custody; bytes unchanged; login first and the right one; first deliveries
//             in the order received; what was durable or answered is delivered or counted; limits;
//             effects on free slots; busy loops; the backlog drains
//
// Nothing here iterates over a set or a dictionary, so that a seed replays.

import Detect
import Queue

@testable import Relay

/// A device of the simulation, with the resend rules of its family.
struct SimulatedDevice {
  enum State { case offline, loggingIn, online }

  var imei: UInt64
  var isTopin: Bool
  var transport: Transport
  var state = State.offline
  var connection = -1
  var login = Wire(bytes: [])
  var loginSentAt = 0
  var connectAt = 0
  var frameCount: UInt32 = 0
  /// Marks of frames that want an answer, and when they were sent last.
  var unanswered: [(mark: UInt32, sentAt: Int)] = []
  /// Frames received by the relay, in order: which, and under which login.
  var receiptCount = 0
  /// The receipt that the last first delivery is taken for.
  var deliveredReceipt = 0
}

/// One connection of a device, or one UDP source; both ends.
struct SimulatedConnection {
  var device: Int
  var slot: SessionSlot?
  var source = PeerAddress()
  var isOpenAtDevice = true
  var isOpenAtRelay = true
  var isRead = true
  var hasEnded = false
  var buffer: [UInt8] = []
  var arrivalAtRelay = 0
  var arrivalAtDevice = 0
  var inbox: [UInt8] = []
  var emitted: [UInt8] = []
  /// Where the frames on the way to the relay end, counted in bytes from the start.
  var boundaries: [(end: Int, mark: UInt32?, login: Wire)] = []
  var sentByteCount = 0
  var readByteCount = 0
}

/// One connection of the relay to the platform; both ends.
struct SimulatedUpstream {
  enum Manner { case good, mute, wrongSerial, wrongChecksum, likeLogin, echoing, hangsUp, unknown }

  var device: DeviceIndex
  var manner = Manner.good
  var isOpenAtRelay = true
  var isOpenAtPlatform = true
  var isConnected = false
  /// Bytes vanish in both directions and nobody is told.
  var isSwallowed = false
  var framesLeft = Int.max
  var arrivalAtPlatform = 0
  var arrivalAtRelay = 0
  var unread = 0
  var wantsWrite = false
  var stream: [UInt8] = []
  var login: Wire?
}

final class Simulation: Edge {
  enum Event {
    case tick(device: Int)
    case toRelay(connection: Int, [UInt8])
    case endAtRelay(connection: Int)
    case toDevice(connection: Int, [UInt8])
    case endAtDevice(connection: Int)
    case connected(Int)
    case toPlatform(Int, [UInt8])
    case fromPlatform(Int, [UInt8])
    case endFromPlatform(Int)
    case committed(Int, isGood: Bool)
    case fault
    case calm
  }

  private struct Entry {
    var time: Int
    var number: Int
    var event: Event
  }

  struct Frame {
    var bytes: [UInt8]
    var receipts: [(number: Int, login: Wire)] = []
    var isDurable = false
    var isAtPlatform = false
    var isAnswered = false
  }

  static let faultyTime = 100_000
  static let calmTime = 800_000
  /// How long devices go on speaking after the faults.
  static let talkTime = 60_000

  let seed: UInt64
  private var random: RandomSource
  private var events: [Entry] = []
  private var eventCount = 0
  private var devices: [SimulatedDevice] = []
  private var connections: [SimulatedConnection] = []
  private var platform: [SimulatedUpstream] = []
  private var isCalm = false
  private var isPlatformUp = true
  private var isDiskSlow = false
  private var isDiskFaulty = false
  private var commitNumber = 0
  private var isCommitScheduled = false
  private var droppedBefore: UInt64 = 0
  private var configuration: RelayConfiguration
  /// Frames by mark, for looking up only.
  private var frames: [UInt32: Frame] = [:]
  private(set) var trace: [String] = []
  /// A hash of everything that happened, to compare two runs.
  private(set) var digest: UInt64 = 0
  private(set) var killCount = 0
  private(set) var deliveredCount = 0

  init(seed: UInt64) {
    self.seed = seed
    random = RandomSource(seed: seed)
    var policies = ReplyPolicies()
    policies.set(seed % 3 == 0 ? .generous : .minimal)
    configuration = RelayConfiguration(
      policies: policies, sessionCountMax: 64, holdMilliseconds: seed % 4 == 0 ? 0 : 250)
    super.init(
      image: nil, configuration: configuration, deviceCountMax: 64, seed: seed)
    for i in 0..<2 + random.below(4) {
      let device = SimulatedDevice(
        imei: 100_000_000_000_000 + UInt64(i), isTopin: chance(30),
        transport: chance(25) ? .udp : .tcp)
      devices.append(device)
      at(random.below(5_000), .tick(device: i))
    }
    at(random.below(20_000), .fault)
    at(Self.faultyTime, .calm)
    engine.start(now: instant)
  }

  // MARK: Running

  func run() {
    let end = now + Self.calmTime
    while now < end, violations.isEmpty {
      var next = Int(clamping: engine.nextDeadline.milliseconds)
      if let first = events.first { next = min(next, first.time) }
      if next > end { break }
      now = max(now, next)
      while let first = events.first, first.time <= now {
        popFirst()
        perform(first.event)
      }
      settle()
      if isCalm, isQuiet { break }
    }
    if violations.isEmpty { checkEnd() }
    if !violations.isEmpty { describe() }
  }

  /// Adds to the trace how every device stands.
  private func describe() {
    for i in 0..<engine.upstreams.count {
      let upstream = engine.upstreams[i]
      let device = DeviceIndex(i)
      trace.append(
        """
        device \(i): \(upstream.phase) session \(upstream.session?.rawValue ?? -1) \
        in flight \(upstream.inFlight.map { "\($0.kind)" }) \
        output \(upstream.output.count) unsent \(engine.spool.hasUnsent(device)) \
        undelivered \(undeliveredCount(device)) retry \(upstream.retryAt.milliseconds)
        """)
    }
  }

  private var isQuiet: Bool {
    for device in devices where !device.unanswered.isEmpty || device.state == .loggingIn {
      return false
    }
    for i in 0..<engine.spool.deviceCount where hasUndelivered(DeviceIndex(i)) { return false }
    return true
  }

  private func settle() {
    for _ in 0..<500 {
      var isBusy = turn()
      if readConnections() { isBusy = true }
      if image.pending != nil, !isCommitScheduled { scheduleCommit() }
      checkLimits()
      if !isBusy, engine.nextDeadline > instant { return }
      if !violations.isEmpty { return }
    }
    violations.append("busy loop at \(now)")
  }

  private func readConnections() -> Bool {
    var isBusy = false
    for i in 0..<connections.count {
      guard connections[i].isOpenAtRelay, let slot = connections[i].slot else { continue }
      guard connections[i].isRead else { continue }
      if !connections[i].buffer.isEmpty {
        let whole = connections[i].buffer.count
        let count = chance(20) ? 1 + random.below(whole) : whole
        let bytes = Array(connections[i].buffer[..<count])
        connections[i].buffer.removeFirst(count)
        noteReceipts(i, count)
        engine.received(slot, bytes.span, moment)
        isBusy = true
      } else if connections[i].hasEnded {
        connections[i].isOpenAtRelay = false
        connections[i].slot = nil
        engine.sessionClosed(slot, moment)
        isBusy = true
      }
    }
    return isBusy
  }

  // MARK: Events

  private func perform(_ event: Event) {
    switch event {
    case .tick(let device): tick(device)
    case .toRelay(let i, let bytes): arriveAtRelay(i, bytes)
    case .endAtRelay(let i): connections[i].hasEnded = true
    case .toDevice(let i, let bytes):
      if connections[i].isOpenAtDevice { arriveAtDevice(i, bytes) }
    case .endAtDevice(let i):
      connections[i].isOpenAtDevice = false
      let device = connections[i].device
      if devices[device].connection == i { goOffline(device, after: 3_000) }
    case .connected(let i): finishConnecting(i)
    case .toPlatform(let i, let bytes): arriveAtPlatform(i, bytes)
    case .fromPlatform(let i, let bytes):
      guard platform[i].isOpenAtRelay, !platform[i].isSwallowed else { return }
      engine.upstreamReceived(platform[i].device, bytes.span, moment)
    case .endFromPlatform(let i):
      guard platform[i].isOpenAtRelay, !platform[i].isSwallowed else { return }
      platform[i].isOpenAtRelay = false
      engine.upstreamClosed(platform[i].device, .closedByPeer, moment)
    case .committed(let number, let isGood): finishCommit(number, isGood)
    case .fault: fault()
    case .calm: calm()
    }
  }

  private func fault() {
    if isCalm { return }
    at(500 + random.below(15_000), .fault)
    switch random.below(10) {
    case 0: kill()
    case 1:
      note("platform \(isPlatformUp ? "down" : "up")")
      isPlatformUp.toggle()
      if !isPlatformUp { for i in 0..<platform.count { endPlatform(i) } }
    case 2, 3:
      guard !platform.isEmpty else { return }
      let i = random.below(platform.count)
      note("cut upstream \(i)")
      endPlatform(i)
    case 4:
      guard !platform.isEmpty else { return }
      let i = random.below(platform.count)
      note("swallow upstream \(i)")
      platform[i].isSwallowed = true
    case 5:
      isDiskSlow.toggle()
      note("disk slow \(isDiskSlow)")
    case 6:
      isDiskFaulty.toggle()
      note("disk faulty \(isDiskFaulty)")
    case 7, 8:
      guard !connections.isEmpty else { return }
      let i = random.below(connections.count)
      note("cut connection \(i)")
      let (atDevice, atRelay) = (chance(70), chance(70))
      if atDevice { at(random.below(500), .endAtDevice(connection: i)) }
      if atRelay { at(random.below(500), .endAtRelay(connection: i)) }
    default:
      isPlatformUp = true
      isDiskFaulty = false
    }
  }

  private func calm() {
    note("calm")
    isCalm = true
    isPlatformUp = true
    isDiskSlow = false
    isDiskFaulty = false
    for i in 0..<platform.count where platform[i].manner != .good || platform[i].isSwallowed {
      platform[i].isSwallowed = false
      endPlatform(i)
    }
  }

  /// The relay's process ends without notice; what is on the disk and in the wires stays.
  private func kill() {
    note("kill")
    killCount += 1
    droppedBefore += engine.spool.counters.droppedFrameCount
    var written: [Bool] = []
    for _ in 0..<80 { written.append(chance(50)) }
    image.tear { written[$0 % 80] }
    commitNumber += 1
    isCommitScheduled = false
    for i in 0..<connections.count where connections[i].isOpenAtRelay {
      connections[i].isOpenAtRelay = false
      connections[i].slot = nil
      if devices[connections[i].device].transport == .tcp {
        at(random.below(300), .endAtDevice(connection: i))
      }
    }
    for i in 0..<platform.count {
      platform[i].isOpenAtRelay = false
      platform[i].isOpenAtPlatform = false
    }
    engine = Self.engine(image, configuration, 64, seed &+ UInt64(killCount))
    engine.start(now: instant)
  }

  // MARK: Devices

  private func tick(_ i: Int) {
    at(300 + random.below(2_500), .tick(device: i))
    switch devices[i].state {
    case .offline:
      if now >= devices[i].connectAt { dial(i) }
    case .loggingIn:
      guard now - devices[i].loginSentAt > 5_000 else { return }
      if devices[i].transport == .udp { sendLogin(i) } else { hangUp(i, after: 3_000) }
    case .online:
      // In the end they fall silent, so that what is in flight can be seen to be settled.
      if isCalm, now > Self.faultyTime + Self.talkTime, devices[i].unanswered.isEmpty { return }
      speak(i)
    }
  }

  private func dial(_ i: Int) {
    var connection = SimulatedConnection(device: i)
    connection.source = .number(connections.count + 1)
    if devices[i].transport == .tcp {
      guard let slot = engine.accept(connection.source, moment) else { return }
      connection.slot = slot
    }
    devices[i].connection = connections.count
    connections.append(connection)
    let variant = UInt16(1 + random.below(3))
    devices[i].login =
      devices[i].isTopin
      ? .topinLogin(devices[i].imei, version: UInt8(variant))
      : .login(devices[i].imei, serial: variant)
    sendLogin(i)
  }

  private func sendLogin(_ i: Int) {
    devices[i].state = .loggingIn
    devices[i].loginSentAt = now
    transmit(i, [(devices[i].login, nil)])
  }

  private func speak(_ i: Int) {
    var burst: [(Wire, UInt32?)] = []
    for k in 0..<devices[i].unanswered.count where burst.count < 3 {
      if now - devices[i].unanswered[k].sentAt > 10_000 {
        devices[i].unanswered[k].sentAt = now
        let mark = devices[i].unanswered[k].mark
        burst.append((Wire(bytes: frames[mark]?.bytes ?? []), mark))
      }
    }
    if !isCalm {
      for _ in 0..<(chance(10) ? 1 + random.below(40) : random.below(3)) { burst.append(fresh(i)) }
      if chance(2) { return hangUp(i, after: random.below(20_000)) }
      // Gone without a word; the relay learns of it when the device is back.
      if chance(2) { return goOffline(i, after: random.below(30_000)) }
    }
    if chance(30) {
      burst.append(
        (devices[i].isTopin ? .topinHeartbeat : .heartbeat(UInt16(random.below(100))), nil))
    }
    transmit(i, burst)
  }

  private func fresh(_ i: Int) -> (Wire, UInt32?) {
    devices[i].frameCount += 1
    let mark = UInt32(i + 1) << 16 | devices[i].frameCount
    let serial = UInt16(mark & 0xFFFF)
    let isAlarm = devices[i].isTopin || chance(25)
    let frame: Wire =
      devices[i].isTopin
      ? .topinPosition(mark) : isAlarm ? .alarm(serial, mark: mark) : .position(serial, mark: mark)
    frames[mark] = Frame(bytes: frame.bytes)
    if isAlarm { devices[i].unanswered.append((mark, now)) }
    return (frame, mark)
  }

  /// Sends frames glued and cut anew, or as one datagram each.
  private func transmit(_ i: Int, _ burst: [(frame: Wire, mark: UInt32?)]) {
    let c = devices[i].connection
    guard c >= 0, connections[c].isOpenAtDevice else { return }
    var bytes: [UInt8] = []
    for (frame, mark) in burst {
      if devices[i].transport == .udp {
        if chance(isCalm ? 0 : 10) { continue }
        connections[c].boundaries.append((frame.bytes.count, mark, devices[i].login))
        at(random.below(200), .toRelay(connection: c, frame.bytes))
        if chance(5) { at(random.below(200), .toRelay(connection: c, frame.bytes)) }
      } else {
        connections[c].sentByteCount += frame.bytes.count
        connections[c].boundaries.append((connections[c].sentByteCount, mark, devices[i].login))
        bytes += frame.bytes
      }
    }
    while !bytes.isEmpty {
      let count = chance(40) ? 1 + random.below(bytes.count) : bytes.count
      let time = max(connections[c].arrivalAtRelay, now + 1 + random.below(200))
      connections[c].arrivalAtRelay = time
      push(time, .toRelay(connection: c, Array(bytes[..<count])))
      bytes.removeFirst(count)
    }
  }

  private func arriveAtRelay(_ c: Int, _ bytes: [UInt8]) {
    if devices[connections[c].device].transport == .udp {
      guard connections[c].isOpenAtDevice else { return }
      if let mark = Self.marks(in: bytes, isTopin: devices[connections[c].device].isTopin).first {
        receive(connections[c].device, mark, devices[connections[c].device].login)
      }
      engine.datagram(connections[c].source, bytes.span, moment)
    } else if connections[c].isOpenAtRelay, !connections[c].hasEnded {
      connections[c].buffer += bytes
    }
  }

  /// Numbers the frames that are whole with the next `count` bytes.
  private func noteReceipts(_ c: Int, _ count: Int) {
    connections[c].readByteCount += count
    while let first = connections[c].boundaries.first,
      first.end <= connections[c].readByteCount
    {
      connections[c].boundaries.removeFirst()
      if let mark = first.mark { receive(connections[c].device, mark, first.login) }
    }
  }

  private func receive(_ device: Int, _ mark: UInt32, _ login: Wire) {
    devices[device].receiptCount += 1
    frames[mark]?.receipts.append((devices[device].receiptCount, login))
  }

  private func arriveAtDevice(_ c: Int, _ bytes: [UInt8]) {
    let i = connections[c].device
    connections[c].inbox += bytes
    while let frame = Wire.cut(&connections[c].inbox) {
      if devices[i].connection != c { continue }
      if frame.type == 0x01, devices[i].state == .loggingIn { devices[i].state = .online }
      if let mark = answeredMark(i, frame) {
        devices[i].unanswered.removeAll { $0.mark == mark }
      }
    }
  }

  /// The frame that an answer is for, if it is one that needs custody.
  private func answeredMark(_ device: Int, _ answer: Wire) -> UInt32? {
    if devices[device].isTopin {
      guard answer.bytes.count == 12, answer.type == 0x10 else { return nil }
      return answer.bytes[6..<10].reduce(0) { $0 << 8 | UInt32($1) }
    }
    guard answer.bytes.count == 10, answer.type == 0x16 || answer.type == 0x12 else { return nil }
    return UInt32(device + 1) << 16 | UInt32(answer.serial)
  }

  private func hangUp(_ i: Int, after delay: Int) {
    let c = devices[i].connection
    if c >= 0 {
      connections[c].isOpenAtDevice = false
      let time = max(connections[c].arrivalAtRelay, now + 1 + random.below(200))
      if devices[i].transport == .tcp { push(time, .endAtRelay(connection: c)) }
    }
    goOffline(i, after: delay)
  }

  private func goOffline(_ i: Int, after delay: Int) {
    devices[i].state = .offline
    devices[i].connection = -1
    devices[i].connectAt = now + delay
  }

  // MARK: Platform

  private func finishConnecting(_ i: Int) {
    guard platform[i].isOpenAtRelay else { return }
    if isPlatformUp {
      platform[i].isConnected = true
      engine.upstreamConnected(platform[i].device, moment)
    } else {
      platform[i].isOpenAtRelay = false
      platform[i].isOpenAtPlatform = false
      engine.upstreamClosed(platform[i].device, .unreachable, moment)
    }
  }

  private func endPlatform(_ i: Int) {
    platform[i].isOpenAtPlatform = false
    if platform[i].isConnected {
      let time = max(platform[i].arrivalAtRelay, now + 1 + random.below(300))
      push(time, .endFromPlatform(i))
    }
  }

  private func arriveAtPlatform(_ i: Int, _ bytes: [UInt8]) {
    platform[i].unread -= bytes.count
    defer { flushAgain(i) }
    guard platform[i].isOpenAtPlatform, !platform[i].isSwallowed else { return }
    platform[i].stream += bytes
    while platform[i].isOpenAtPlatform, let frame = Wire.cut(&platform[i].stream) {
      if platform[i].framesLeft == 0 { return endPlatform(i) }
      platform[i].framesLeft -= 1
      check(frame, on: i)
      let answer = self.answer(frame, on: i)
      if answer.isEmpty { continue }
      let time = max(platform[i].arrivalAtRelay, now + 1 + random.below(200))
      platform[i].arrivalAtRelay = time
      push(time, .fromPlatform(i, answer))
      if chance(2) { push(time, .fromPlatform(i, Wire.command("STATUS#").bytes)) }
    }
  }

  private func flushAgain(_ i: Int) {
    guard platform[i].wantsWrite, platform[i].isOpenAtRelay else { return }
    let device = platform[i].device
    let bytes = engine.withUpstreamOutput(device) { span in span.indices.map { span[$0] } }
    if let written = write(bytes, to: device) { engine.upstreamWrote(device, written) }
  }

  private func answer(_ frame: Wire, on i: Int) -> [UInt8] {
    let isTopin = frame.bytes.count == 15 || frame.type == 0x10 || frame.bytes.count == 6
    if isTopin {
      if platform[i].manner == .mute && frame.type != 0x01 { return [] }
      if platform[i].manner == .unknown { return [] }
      switch frame.type {
      case 0x01: return [0x78, 0x78, 0x01, 0x01, 0x0D, 0x0A]
      case 0x10: return [0x78, 0x78, 0x00, 0x10] + frame.bytes[4..<10] + [0x0D, 0x0A]
      default: return []
      }
    }
    let isOwed = [0x01, 0x13, 0x16].contains(frame.type)
    switch platform[i].manner {
    case .good, .hangsUp: return isOwed ? frame.answer().bytes : []
    case .unknown: return []
    case .mute: return frame.type == 0x01 ? frame.answer().bytes : []
    case .wrongSerial: return isOwed ? frame.answer(serial: 1).bytes : []
    case .wrongChecksum:
      var bytes = isOwed ? frame.answer().bytes : []
      if !bytes.isEmpty { bytes[6] ^= 0xFF }
      return bytes
    case .likeLogin: return Wire.gt06(0x01, serial: 1).bytes
    case .echoing: return frame.answer().bytes
    }
  }

  // MARK: Checkers

  private func check(_ frame: Wire, on i: Int) {
    let key = engine.spool.key(of: platform[i].device)
    let name = key.withBytes { span in span.indices.map { span[$0] } }
    guard let d = devices.firstIndex(where: { Wire.bcd($0.imei) == name }) else { return }
    if frame.type == 0x01 {
      if Array(frame.bytes[4..<12]) != name { violations.append("login of another device") }
      platform[i].login = frame
      return
    }
    guard let login = platform[i].login else {
      violations.append("connection \(i) does not start with a login")
      return
    }
    guard let mark = Self.marks(in: frame.bytes, isTopin: devices[d].isTopin).first else {
      if frame.type != 0x13 && frame.type != 0x08 { violations.append("unknown frame \(frame)") }
      return
    }
    guard let known = frames[mark], known.bytes == frame.bytes, Int(mark >> 16) == d + 1 else {
      violations.append("bytes changed \(mark)")
      return
    }
    if !known.receipts.contains(where: { $0.login == login }) {
      violations.append("frame \(mark) under a login it was not received under")
    }
    if known.isAtPlatform { return }
    frames[mark]?.isAtPlatform = true
    deliveredCount += 1
    mix(UInt64(mark))
    guard
      let receipt = known.receipts.first(where: { $0.number > devices[d].deliveredReceipt })
    else {
      // What was evicted, and counted, may come back when the note of it was lost.
      if droppedCount > 0 { return }
      let numbers = known.receipts.map(\.number)
      violations.append(
        "frame \(mark) out of order: received as \(numbers), after \(devices[d].deliveredReceipt)")
      return
    }
    devices[d].deliveredReceipt = receipt.number
  }

  private func checkAnswer(_ device: Int, _ answer: Wire) {
    guard let mark = answeredMark(device, answer) else { return }
    guard let frame = frames[mark] else {
      violations.append("answer to nothing \(answer)")
      return
    }
    if !frame.isDurable && !frame.isAtPlatform {
      violations.append("answer before custody \(mark)")
    }
    frames[mark]?.isAnswered = true
  }

  private func checkEnd() {
    for i in 0..<engine.spool.deviceCount where hasUndelivered(DeviceIndex(i)) {
      violations.append(
        "backlog of device \(i) does not drain: \(undeliveredCount(DeviceIndex(i)))")
    }
    var lost: [UInt32] = []
    for (i, device) in devices.enumerated() {
      for number in 0..<device.frameCount {
        let mark = UInt32(i + 1) << 16 | (number + 1)
        guard let frame = frames[mark], !frame.isAtPlatform else { continue }
        if frame.isDurable || frame.isAnswered { lost.append(mark) }
      }
    }
    if lost.count > Int(droppedCount) {
      violations.append("lost \(lost), counted \(droppedCount)")
    }
  }

  private var droppedCount: UInt64 { droppedBefore + engine.spool.counters.droppedFrameCount }

  /// The marks of all frames that stand in `bytes`.
  private static func marks(in bytes: [UInt8], isTopin: Bool) -> [UInt32] {
    var found: [UInt32] = []
    bytes.withUnsafeBufferPointer { bytes in
      var i = 0
      while i + 6 <= bytes.count {
        let isMark =
          bytes[i] == 0xEE && bytes[i + 1] == 0xD1 || bytes[i] == 0x0A && bytes[i + 1] == 0x03
        if isMark {
          var mark: UInt32 = 0
          for k in 2..<6 { mark = mark << 8 | UInt32(bytes[i + k]) }
          found.append(mark)
        }
        i += 1
      }
    }
    return found
  }

  // MARK: Disk

  private func scheduleCommit() {
    isCommitScheduled = true
    commitNumber += 1
    let delay = isDiskSlow ? 200 + random.below(6_000) : 1 + random.below(40)
    at(delay, .committed(commitNumber, isGood: !(isDiskFaulty && chance(50))))
  }

  private func finishCommit(_ number: Int, _ isGood: Bool) {
    guard number == commitNumber, image.pending != nil else { return }
    isCommitScheduled = false
    if isGood {
      for mark in Self.marks(in: image.pendingBytes, isTopin: false) {
        frames[mark]?.isDurable = true
      }
      finishCommit()
    } else {
      let written = chance(50)
      image.tear { _ in written }
      engine.commitFinished(.failed, moment)
    }
  }

  // MARK: The lower half of the edge

  override func write(_ bytes: [UInt8], to slot: SessionSlot) -> Int? {
    guard let c = connections.firstIndex(where: { $0.slot == slot && $0.isOpenAtRelay }) else {
      return nil
    }
    if bytes.isEmpty { return 0 }
    let count = chance(5) ? random.below(bytes.count + 1) : bytes.count
    emit(Array(bytes[..<count]), on: c)
    return count
  }

  private func emit(_ bytes: [UInt8], on c: Int) {
    connections[c].emitted += bytes
    while let frame = Wire.cut(&connections[c].emitted) {
      checkAnswer(connections[c].device, frame)
    }
    let time = max(connections[c].arrivalAtDevice, now + 1 + random.below(200))
    connections[c].arrivalAtDevice = time
    push(time, .toDevice(connection: c, bytes))
  }

  override func send(_ bytes: [UInt8], to source: PeerAddress) {
    guard let c = connections.firstIndex(where: { $0.source == source }) else { return }
    connections[c].emitted = []
    if chance(isCalm ? 0 : 10) {
      checkAnswer(connections[c].device, Wire(bytes: bytes))
    } else {
      emit(bytes, on: c)
    }
  }

  override func closeSession(_ slot: SessionSlot) {
    guard let c = connections.firstIndex(where: { $0.slot == slot && $0.isOpenAtRelay }) else {
      return
    }
    connections[c].isOpenAtRelay = false
    connections[c].slot = nil
    push(max(connections[c].arrivalAtDevice, now + 1), .endAtDevice(connection: c))
  }

  override func setReading(_ slot: SessionSlot, _ isReading: Bool) {
    guard let c = connections.firstIndex(where: { $0.slot == slot && $0.isOpenAtRelay }) else {
      return
    }
    connections[c].isRead = isReading
  }

  override func connect(_ device: DeviceIndex) {
    var upstream = SimulatedUpstream(device: device)
    if !isCalm {
      let manners: [SimulatedUpstream.Manner] = [
        .mute, .wrongSerial, .wrongChecksum, .likeLogin, .echoing, .hangsUp, .unknown,
      ]
      if chance(50) { upstream.manner = manners[random.below(manners.count)] }
      if upstream.manner == .hangsUp { upstream.framesLeft = random.below(60) }
    }
    mix(UInt64(platform.count) << 32 | UInt64(now))
    at(1 + random.below(400), .connected(platform.count))
    platform.append(upstream)
  }

  override func write(_ bytes: [UInt8], to device: DeviceIndex) -> Int? {
    guard
      let i = platform.lastIndex(where: {
        $0.device == device && $0.isOpenAtRelay && $0.isConnected
      })
    else { return nil }
    if bytes.isEmpty {
      platform[i].wantsWrite = false
      return 0
    }
    let count = min(bytes.count, 4_096 - platform[i].unread)
    platform[i].wantsWrite = count < bytes.count
    if count <= 0 { return 0 }
    platform[i].unread += count
    var rest = Array(bytes[..<count])
    while !rest.isEmpty {
      let part = chance(30) ? 1 + random.below(rest.count) : rest.count
      let time = max(platform[i].arrivalAtPlatform, now + 1 + random.below(200))
      platform[i].arrivalAtPlatform = time
      push(time, .toPlatform(i, Array(rest[..<part])))
      rest.removeFirst(part)
    }
    return count
  }

  override func closeUpstream(_ device: DeviceIndex) {
    for i in 0..<platform.count
    where platform[i].device == device && platform[i].isOpenAtRelay {
      platform[i].isOpenAtRelay = false
    }
  }

  // MARK: Chance and time

  private func chance(_ percent: Int) -> Bool { random.below(100) < percent }

  private func note(_ words: String) {
    trace.append("\(now) \(words)")
    if trace.count > 200 { trace.removeFirst(100) }
  }

  private func mix(_ value: UInt64) {
    digest = (digest ^ value) &* 0x9E37_79B9_7F4A_7C15
    digest ^= digest >> 29
  }

  private func at(_ delay: Int, _ event: Event) { push(now + delay, event) }

  private func push(_ time: Int, _ event: Event) {
    eventCount += 1
    let entry = Entry(time: time, number: eventCount, event: event)
    var low = 0
    var high = events.count
    while low < high {
      let middle = (low + high) / 2
      if events[middle].time <= time { low = middle + 1 } else { high = middle }
    }
    events.insert(entry, at: low)
  }

  private func popFirst() { events.removeFirst() }
}
