// What the operator does to single devices.

import Detect
import Queue
import Testing

@testable import Relay

struct ActionTests {
  @Test func `a device is found by the name that people write`() {
    let world = World()
    _ = world.tracker(1)
    _ = world.tracker(2)
    let name = Array("000000000000002".utf8)
    guard case .one(let key) = world.engine.device(called: name, nil) else {
      Issue.record("not found")
      return
    }
    #expect(key == world.key(2))
    guard case .one = world.engine.device(called: name, .gt06),
      case .none = world.engine.device(called: name, .watch),
      case .none = world.engine.device(called: Array("2".utf8), nil)
    else {
      Issue.record("found wrongly")
      return
    }
  }

  // MARK: Commands

  @Test func `a command of the operator goes down whole, with its source`() {
    let world = World()
    let tracker = world.tracker(1)
    tracker.writes = []
    world.command(1, "any bytes, of whatever protocol", ticket: 7)
    #expect(tracker.writes == [Array("any bytes, of whatever protocol".utf8)])
    #expect(world.fates == ["7 passed"])
    #expect(world.ledger.commandCount == 1)
  }

  @Test func `a command for a device that is away waits for its next frame, or a minute`() {
    let world = World()
    world.tracker(1).hangUp()
    world.command(1, "FIRST", ticket: 1)
    #expect(world.fates == ["1 held"])
    let again = world.connection(1)
    again.send(.login(1, serial: 1))
    #expect(again.inbox.suffix(5) == Array("FIRST".utf8))
    #expect(world.fates == ["1 held", "1 passed-late"])
    again.hangUp()
    world.command(1, "SECOND", ticket: 2)
    world.advance(RelayLimits.commandExpiry)
    #expect(world.fates.suffix(2) == ["2 held", "2 expired"])
    #expect(world.tracker(1).inbox.isEmpty)
  }

  @Test func `a command to a device that is forgotten is refused`() {
    let world = World()
    world.command(1, "X", ticket: 3)
    #expect(world.fates == ["3 refused"])
  }

  // MARK: Parking

  @Test func `nothing of a parked device is sent until it is resumed, and it is answered as ever`()
  {
    let world = World()
    let tracker = world.tracker(1)
    let other = world.tracker(2)
    tracker.send(.position(2))
    // Devices dial one after another.
    world.advance(100)
    let count = world.delivered.count
    #expect(world.park(1))
    world.settle()
    #expect(!world.connections[0].isOpen)
    tracker.send(.alarm(3), .heartbeat(4))
    world.advance(120_000)
    #expect(tracker.take() == [Wire.heartbeat(4).answer(), Wire.alarm(3).answer()])
    #expect(world.delivered.count == count)
    #expect(world.connections.count == 2)
    #expect(status(1, world).platform == "parked")
    #expect(status(1, world).waitingFrameCount > 0)
    other.send(.alarm(3))
    #expect(world.delivered.count == count + 1)
    // A new session of the device changes nothing.
    tracker.hangUp()
    let again = world.tracker(1)
    again.send(.alarm(5))
    world.advance(120_000)
    #expect(world.delivered.count == count + 1)
    world.resume(1)
    world.advance(1_000)
    #expect(world.delivered.suffix(2) == [.alarm(3), .alarm(5)])
    let isEmpty = world.engine.parked.isEmpty
    #expect(isEmpty)
  }

  @Test func `a parked device stays parked across a restart, with what waits of it`() {
    let before = World()
    let tracker = before.tracker(1)
    #expect(before.park(1))
    tracker.send(.alarm(2))
    before.advance(1_000)
    let world = World(image: before.image, parked: before.engine.parked)
    world.advance(120_000)
    #expect(world.connections.isEmpty)
    world.resume(1)
    world.advance(1_000)
    #expect(world.delivered == [.login(1), .alarm(2)])
  }

  @Test func `a device that waits for its next attempt is parked at once`() {
    let world = World()
    world.platformIsUp = false
    world.tracker(1).send(.alarm(2))
    #expect(status(1, world).platform == "waiting")
    #expect(world.park(1))
    let attempts = world.connectTimes.count
    world.advance(300_000)
    #expect(world.connectTimes.count == attempts)
  }

  @Test func `no more than a few hundred are parked`() {
    let world = World()
    for i in 0...RelayLimits.parkedCountMax {
      var key = DeviceKey(family: 1, form: 1)
      key.append(UInt8(i / 256 + 1))
      key.append(UInt8(i % 256))
      let isParked = world.engine.park(key, world.instant)
      #expect(isParked == (i < RelayLimits.parkedCountMax))
    }
  }

  // MARK: Giving up

  @Test func `what waits of a device is given up, and what comes after is delivered`() {
    let world = World()
    world.respond = { $0.type == 0x01 ? $0.answer().bytes : [] }
    let tracker = world.tracker(1)
    tracker.send(.alarm(2), .alarm(3))
    world.advance(100)
    let first = world.upstream
    #expect(world.giveUp(1) == 2)
    world.settle()
    #expect(!first.isOpen)
    #expect(world.balance(1)[.byOperator] == 2)
    #expect(world.balance(1)[.held] == 0)
    #expect(world.ledger.resentFrameCount == 0)
    #expect(world.giveUp(1) == 0)
    world.respond = World.likeAServer
    tracker.send(.alarm(4))
    world.advance(5_000)
    #expect(world.upstream.frames == [.login(1), .alarm(4)])
    #expect(world.balance(1)[.delivered] == 1)
    // The answers that the frames were owed were not given up.
    #expect(tracker.take() == [2, 3, 4].map { Wire.alarm($0).answer() })
  }

  @Test func `giving up does not disturb a login that is under way`() {
    let world = World()
    world.respond = { _ in [] }
    let tracker = world.tracker(1)
    tracker.send(.alarm(2))
    #expect(status(1, world).platform == "greeting")
    #expect(world.giveUp(1) == 1)
    world.say(Wire.login(1).answer().bytes)
    #expect(status(1, world).platform == "live")
    tracker.send(.alarm(3))
    #expect(world.delivered == [.login(1), .alarm(3)])
  }

  @Test func `what waits of a parked device that is away is given up too`() {
    let world = World()
    let tracker = world.tracker(1)
    #expect(world.park(1))
    tracker.send(.alarm(2))
    world.advance(1_000)
    tracker.hangUp()
    #expect(world.giveUp(1) == 1)
    #expect(world.balance(1)[.held] == 0)
  }

  // MARK: Watching

  @Test func `who watches sees frames and answers as they pass, and nobody costs nothing`() {
    let world = World()
    let tracker = world.tracker(1)
    #expect(world.watched.isEmpty)
    world.engine.isWatched = true
    tracker.send(.heartbeat(2))
    world.command(1, "WHERE#", ticket: 1)
    #expect(
      world.watched.map(\.bytes) == [
        Wire.heartbeat(2).bytes, Wire.heartbeat(2).answer().bytes, Array("WHERE#".utf8),
      ])
    guard case .received(.heartbeat, .required) = world.watched[0].direction,
      case .answer = world.watched[1].direction, case .command = world.watched[2].direction
    else {
      Issue.record("\(world.watched)")
      return
    }
    #expect(world.watched.allSatisfy { $0.device != nil && $0.protocolID == .gt06 })
    world.engine.isWatched = false
    tracker.send(.heartbeat(3))
    #expect(world.watched.count == 3)
  }

  @Test func `the oldest frame that waits is known by its age`() {
    let world = World()
    world.respond = { $0.type == 0x01 ? $0.answer().bytes : [] }
    let tracker = world.tracker(1)
    #expect(status(1, world).oldestAt == .never)
    tracker.send(.alarm(2))
    let first = world.instant
    world.advance(3_000)
    tracker.send(.alarm(3))
    let second = world.instant
    #expect(status(1, world).oldestAt == first)
    #expect(status(1, world).lastFrameAt == second)
    world.say(Wire.alarm(2).answer().bytes)
    #expect(status(1, world).oldestAt == second)
    world.say(Wire.alarm(3).answer().bytes)
    #expect(status(1, world).oldestAt == .never)
  }

  private func status(_ imei: UInt64, _ world: World) -> DeviceStatus {
    guard let device = world.engine.spool.find(world.key(imei)),
      let status = world.engine.status(of: device)
    else { return DeviceStatus() }
    return status
  }
}

extension World {
  func key(_ imei: UInt64) -> DeviceKey {
    let login = Wire.login(imei).bytes
    let facts = ProtocolID.gt06.row.facts(login.span)
    return facts.identity.map { Engine<MemoryDisk>.key(of: $0) } ?? DeviceKey(family: 0, form: 0)
  }

  func balance(_ imei: UInt64) -> Balance {
    engine.spool.find(key(imei)).flatMap { engine.balance(of: $0) } ?? Balance()
  }

  func park(_ imei: UInt64) -> Bool { engine.park(key(imei), instant) }

  func resume(_ imei: UInt64) { engine.resume(key(imei), instant) }

  func giveUp(_ imei: UInt64) -> Int { engine.giveUp(key(imei), instant) }

  /// A command of the operator.
  func command(_ imei: UInt64, _ text: String, ticket: UInt32) {
    let bytes = Array(text.utf8)
    engine.command(key(imei), bytes.span, ticket: ticket, instant)
    settle()
  }

  /// What became of the operator's commands: ticket and fate.
  var fates: [String] {
    logs.compactMap { event in
      guard case .command(_, let fate, _, .byOperator(let ticket)) = event else { return nil }
      return "\(ticket) \(fate.name)"
    }
  }
}

extension Literal {
  fileprivate static func == (a: Literal, b: Literal) -> Bool { "\(a)" == "\(b)" }
}
