// Devices' connections and UDP sources: takeover, timeouts, floods, and pressure from the disk.

import Detect
import Queue
import Testing

@testable import Relay

@Suite struct SessionTests {
  @Test func `a device that reconnects takes over from its older connection`() {
    let world = World()
    let old = world.tracker(1)
    old.send(.position(2))
    let new = world.tracker(1)
    #expect(!old.isOpen)
    #expect(world.connections.count == 1)
    #expect(world.upstream.isOpen)
    new.send(.heartbeat(3))
    #expect(new.take() == [Wire.heartbeat(3).answer()])
    world.say(Wire.command("WHERE#").bytes)
    #expect(new.take() == [.command("WHERE#")])
    #expect(old.take() == [])
  }

  @Test func `an answer for the older connection never reaches whoever has its place`() {
    let world = World()
    world.platformIsUp = false
    world.commits = .manual
    let old = world.tracker(1)
    old.send(.alarm(2))
    old.hangUp()
    let stranger = world.tracker(2)
    #expect(stranger.slot != nil)
    world.advance(100)
    world.commit()
    #expect(stranger.take() == [])
  }

  @Test func `one connection that names another device speaks for that one from then on`() {
    let world = World()
    let tracker = world.tracker(1)
    tracker.send(.position(2), .login(2), .position(3))
    world.advance(60_000)
    let first = world.connections.filter { $0.device == DeviceIndex(0) }.flatMap(\.frames)
    let second = world.connections.filter { $0.device == DeviceIndex(1) }.flatMap(\.frames)
    #expect(first.filter { $0.type == 0x12 } == [.position(2)])
    #expect(second.filter { $0.type == 0x12 } == [.position(3)])
    #expect(second.first == .login(2))
    #expect(!world.connections[0].isOpen)
    #expect(tracker.isOpen)
  }

  @Test func `a connection that never speaks is closed`() {
    let world = World()
    let tracker = world.connection()
    world.advance(RelayLimits.firstByteTimeout - 1)
    #expect(tracker.isOpen)
    world.advance(1)
    #expect(!tracker.isOpen)
    #expect(world.ledger.timedOutSessionCount == 1)
  }

  @Test func `a connection without a verdict is closed`() {
    let world = World()
    let tracker = world.connection()
    world.advance(20_000)
    tracker.send(bytes: [0x78, 0x78])
    world.advance(RelayLimits.detectionTimeout - 1)
    #expect(tracker.isOpen)
    world.advance(1)
    #expect(!tracker.isOpen)
  }

  @Test func `a connection without a login is closed`() {
    let world = World()
    let tracker = world.connection()
    tracker.send(.position(1))
    world.advance(RelayLimits.loginTimeout - 1)
    #expect(tracker.isOpen)
    world.advance(1)
    #expect(!tracker.isOpen)
  }

  @Test func `a logged-in device that falls silent is closed, one that speaks is not`() {
    let world = World()
    let silent = world.tracker(1)
    let alive = world.tracker(2)
    world.advance(RelayLimits.sessionIdleTimeout / 2)
    alive.send(.heartbeat(2))
    world.advance(RelayLimits.sessionIdleTimeout / 2)
    #expect(!silent.isOpen)
    #expect(alive.isOpen)
  }

  @Test func `a scanner is closed at its first bytes`() {
    let world = World()
    let scanner = world.connection()
    scanner.send(bytes: Array("GET / HTTP/1.1\r\n\r\n".utf8))
    #expect(!scanner.isOpen)
    #expect(scanner.inbox == [])
  }

  @Test func `garbage without end closes the connection`() {
    let world = World()
    let tracker = world.tracker(1)
    for _ in 0..<12 where tracker.isOpen {
      tracker.send(bytes: [UInt8](repeating: 0x55, count: 500))
    }
    #expect(!tracker.isOpen)
    #expect(world.ledger.rejectedSessionCount == 1)
  }

  @Test func `a device that does not read its answers is closed`() {
    let world = World()
    let tracker = world.tracker(1)
    tracker.reads = false
    let burst = (2..<502 as Range<UInt16>).flatMap { Wire.heartbeat($0).bytes }
    for _ in 0..<18 where tracker.isOpen { tracker.send(bytes: burst) }
    #expect(!tracker.isOpen)
    let isSlow = world.logs.contains {
      if case .sessionClosed(_, .slowReader) = $0 { true } else { false }
    }
    #expect(isSlow)
    _ = world.tracker(1)
  }

  @Test func `commands without end for a device that does not read close it`() {
    let world = World()
    let tracker = world.tracker(1)
    tracker.reads = false
    let text = String(repeating: "A", count: 200)
    for _ in 0..<600 where tracker.isOpen { world.say(Wire.command(text).bytes) }
    #expect(!tracker.isOpen)
    #expect(!world.upstream.isOpen)
  }

  @Test func `a frame that only silence can end is taken when the device has finished`() {
    let world = World()
    let tracker = world.tracker(1)
    var lying = Wire.position(2).bytes
    lying[2] = 0x40
    tracker.send(bytes: lying)
    #expect(world.ledger.storedFrameCount == 0)
    world.engine.sessionInputEnded(tracker.slot!, world.moment)
    world.settle()
    #expect(world.ledger.storedFrameCount == 1)
  }

  @Test func `too many connections are refused with a count`() {
    let world = World(sessionCountMax: 2)
    let first = world.tracker(1)
    _ = world.tracker(2)
    #expect(!world.connection().isOpen)
    #expect(world.ledger.refusedSessionCount == 1)
    first.hangUp()
    _ = world.tracker(3)
  }

  @Test func `a device the table has no room for is closed`() {
    let world = World(deviceCountMax: 1)
    _ = world.tracker(1)
    let second = world.connection()
    second.send(.login(2))
    #expect(!second.isOpen)
    #expect(second.inbox == [])
  }

  // MARK: Pressure

  @Test func `a full spool stops the reading and loses nothing`() {
    let world = World()
    world.platformIsUp = false
    world.commits = .manual
    let tracker = world.tracker(1)
    var sent: [Wire] = []
    var serial: UInt16 = 1
    while tracker.isRead, serial < 1_000 {
      serial += 1
      let frame = serial % 10 == 0 ? Wire.alarm(serial) : .information(serial, byteCount: 3_000)
      sent.append(frame)
      tracker.send(frame)
    }
    #expect(!tracker.isRead)
    for _ in 0..<20 {
      serial += 1
      sent.append(.alarm(serial))
      tracker.send(.alarm(serial))
    }
    world.advance(3_000)
    #expect(tracker.take() == [])
    world.commits = .immediate
    world.commit()
    world.advance(100)
    #expect(tracker.isRead)
    #expect(tracker.take().map(\.serial) == sent.filter { $0.type == 0x16 }.map(\.serial))
    world.platformIsUp = true
    world.advance(200_000)
    let delivered = world.delivered.filter { $0.type != 0x01 }
    #expect(delivered == sent)
  }

  @Test func `half a frame that waited with a full spool is not taken for a whole one`() {
    let world = World()
    world.platformIsUp = false
    world.commits = .manual
    let tracker = world.tracker(1)
    var serial: UInt16 = 1
    while tracker.isRead, serial < 1_000 {
      serial += 1
      tracker.send(.information(serial, byteCount: 3_000))
    }
    // The second half of this frame stays where it is while the relay does not read.
    let whole = Wire.gt06(0x12, [1, 2, 3, 0x0D, 0x0A, 0x78, 0x78, 4, 5, 6], serial: 7)
    let half = Array(whole.bytes[..<11])
    world.engine.received(tracker.slot!, half.span, world.moment)
    world.advance(10_000)
    world.commits = .immediate
    world.finishCommit()
    world.now += 1
    world.settle()
    #expect(tracker.isRead)
    let stored = world.ledger.storedFrameCount
    world.advance(100)
    tracker.send(bytes: Array(whole.bytes[11...]))
    #expect(world.ledger.storedFrameCount == stored + 1)
    world.platformIsUp = true
    world.advance(200_000)
    #expect(world.delivered.last { $0.type == 0x12 } == whole)
  }

  @Test func `a full gate stops the reading and loses nothing`() {
    let world = World()
    world.platformIsUp = false
    world.commits = .manual
    let tracker = world.tracker(1)
    let frame = Wire.gt06(0x16, [], serial: 9)
    let count = RelayLimits.gateCountMax + 10
    // In portions, so that no batch is full first; a commit is under way all the time.
    tracker.send(bytes: Array(repeating: frame.bytes, count: 4_000).flatMap { $0 })
    world.advance(20)
    tracker.send(bytes: Array(repeating: frame.bytes, count: count - 4_000).flatMap { $0 })
    #expect(tracker.take() == [])
    #expect(!tracker.isRead)
    world.commits = .immediate
    world.commit()
    world.advance(1_000)
    #expect(tracker.isRead)
    #expect(tracker.take().count == count)
  }

  // MARK: UDP

  @Test func `a login binds a source, and answers go there`() {
    let world = World()
    let source = world.source(1)
    source.send(.login(1))
    #expect(source.take() == [Wire.login(1).answer()])
    source.send(.heartbeat(2), .alarm(3))
    world.advance(100)
    #expect(source.writes.count == 3)
    #expect(source.take() == [Wire.heartbeat(2).answer(), Wire.alarm(3).answer()])
    world.say(Wire.command("WHERE#").bytes)
    #expect(source.writes.last == Wire.command("WHERE#").bytes)
  }

  @Test func `a source without a login gets no answer and no session`() {
    let world = World()
    let source = world.source(1)
    source.send(.alarm(1))
    source.send(.heartbeat(2), .login(1))
    source.send(.login(0))
    source.send(bytes: [])
    source.send(bytes: Array("hello".utf8))
    #expect(source.writes == [])
    #expect(world.ledger.acceptedSessionCount == 0)
  }

  @Test func `a login from a new address moves the binding`() {
    let world = World()
    let old = world.source(1)
    old.send(.login(1))
    let new = world.source(1)
    new.send(.login(1, serial: 2))
    #expect(new.take() == [Wire.login(1, serial: 2).answer()])
    world.say(Wire.command("WHERE#").bytes)
    #expect(new.take() == [.command("WHERE#")])
    old.inbox = []
    old.send(.alarm(3))
    world.advance(1_000)
    #expect(old.inbox == [])
    old.send(.login(1))
    world.advance(100)
    #expect(old.take() == [Wire.login(1).answer(), Wire.alarm(3).answer()])
  }

  @Test func `a binding that moves in the same turn does not disturb the answers under way`() {
    let world = World()
    let old = world.source(1)
    let new = world.source(1)
    let other = world.source(2)
    for (source, frame) in [(old, Wire.login(1)), (new, .login(1)), (other, .login(2))] {
      world.engine.datagram(source.source, frame.bytes.span, world.moment)
    }
    world.settle()
    #expect(old.take() == [Wire.login(1).answer()])
    #expect(new.take() == [Wire.login(1).answer()])
    #expect(other.take() == [Wire.login(2).answer()])
  }

  @Test func `an ended connection's place is not touched by what was queued for it`() {
    let world = World()
    let old = world.tracker(1)
    let slot = old.slot!
    // Taken over and ended in the same turn, and a third connection comes at once.
    let second = world.connection(1)
    world.engine.received(second.slot!, Wire.login(1).bytes.span, world.moment)
    old.isOpen = false
    old.slot = nil
    world.engine.sessionClosed(slot, world.moment)
    let third = world.tracker(3)
    third.send(.heartbeat(2))
    #expect(third.isOpen)
    #expect(third.take() == [Wire.heartbeat(2).answer()])
  }

  @Test func `a source that falls silent is forgotten`() {
    let world = World()
    let source = world.source(1)
    source.send(.login(1))
    world.advance(RelayLimits.bindingIdleTimeout + 1)
    source.inbox = []
    source.send(.heartbeat(2))
    #expect(source.inbox == [])
    #expect(world.engine.heldDatagrams.count == 1)
    #expect(!world.upstream.isOpen)
  }

  @Test func `what a source sends before it names its device is delivered once it has`() {
    let world = World()
    let source = world.source(1)
    let stranger = world.source(2)
    source.send(.alarm(5))
    stranger.send(.alarm(6))
    #expect(source.take() == [])
    source.send(.login(1))
    world.advance(100)
    #expect(source.take() == [Wire.login(1).answer(), Wire.alarm(5).answer()])
    #expect(world.delivered.filter { $0.type == 0x16 } == [.alarm(5)])
    #expect(stranger.take() == [])
    world.advance(RelayLimits.heldDatagramTimeout + 1)
    stranger.send(.login(2))
    #expect(stranger.take() == [Wire.login(2).answer()])
    #expect(world.ledger.refusedDatagramCount == 1)
  }

  @Test func `datagrams that the spool has no room for wait, in order, and none is lost`() {
    let world = World()
    world.respond = { $0.type == 0x01 || $0.type == 0x13 ? $0.answer().bytes : [] }
    let source = world.source(1)
    source.send(.login(1))
    world.commits = .manual
    var sent: [Wire] = []
    while world.engine.postponedDatagrams.count < 300, sent.count < 60_000 {
      let frame = Wire.position(UInt16(sent.count % 60_000), mark: UInt32(sent.count))
      sent.append(frame)
      source.send(frame)
    }
    #expect(world.engine.postponedDatagrams.count == 300)
    world.commits = .immediate
    world.commit()
    world.advance(2_000)
    #expect(world.engine.postponedDatagrams.isEmpty)
    #expect(world.ledger.storedFrameCount == UInt64(sent.count))
    #expect(world.ledger.skippedByteCount == 0)
    #expect(world.ledger.refusedDatagramCount == 0)
    source.send(.heartbeat(7))
    world.advance(10 * 60_000)
    #expect(world.delivered.filter { $0.type == 0x12 } == sent)
  }

  @Test func `nameless datagrams take bounded memory, the oldest goes first`() {
    let world = World()
    let first = world.source(1)
    first.send(.alarm(1))
    for number in 0..<RelayLimits.heldDatagramCountMax {
      world.source(9).send(.alarm(UInt16(number)))
    }
    #expect(world.engine.heldDatagrams.count == RelayLimits.heldDatagramCountMax)
    #expect(world.ledger.refusedDatagramCount == 1)
    first.send(.login(1))
    #expect(first.take() == [Wire.login(1).answer()])
  }

  @Test func `Topin over UDP is answered as Topin`() {
    let world = World()
    world.respond = { $0.type == 0x01 ? [0x78, 0x78, 1, 1, 0x0D, 0x0A] : [] }
    let source = world.source(1)
    source.send(.topinLogin(1))
    #expect(source.inbox == [0x78, 0x78, 1, 1, 0x0D, 0x0A])
    source.inbox = []
    source.send(.topinPosition(77))
    world.advance(100)
    #expect(source.inbox == [0x78, 0x78, 0, 0x10, 0x0A, 0x03, 0, 0, 0, 77, 0x0D, 0x0A])
    #expect(world.delivered == [.topinLogin(1), .topinPosition(77)])
  }
}
