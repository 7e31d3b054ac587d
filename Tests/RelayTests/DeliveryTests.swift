// What the platform gets: the login first, frames in order, again after a loss, X frames in time.

import Detect
import Queue
import Testing

@testable import Relay

@Suite struct DeliveryTests {
  @Test func `every connection to the platform starts with the login`() {
    let world = World()
    let tracker = world.tracker(1)
    tracker.send(.position(2))
    for _ in 0..<3 {
      world.cut()
      world.advance(70_000)
    }
    #expect(world.connections.count == 4)
    for connection in world.connections { #expect(connection.frames.first == .login(1)) }
  }

  @Test func `nothing but the login is sent before the platform has answered it`() {
    let world = World()
    world.respond = { _ in [] }
    let tracker = world.tracker(1)
    tracker.send(.position(2), .alarm(3), .heartbeat(4))
    world.advance(5_000)
    #expect(world.delivered == [.login(1)])
    world.say(Wire.login(1).answer().bytes)
    #expect(world.delivered == [.login(1), .position(2), .alarm(3), .heartbeat(4)])
  }

  @Test func `a login that changes is sent before the frames received under it`() {
    let world = World()
    world.platformIsUp = false
    let first = world.tracker(1, serial: 1)
    first.send(.position(2), .position(3))
    let second = world.tracker(1, serial: 9)
    second.send(.position(4))
    world.platformIsUp = true
    world.advance(90_000)
    let frames = world.connections[0].frames.filter { $0.type != 0x01 || $0.serial != 9 }
    #expect(world.delivered.first?.type == 0x01)
    let place = world.delivered.firstIndex(of: .position(4))!
    #expect(world.delivered[place - 1] == .login(1, serial: 9))
    #expect(frames.filter { $0.type == 0x12 } == [.position(2), .position(3), .position(4)])
    let earlier = world.delivered.firstIndex(of: .position(2))!
    #expect(world.delivered[earlier - 1] == .login(1, serial: 1))
  }

  @Test func `a login that changes on a live session is sent before the next frame`() {
    let world = World()
    let tracker = world.tracker(1)
    tracker.send(.position(2), .login(1, serial: 9), .position(3))
    #expect(world.delivered == [.login(1), .position(2), .login(1, serial: 9), .position(3)])
  }

  @Test func `the logins of stored frames survive a restart`() {
    let first = World()
    first.platformIsUp = false
    let tracker = first.tracker(1, serial: 1)
    tracker.send(.position(2), .login(1, serial: 9), .position(3))
    first.advance(100)
    let world = World(image: first.image, seed: 1)
    world.advance(5_000)
    let frames = world.delivered
    #expect(
      frames.suffix(4) == [
        .login(1, serial: 1), .position(2), .login(1, serial: 9), .position(3),
      ]
        || Array(frames.dropFirst().prefix(4)) == [
          .login(1, serial: 1), .position(2), .login(1, serial: 9), .position(3),
        ])
    #expect(frames.first?.type == 0x01)
  }

  @Test func `frames reach the platform in the order they came, live and stored`() {
    let world = World()
    let tracker = world.tracker(1)
    var sent: [Wire] = []
    for serial in 2...90 as ClosedRange<UInt16> {
      if serial == 20 { world.cut() }
      if serial == 60 { world.advance(5_000) }
      let frame: Wire = serial % 7 == 0 ? .alarm(serial) : .position(serial)
      sent.append(frame)
      tracker.send(frame)
    }
    world.advance(60_000)
    var first: [Wire] = []
    for frame in world.delivered where frame.type != 0x01 && !first.contains(frame) {
      first.append(frame)
    }
    #expect(first == sent)
  }

  @Test func `heartbeats of a live session go up in their place`() {
    let world = World()
    let tracker = world.tracker(1)
    tracker.send(.position(2), .heartbeat(3), .position(4))
    #expect(world.delivered == [.login(1), .position(2), .heartbeat(3), .position(4)])
  }

  @Test func `a heartbeat that waited a minute is dropped and counted`() {
    let world = World()
    world.respond = { _ in [] }
    let tracker = world.tracker(1)
    tracker.send(.heartbeat(2))
    world.advance(70_000)
    world.respond = World.likeAServer
    world.advance(70_000)
    #expect(world.delivered.contains(.login(1)))
    #expect(!world.delivered.contains(.heartbeat(2)))
    #expect(world.ledger.expiredFrameCount == 1)
  }

  @Test func `a heartbeat that waited less goes up`() {
    let world = World()
    world.respond = { _ in [] }
    let tracker = world.tracker(1)
    tracker.send(.heartbeat(2))
    world.advance(5_000)
    world.say(Wire.login(1).answer().bytes)
    #expect(world.delivered == [.login(1), .heartbeat(2)])
  }

  @Test func `a heartbeat that waits behind a platform without window expires`() {
    let world = World()
    let tracker = world.tracker(1)
    world.platformReads = false
    world.respond = { _ in [] }
    tracker.send(.information(2, byteCount: 4_000), .information(3, byteCount: 4_000))
    tracker.send(.information(4, byteCount: 4_000), .information(5, byteCount: 4_000))
    tracker.send(.information(6, byteCount: 4_000))
    tracker.send(.heartbeat(7))
    world.advance(100_000)
    #expect(world.ledger.expiredFrameCount == 1 || world.upstreams[0].phase != .live)
  }

  @Test func `heartbeats that wait keep their order`() {
    let world = World()
    world.respond = { _ in [] }
    let tracker = world.tracker(1)
    for serial in 2...8 as ClosedRange<UInt16> { tracker.send(.heartbeat(serial)) }
    #expect(tracker.take().count == 7)
    world.advance(1_000)
    world.say(Wire.login(1).answer().bytes)
    world.advance(1_000)
    #expect(world.delivered.map(\.serial) == [1, 2, 3, 4, 5, 6, 7, 8])
    #expect(world.ledger.expiredFrameCount == 0)
  }

  @Test func `at most a window of frames is sent without proof`() {
    let world = World()
    world.respond = { $0.type == 0x01 && $0.serial == 1 ? $0.answer().bytes : [] }
    let tracker = world.tracker(1)
    world.respond = { _ in [] }
    for serial in 2...100 as ClosedRange<UInt16> { tracker.send(.position(serial)) }
    world.advance(500)
    let positions = world.delivered.filter { $0.type == 0x12 }
    #expect(positions.count == RelayLimits.windowCountMax)
    world.advance(1_000)
    #expect(world.delivered.filter { $0.type == 0x12 }.count == RelayLimits.windowCountMax)
    // The repeated login proves them, and the next ones follow.
    #expect(world.upstream.frames.last == .login(1))
    world.say(Wire.login(1).answer().bytes)
    #expect(world.delivered.filter { $0.type == 0x12 }.count == RelayLimits.windowCountMax)
    world.advance(RelayLimits.probeQuiet)
    #expect(world.delivered.filter { $0.type == 0x12 }.count == 2 * RelayLimits.windowCountMax)
  }

  @Test func `unanswered positions are proven by a repeated login`() {
    let world = World()
    let tracker = world.tracker(1)
    tracker.send(.position(2), .position(3))
    #expect(world.ledger.deliveredFrameCount == 0)
    world.advance(RelayLimits.probeDelayOnline)
    #expect(world.delivered == [.login(1), .position(2), .position(3), .login(1)])
    #expect(world.ledger.deliveredFrameCount == 0)
    world.advance(RelayLimits.probeQuiet)
    #expect(world.ledger.deliveredFrameCount == 2)
    #expect(!world.hasUndelivered(DeviceIndex(0)))
  }

  /// Refused, or left waiting for a connection; those attempts are given up when the outage is over.
  @Test(arguments: [\World.platformIsUp, \World.lineIsUp])
  func `the first device that finds the platform back tells the others`(
    _ condition: ReferenceWritableKeyPath<World, Bool> & Sendable
  ) {
    let world = World()
    world[keyPath: condition] = false
    for imei in 1...40 as ClosedRange<UInt64> { world.tracker(imei).send(.position(2)) }
    world.advance(400_000)
    world[keyPath: condition] = true
    while world.connections.isEmpty { world.advance(10) }
    // Half a back-off, a second's spread, and a hundred a second.
    world.advance(1_500)
    #expect(world.connections.count == 40)
    #expect(world.ledger.upstreamConnectCount == 40)
  }

  @Test func `the first device that is answered tells the others, but one that alone is not waits`()
  {
    let world = World()
    world.respond = { _ in [] }
    for imei in 1...10 as ClosedRange<UInt64> { world.tracker(imei).send(.position(2)) }
    world.advance(200_000)
    let attempts = world.connections.count
    // It takes connections, as before, and nobody hurries.
    #expect(attempts < 50)
    world.respond = { $0 == .login(7) ? [] : $0.answer().bytes }
    while world.ledger.deliveredFrameCount == 0 { world.advance(10) }
    world.advance(3_000)
    #expect(world.ledger.deliveredFrameCount >= 9)
    let before = world.connections.count
    world.advance(20_000)
    #expect(world.connections.count <= before + 1)
  }

  @Test func `a long backlog of positions drains a window per round`() {
    let world = World()
    world.platformIsUp = false
    let tracker = world.tracker(1)
    for serial in 2...400 as ClosedRange<UInt16> { tracker.send(.position(serial)) }
    world.platformIsUp = true
    world.advance(70_000)
    #expect(world.ledger.deliveredFrameCount == 399)
    #expect(world.ledger.resentFrameCount == 0)
  }

  @Test func `an alarm's answer proves the positions before it and none behind it`() {
    let world = World()
    world.respond = { $0.type == 0x01 ? $0.answer().bytes : [] }
    let tracker = world.tracker(1)
    tracker.send(.position(2), .alarm(3), .position(4))
    world.say(Wire.alarm(3).answer().bytes)
    #expect(world.ledger.deliveredFrameCount == 2)
    world.cut()
    world.advance(5_000)
    #expect(world.upstream.frames.contains(.position(4)))
    #expect(!world.upstream.frames.contains(.position(2)))
  }

  @Test func `answers like a login's that come at once prove as many frames as they are`() {
    let world = World()
    world.respond = { $0.type == 0x01 ? $0.answer().bytes : [] }
    let tracker = world.tracker(1)
    world.respond = { _ in [] }
    tracker.send(.alarm(2), .position(3), .alarm(4), .position(5), .position(6))
    world.advance(RelayLimits.probeDelayOnline)
    #expect(world.upstream.frames.last == .login(1))
    // A server that was busy and answers everything like a login: the second answer tells.
    world.say(Wire.login(1).answer().bytes)
    #expect(world.ledger.deliveredFrameCount == 0)
    world.say(Wire.login(1).answer().bytes)
    #expect(world.ledger.deliveredFrameCount == 2)
    world.say(Wire.login(1).answer().bytes)
    #expect(world.ledger.deliveredFrameCount == 3)
    // What it answers late does not prove what is sent now.
    tracker.send(.position(7))
    for _ in 0..<3 { world.say(Wire.login(1).answer().bytes) }
    #expect(world.ledger.deliveredFrameCount == 5)
    world.say(Wire.login(1).answer().bytes)
    #expect(world.ledger.deliveredFrameCount == 6)
    world.say(Wire.login(1).answer().bytes)
    tracker.send(.position(8))
    #expect(world.ledger.deliveredFrameCount == 6)
  }

  @Test func `a server that answers logins only proves everything before a repeated one`() {
    let world = World()
    world.respond = { $0.type == 0x01 ? $0.answer().bytes : [] }
    let tracker = world.tracker(1)
    tracker.send(.alarm(2), .position(3), .alarm(4))
    world.advance(RelayLimits.probeDelayOnline)
    #expect(world.ledger.deliveredFrameCount == 0)
    world.advance(RelayLimits.probeQuiet)
    #expect(world.ledger.deliveredFrameCount == 3)
    // Once it is known for that, its answers are believed at once.
    tracker.send(.alarm(5))
    world.advance(RelayLimits.probeDelayOnline)
    #expect(world.ledger.deliveredFrameCount == 4)
  }

  @Test func `a server that answers everything like a login proves one frame per answer`() {
    let world = World()
    world.respond = { $0.type == 0x01 ? $0.answer().bytes : [] }
    let tracker = world.tracker(1)
    world.respond = { _ in [] }
    tracker.send(.position(2), .position(3), .alarm(4))
    world.say(Wire.login(1).answer().bytes)
    #expect(world.ledger.deliveredFrameCount == 1)
    world.say(Wire.login(1).answer().bytes)
    #expect(world.ledger.deliveredFrameCount == 2)
    world.cut()
    world.advance(5_000)
    #expect(world.upstream.frames.first == .login(1))
    world.say(Wire.login(1).answer().bytes)
    #expect(world.upstream.frames == [.login(1), .alarm(4)])
  }

  @Test func `the first window of a connection is not proven by answers to its first frames`() {
    // Everything is answered with a login's answer, and the platform dies after the first one.
    let world = World()
    world.platformIsUp = false
    let tracker = world.tracker(1)
    for serial in 2...60 as ClosedRange<UInt16> { tracker.send(.position(serial)) }
    world.platformIsUp = true
    world.respond = { _ in [] }
    while world.connections.isEmpty { world.advance(100) }
    world.say(Wire.login(1).answer().bytes)
    world.say(Wire.login(1).answer().bytes)
    #expect(world.ledger.deliveredFrameCount <= 1)
  }

  @Test func `a server that answers everything like a login gets the whole backlog`() {
    let world = World()
    world.platformIsUp = false
    let tracker = world.tracker(1)
    for serial in 2...200 as ClosedRange<UInt16> { tracker.send(.position(serial)) }
    world.platformIsUp = true
    world.respond = { _ in Wire.gt06(0x01, serial: 1).bytes }
    world.advance(120_000)
    #expect(world.ledger.deliveredFrameCount == 199)
    #expect(!world.hasUndelivered(DeviceIndex(0)))
  }

  @Test func `a platform that answers positions proves them one by one`() {
    let world = World()
    world.respond = { $0.type == 0x01 || $0.type == 0x12 ? $0.answer().bytes : [] }
    let tracker = world.tracker(1)
    for serial in 2...100 as ClosedRange<UInt16> { tracker.send(.position(serial)) }
    world.advance(5_000)
    #expect(world.ledger.deliveredFrameCount == 99)
    #expect(world.delivered.filter { $0.type == 0x01 }.count == 1)
  }

  @Test func `after a loss everything unproven is sent again`() {
    let world = World()
    world.respond = { $0.type == 0x01 ? $0.answer().bytes : [] }
    let tracker = world.tracker(1)
    tracker.send(.position(2), .alarm(3))
    world.cut()
    world.advance(5_000)
    #expect(world.connections.count == 2)
    #expect(world.upstream.frames == [.login(1), .position(2), .alarm(3)])
    #expect(world.ledger.resentFrameCount == 2)
  }

  @Test func `a frame whose commit is still under way is sent again after it`() {
    let world = World()
    world.commits = .manual
    world.respond = { $0.type == 0x01 ? $0.answer().bytes : [] }
    let tracker = world.tracker(1)
    tracker.send(.position(2))
    world.cut()
    world.advance(5_000)
    #expect(world.upstream.frames == [.login(1)])
    world.commit()
    // Now it is in a tail slot, and the session that waits for it has it written home.
    world.commit()
    #expect(world.upstream.frames == [.login(1), .position(2)])
  }

  @Test func `what was stored is delivered after a restart without the device`() {
    let first = World()
    first.platformIsUp = false
    let tracker = first.tracker(1)
    tracker.send(.position(2), .alarm(3))
    first.advance(100)
    let world = World(image: first.image)
    world.advance(10_000)
    #expect(world.delivered.filter { $0.type != 0x01 } == [.position(2), .alarm(3)])
    #expect(world.connections.count == 1)
    #expect(!world.upstream.isOpen)
    #expect(!world.hasUndelivered(DeviceIndex(0)))
  }

  @Test func `large stored frames follow each other as fast as the platform takes them`() {
    let world = World()
    world.platformIsUp = false
    let tracker = world.tracker(1)
    for serial in 2...20 as ClosedRange<UInt16> {
      tracker.send(.information(serial, byteCount: 4_000))
    }
    world.platformIsUp = true
    while world.connections.isEmpty { world.advance(100) }
    world.advance(10)
    #expect(world.delivered.filter { $0.type == 0x94 }.count == 19)
  }
}
