// What families without GT06's kind of login need of the engine: names in every frame, heads that are
// heartbeats or positions, answers nobody gives, authentication of the relay's own.

import Detect
import Queue
import Testing

@testable import Relay

/// One device connection and its platform sessions, in bytes.
private final class FamilyWorld: Edge {
  private(set) var slot: SessionSlot?
  var toDevice: [UInt8] = []
  /// What each connection to the platform was sent, in order.
  var upstream: [(device: DeviceIndex, bytes: [UInt8], isOpen: Bool)] = []
  /// What the platform says to a write.
  var respond: ([UInt8]) -> [UInt8] = { _ in [] }
  var unacknowledged = 0
  /// How often the relay has ended its direction of a connection.
  var endCount = 0
  /// Whether the disk is prompt; the test ends its commits otherwise.
  var commitsAtOnce = true
  private var pending: [(DeviceIndex, [UInt8])] = []
  private var connecting: [DeviceIndex] = []

  init(policies: ReplyPolicies = ReplyPolicies()) {
    super.init(
      image: nil, configuration: RelayConfiguration(policies: policies),
      deviceCountMax: 16, seed: 1
    )
    engine.start(now: instant)
  }

  func open(_ number: Int = 1) {
    slot = engine.accept(.number(number), moment)
    settle()
  }

  func say(_ text: String) { say(Array(text.utf8)) }

  func say(_ bytes: [UInt8]) {
    if slot == nil { open() }
    engine.received(slot!, bytes.span, moment)
    settle()
  }

  /// Says something and lets what it began settle.
  func heard(_ text: String) -> String {
    toDevice = []
    say(text)
    wait(50)
    return String(decoding: toDevice, as: UTF8.self)
  }

  func hangUp() {
    guard let slot else { return }
    self.slot = nil
    engine.sessionClosed(slot, moment)
    settle()
  }

  func tell(_ device: DeviceIndex, _ bytes: [UInt8]) {
    engine.upstreamReceived(device, bytes.span, moment)
    settle()
  }

  /// The platform ends the newest connection, in order or by a reset.
  func end(isInOrder: Bool = true) {
    let device = device
    upstream[upstream.count - 1].isOpen = false
    if isInOrder {
      engine.upstreamEnded(device, unacknowledgedByteCount: unacknowledged, moment)
    } else {
      engine.upstreamClosed(device, .closedByPeer, moment)
    }
    settle()
  }

  func wait(_ milliseconds: Int) {
    let end = now + milliseconds
    while engine.nextDeadline.milliseconds <= Int64(end) {
      now = max(now, Int(engine.nextDeadline.milliseconds))
      settle()
    }
    now = end
    settle()
  }

  func settle() {
    for _ in 0..<1_000 {
      var isBusy = turn()
      if commitsAtOnce, image.pending != nil {
        finishCommit()
        isBusy = true
      }
      let devices = connecting
      connecting = []
      for device in devices {
        engine.upstreamConnected(device, moment)
        isBusy = true
      }
      let answers = pending
      pending = []
      for (device, bytes) in answers {
        engine.upstreamReceived(device, bytes.span, moment)
        isBusy = true
      }
      if !isBusy { return }
    }
    Issue.record("never settles")
  }

  var platform: String { String(decoding: upstream.flatMap(\.bytes), as: UTF8.self) }
  var device: DeviceIndex { upstream[upstream.count - 1].device }

  override func connect(_ device: DeviceIndex) {
    upstream.append((device, [], true))
    connecting.append(device)
  }
  override func write(_ bytes: [UInt8], to device: DeviceIndex) -> Int? {
    guard let place = upstream.lastIndex(where: { $0.device == device && $0.isOpen }) else {
      return nil
    }
    upstream[place].bytes += bytes
    let answer = respond(bytes)
    if !answer.isEmpty { pending.append((device, answer)) }
    return bytes.count
  }
  override func endOutput(_ device: DeviceIndex) { endCount += 1 }
  override func closeUpstream(_ device: DeviceIndex) {
    for i in upstream.indices where upstream[i].device == device { upstream[i].isOpen = false }
  }
  override func unacknowledgedByteCount(_ device: DeviceIndex) -> Int? { unacknowledged }
  override func write(_ bytes: [UInt8], to slot: SessionSlot) -> Int? {
    toDevice += bytes
    return bytes.count
  }
  override func send(_ bytes: [UInt8], to source: PeerAddress) { toDevice += bytes }
  override func closeSession(_ slot: SessionSlot) { if self.slot == slot { self.slot = nil } }

  var online: Int { logs.count { if case .loggedIn = $0 { true } else { false } } }
}

@Suite struct FamilyTests {
  private let position =
    "*HQ,865205030330012,V1,145452,A,2240.55181,N,11358.32389,E,0.00,0,100815,FFFFFBFF#"
  private let cells = "*HQ,865205030330012,V3,000201,46000,07,009350,004022,132,-88#"

  @Test func `a device that never logs in is delivered under the name in its frames`() {
    let world = FamilyWorld()
    world.say(cells)
    world.wait(50)
    #expect(world.platform == cells)
    #expect(world.online == 1)
  }

  @Test func `what nobody answers is delivered when the peer's kernel has it and time has passed`()
  {
    let world = FamilyWorld()
    world.say(cells)
    world.unacknowledged = 10
    world.wait(RelayLimits.healthyInterval * 2)
    #expect(world.hasUndelivered(world.device))
    world.unacknowledged = 0
    // The time counts from when it has everything: a reset may be on its way.
    world.wait(RelayLimits.healthyInterval)
    #expect(world.hasUndelivered(world.device))
    world.wait(RelayLimits.measureInterval * 2)
    #expect(!world.hasUndelivered(world.device))
    #expect(world.ledger.deliveredByKernelCount == 1)
    #expect(world.platform == cells)
  }

  @Test func `a connection that breaks before that sends it again`() {
    let world = FamilyWorld()
    world.say(cells)
    world.wait(RelayLimits.healthyInterval / 2)
    world.upstream[0].isOpen = false
    world.engine.upstreamClosed(world.device, .closedByPeer, world.moment)
    world.wait(70_000)
    #expect(world.platform == cells + cells)
    #expect(!world.hasUndelivered(world.device))
  }

  /// A device that was heard once and has gone; the relay has ended its direction.
  private func gone() -> FamilyWorld {
    let world = FamilyWorld()
    world.say(cells)
    world.wait(100)
    world.hangUp()
    world.wait(RelayLimits.probeDelaySoon)
    #expect(world.endCount == 1)
    #expect(world.hasUndelivered(world.device))
    return world
  }

  @Test func `the platform's end behind the relay's own proves what a device has left`() {
    let world = gone()
    world.end()
    #expect(!world.hasUndelivered(world.device))
    #expect(world.ledger.deliveredByEndCount == 1)
    world.wait(70_000)
    #expect(world.platform == cells)
    #expect(world.ledger.deliveredFrameCount == 1)
    #expect(world.ledger.upstreamLossCount == 0)
  }

  @Test(arguments: [true, false])
  func `an end before everything is acknowledged proves nothing, nor does a reset`(
    _ isInOrder: Bool
  ) {
    let world = gone()
    world.unacknowledged = isInOrder ? 1 : 0
    world.end(isInOrder: isInOrder)
    #expect(world.hasUndelivered(world.device))
    world.unacknowledged = 0
    // Sent again, and not ended again: it would come to the same.
    world.wait(70_000)
    #expect(world.platform == cells + cells)
    #expect(world.endCount == 1)
    #expect(world.ledger.deliveredByKernelCount == 1)
    #expect(!world.hasUndelivered(world.device))
  }

  @Test func `a platform that ends by itself proves nothing`() {
    let world = FamilyWorld()
    world.say(cells)
    world.wait(100)
    world.hangUp()
    world.end()
    #expect(world.hasUndelivered(world.device))
    #expect(world.ledger.upstreamLossCount == 1)
  }

  @Test func `where the platform does not end, its kernel's word has to do`() {
    let world = gone()
    world.wait(RelayLimits.endProofTimeout - 100)
    #expect(world.hasUndelivered(world.device))
    world.wait(100)
    #expect(!world.hasUndelivered(world.device))
    #expect(world.ledger.deliveredByKernelCount == 1)
    world.wait(70_000)
    #expect(world.platform == cells)
  }

  @Test(arguments: [true, false])
  func `what a device says behind the relay's end goes over the next connection`(_ ends: Bool) {
    let world = gone()
    world.say(position)
    world.wait(1)
    #expect(world.upstream.count == 1)
    if ends { world.end() } else { world.wait(RelayLimits.endProofTimeout) }
    world.wait(1_000)
    #expect(world.platform == cells + position)
    #expect(world.upstream.count == 2)
    #expect(world.endCount == 1)
    #expect(world.ledger.deliveredFrameCount == 1)
  }

  /// A watch that has logged in, at a platform that answers its links.
  private func watch() -> FamilyWorld {
    let world = FamilyWorld()
    world.respond = {
      String(decoding: $0, as: UTF8.self).contains("*LK")
        ? Array("[3G*4700186508*0002*LK]".utf8) : []
    }
    world.say("[3G*4700186508*000B*LK,0,10,100]")
    world.wait(50)
    return world
  }

  @Test func `a login that is answered is asked again instead`() {
    let world = watch()
    world.say("[3G*4700186508*0009*UD2,1,2,3]")
    world.hangUp()
    world.wait(RelayLimits.probeDelaySoon + RelayLimits.probeQuiet - 50)
    #expect(world.ledger.deliveredByLoginCount == 0)
    world.wait(100)
    #expect(world.endCount == 0)
    #expect(world.ledger.deliveredByLoginCount == 1)
    #expect(!world.hasUndelivered(world.device))
  }

  @Test func `a full window waits shorter for the kernel's word`() {
    let world = FamilyWorld()
    for _ in 0..<RelayLimits.windowCountMax * 3 { world.say(cells) }
    world.wait(3 * (RelayLimits.healthyIntervalFull + RelayLimits.measureInterval))
    let sent = world.upstream[0].bytes.count / cells.utf8.count
    #expect(sent == RelayLimits.windowCountMax * 3)
  }

  @Test func `the kernel's word counts from when it has everything, not from the sending`() {
    let world = FamilyWorld()
    world.unacknowledged = 1
    for _ in 0..<RelayLimits.windowCountMax * 3 { world.say(cells) }
    world.wait(RelayLimits.healthyIntervalFull - 1)
    world.unacknowledged = 0
    world.wait(RelayLimits.healthyIntervalFull - RelayLimits.measureInterval + 500)
    #expect(world.ledger.deliveredFrameCount == 0)
    world.wait(RelayLimits.healthyIntervalFull + RelayLimits.measureInterval)
    #expect(world.ledger.deliveredByKernelCount == RelayLimits.windowCountMax)
  }

  @Test func `a server that answers positions proves them at once`() {
    let world = FamilyWorld()
    world.respond = { _ in Array("*HQ,865205030330012,V4,V1,20240302120000#".utf8) }
    let answer = world.heard(position)
    #expect(answer.hasPrefix("*HQ,865205030330012,V4,V1,"))
    #expect(!world.hasUndelivered(world.device))
    #expect(world.ledger.deliveredByKernelCount == 0)
  }

  @Test func `the operator's word for a device comes before the one for its protocol`() {
    var policies = ReplyPolicies()
    policies.set(.minimal, for: .h02)
    #expect(FamilyWorld(policies: policies).heard(position) == "")
    let isTaken = policies.set(.generous, forDevice: Array("865205030330012".utf8))
    #expect(isTaken)
    #expect(FamilyWorld(policies: policies).heard(position) != "")
  }

  @Test func `a heartbeat that opens the session is its head, later ones are heartbeats`() {
    let link = "[3G*4700186508*000B*LK,0,10,100]"
    let stored = "[3G*4700186508*0009*UD2,1,2,3]"
    let answer = "[3G*4700186508*0002*LK]"
    let world = FamilyWorld()
    world.respond = { $0.starts(with: Array(link.utf8)) ? Array(answer.utf8) : [] }
    #expect(world.heard(link) == answer)
    #expect(world.platform == link)
    #expect(world.heard(stored) == "")
    // Whether this server answers everything so is not known before it is quiet behind an answer.
    world.say(link)
    world.wait(RelayLimits.probeQuiet + 50)
    #expect(world.platform == link + stored + link)
    #expect(!world.hasUndelivered(world.device))
    #expect(world.heard(stored) == "")
    #expect(world.heard(link) == answer)
    #expect(!world.hasUndelivered(world.device))
  }

  @Test func `a login that holds a position is kept and delivered`() {
    let login =
      "(027046229170BP05355227046229175231120A3450.6766N00613.2130W000.0093920000.0000000000L00000000)"
    let world = FamilyWorld()
    world.respond = { _ in Array("(027046229170AP05)".utf8) }
    #expect(world.heard(login) == "(027046229170AP05)")
    #expect(world.ledger.storedFrameCount == 1)
    #expect(world.platform == login + login)
    #expect(!world.hasUndelivered(world.device))
  }

  @Test func `a late answer to what is settled proves no login`() {
    let world = watch()
    world.say("[3G*4700186508*0008*AL,1,2,3]")
    world.wait(RelayLimits.probeDelayOnline + RelayLimits.probeQuiet + 50)
    #expect(world.ledger.deliveredFrameCount == 1)
    world.respond = { _ in [] }
    world.say("[3G*4700186508*0009*UD2,1,2,3]")
    world.wait(RelayLimits.probeDelayOnline + 50)
    #expect(world.platform.hasSuffix("*LK,0,10,100]"))
    world.tell(world.device, Array("[3G*4700186508*0002*AL]".utf8))
    world.wait(RelayLimits.probeQuiet + 50)
    #expect(world.ledger.deliveredFrameCount == 1)
  }

  @Test func `old firmware keeps its name while the field of its frames runs on`() {
    let world = FamilyWorld()
    world.respond = { $0.starts(with: Array("(0805".utf8)) ? Array("(080524101241AP05)".utf8) : [] }
    _ = world.heard(
      "(080524101241BP05000013632782450080524A2232.9806N11404.9355E000.1101241323.8700000000L000450AC)"
    )
    _ = world.heard(
      "(080612022828BR00080612A2232.9828N11404.9297E000.0022828000.0000000000L000230AA)")
    #expect(world.online == 1)
    #expect(world.upstream.count == 1)
  }

  @Test func `two devices on one connection are two devices`() {
    let world = FamilyWorld()
    let other = "*HQ,4210051415,V3,1#"
    world.say(cells + other + cells)
    world.wait(RelayLimits.healthyInterval * 4)
    let texts = world.upstream.map { String(decoding: $0.bytes, as: UTF8.self) }
    #expect(texts.filter { $0.contains("4210051415") } == [other])
    #expect(texts.filter { $0.contains("865205030330012") }.joined() == cells + cells)
    #expect(world.ledger.storedFrameCount == 3)
  }

  @Test func `firmware that is given another dialect becomes another device`() {
    let world = FamilyWorld()
    world.respond = { _ in [0x78, 0x78, 0x05, 0x01, 0x00, 0x01, 0xD9, 0xDC, 0x0D, 0x0A] }
    world.say(Wire.login(1).bytes)
    world.say(cells)
    world.wait(1_000)
    #expect(world.online == 2)
    #expect(world.platform.hasSuffix(cells))
  }

  // MARK: Doubtful names

  private static let fix = "080612A2232.9828N11404.9297E000.0022828000.0000000000L000230AA)"

  /// Sends a datagram and lets what it began settle.
  private func answer(_ world: FamilyWorld, _ text: String) -> String {
    world.toDevice = []
    world.engine.datagram(.number(1), Array(text.utf8).span, world.moment)
    world.wait(50)
    return String(decoding: world.toDevice, as: UTF8.self)
  }

  @Test func `a running number in a datagram names nobody until a login says who sends`() {
    let world = FamilyWorld()
    world.respond = { _ in Array("(080612022830AP01HSO)".utf8) }
    let alarm = "(080612022829BO012" + Self.fix
    #expect(answer(world, "(080612022828BR00" + Self.fix) == "")
    #expect(answer(world, alarm) == "")
    #expect(world.online == 0)
    #expect(
      answer(world, "(080612022830BP00000013632782450HSO)")
        == "(080612022830AP01HSO)(080612022829AS012)")
    #expect(world.online == 1)
    world.wait(5_000)
    #expect(world.platform.contains(alarm))
  }

  @Test func `a name that a datagram repeats, or that is known, is believed`() {
    let world = FamilyWorld()
    let alarm = "(013666666666BO012" + Self.fix
    #expect(answer(world, "(013666666666BR00" + Self.fix) == "")
    #expect(answer(world, alarm) == "(013666666666AS012)")
    #expect(world.ledger.storedFrameCount == 2)
    world.wait(RelayLimits.bindingIdleTimeout + 1)
    #expect(answer(world, alarm) == "(013666666666AS012)")
  }

  @Test func `a datagram that the network repeats makes no name of a running number`() {
    let world = FamilyWorld()
    let position = "(080612022828BR00" + Self.fix
    #expect(answer(world, position) == "")
    #expect(answer(world, position) == "")
    #expect(world.online == 0)
  }

  @Test func `what a broken connection leaves of a frame is none`() {
    let world = FamilyWorld()
    world.respond = { _ in Array("LOAD".utf8) }
    #expect(world.heard("##,imei:359586015829802,A;") == "LOAD")
    world.say("imei:359586015829802,tracker,0809231929,13554900601,F,11292")
    world.hangUp()
    world.wait(5_000)
    #expect(world.ledger.storedFrameCount == 0)
    #expect(!world.platform.contains("tracker"))
  }

  @Test func `half a binary frame waits for its rest, and is none when the connection breaks`() {
    let world = FamilyWorld()
    let frame: [UInt8] = [
      0x24, 0x41, 0x00, 0x00, 0x00, 0x34, 0x03, 0x04, 0x05, 0x02, 0x01, 0x26, 0x22, 0x34, 0x40,
      0x26,
      0x01, 0x13, 0x54, 0x32, 0x77, 0xE0, 0x00, 0x98, 0xFF, 0xE7, 0xFB, 0xFF, 0x00, 0x00, 0x00,
      0x3A,
    ]
    let other = Array(frame[..<31]) + [0x3B]
    world.say(frame + frame[..<22])
    world.wait(1_000)
    #expect(world.ledger.storedFrameCount == 1)
    world.say(Array(frame[22...]))
    world.wait(1_000)
    #expect(world.ledger.storedFrameCount == 2)
    world.say(other + frame[..<22])
    world.hangUp()
    world.wait(5_000)
    #expect(world.ledger.storedFrameCount == 3)
  }

  @Test func `half a frame whose end never comes is not given to the device`() {
    let world = FamilyWorld()
    world.say(position)
    world.wait(50)
    world.toDevice = []
    world.tell(world.device, Array("*HQ,86520".utf8))
    world.wait(5_000)
    #expect(world.toDevice == [])
    let command = Array("*HQ,865205030330012,S20,145452,1,1#".utf8)
    world.tell(world.device, command)
    #expect(world.toDevice == command)
  }

  @Test func `a command without an end goes when the platform is silent, not without its name`() {
    let name = "imei:359586015829802"
    let world = FamilyWorld()
    world.respond = { String(decoding: $0, as: UTF8.self).contains("##") ? Array("LOAD".utf8) : [] }
    world.say("##,\(name),A;")
    world.wait(50)
    world.toDevice = []
    for part in ["**,imei", "**,\(name)", "**,\(name),"] {
      world.tell(world.device, Array(part.utf8))
      world.wait(5_000)
    }
    #expect(world.toDevice == [])
    let command = Array("**,\(name),J".utf8)
    world.tell(world.device, command)
    world.wait(5_000)
    #expect(world.toDevice == command)
  }

  @Test func `a field that is said twice is a name, and no running number`() {
    let world = FamilyWorld()
    world.say("(080612022828BR00" + Self.fix)
    world.say("(080612022829BR00" + Self.fix)
    world.wait(50)
    #expect(world.online == 1)
    #expect(
      world.heard("(027044702512BP00027044702512HSO01A4)") == "(027044702512AP01HSO)")
    #expect(world.online == 2)
  }

  // MARK: JT/T 808

  private static func jt808(_ id: UInt16, _ body: [UInt8], serial: UInt16) -> [UInt8] {
    var plain: [UInt8] = [UInt8(id >> 8), UInt8(id & 0xFF), 0, UInt8(body.count)]
    plain += [0x01, 0x33, 0x45, 0x67, 0x89, 0x06, UInt8(serial >> 8), UInt8(serial & 0xFF)] + body
    plain.append(plain.reduce(0, ^))
    return [0x7E] + plain.flatMap { $0 == 0x7E ? [0x7D, 2] : $0 == 0x7D ? [0x7D, 1] : [$0] } + [
      0x7E
    ]
  }

  @Test func `the relay authenticates with the code that the platform gave it`() {
    let registration = Self.jt808(
      0x0100, [0, 0x2C, 1, 0x2F] + Array("70111BSJ-M7B 0000000".utf8) + [1] + Array("B88888".utf8),
      serial: 5)
    let authentication = Self.jt808(0x0102, Array("RELAY0001".utf8), serial: 6)
    let heartbeat = Self.jt808(0x0002, [], serial: 7)
    let code = Array("code of theirs".utf8)
    let world = FamilyWorld()
    world.respond = { bytes in
      bytes.starts(with: registration)
        ? Self.jt808(0x8100, [0, 5, 0] + code, serial: 1)
        : bytes[1] == 0x01 && bytes[2] == 0x02
          ? Self.jt808(0x8001, [bytes[11], bytes[12], 1, 2, 0], serial: 2) : []
    }
    world.say(registration)
    world.say(authentication)
    world.say(heartbeat)
    world.wait(100)
    let sent = world.upstream[0].bytes
    #expect(sent.starts(with: registration))
    let rest = Array(sent.dropFirst(registration.count))
    #expect(rest[1...2] == [0x01, 0x02])
    #expect(String(decoding: rest, as: UTF8.self).contains("code of theirs"))
    #expect(!String(decoding: sent, as: UTF8.self).contains("RELAY0001"))
    #expect(sent.suffix(heartbeat.count) == heartbeat[...])
  }

  @Test func `an authentication does not replace a known registration`() {
    let registration = Self.jt808(0x0100, Array(repeating: 0x30, count: 40), serial: 5)
    let authentication = Self.jt808(0x0102, Array("RELAY0001".utf8), serial: 6)
    let world = FamilyWorld()
    world.say(registration)
    world.hangUp()
    world.say(authentication)
    #expect(Array(world.engine.spool.login(of: world.device)) == registration)
  }

  @Test func `a registration is on disk before it is answered, the first time`() {
    let registration = Self.jt808(0x0100, Array(repeating: 0x30, count: 40), serial: 5)
    let world = FamilyWorld()
    world.commitsAtOnce = false
    world.say(registration)
    world.wait(100)
    #expect(world.image.pending != nil)
    #expect(world.toDevice.isEmpty)
    world.finishCommit()
    world.settle()
    #expect(world.toDevice.starts(with: [0x7E, 0x81, 0x00]))
    // It is known now, and nothing is to be waited for.
    world.hangUp()
    world.toDevice = []
    world.say(registration)
    #expect(world.image.pending == nil)
    #expect(world.toDevice.starts(with: [0x7E, 0x81, 0x00]))
  }

  @Test func `a registration is answered at once while the disk fails`() {
    let world = FamilyWorld()
    world.commitsAtOnce = false
    world.say(Self.jt808(0x0100, Array(repeating: 0x30, count: 40), serial: 5))
    world.wait(100)
    world.finishCommit(.failed)
    world.settle()
    world.hangUp()
    world.toDevice = []
    world.say(Self.jt808(0x0100, Array(repeating: 0x31, count: 40), serial: 6))
    #expect(world.toDevice.starts(with: [0x7E, 0x81, 0x00]))
  }
}
