// Frames that the platform cannot bear must not stand in the way of the device's other frames, and a
// frame must not be blamed for what the path or the platform does.

import Testing

@testable import Relay

@Suite struct SuspicionTests {
  private static let poison = Wire.information(3, byteCount: 40)
  private static let hour = 3_600_000

  /// What the platform got of the device's stored frames, each once.
  private func stored(_ world: World) -> [UInt16] {
    var serials: [UInt16] = []
    for frame in world.delivered where frame.type != 0x01 && frame.type != 0x13 {
      if !serials.contains(frame.serial) { serials.append(frame.serial) }
    }
    return serials
  }

  @Test func `a frame that every session breaks over is put aside, and the others arrive in order`()
  {
    let world = World()
    world.breaksOver = { $0 == Self.poison }
    let tracker = world.tracker(1)
    tracker.send(.position(2), Self.poison, .position(4), .alarm(5), .position(6))
    for minute in 0..<30 {
      tracker.send(.heartbeat(UInt16(100 + minute)))
      world.advance(60_000)
    }
    #expect(world.quarantined == [Self.poison.bytes])
    #expect(world.ledger.quarantinedFrameCount == 1)
    #expect(stored(world) == [2, 4, 5, 6])
    #expect(!world.hasUndelivered(world.upstream.device))
  }

  @Test func `a frame that every session breaks over is the same when the device repeats it`() {
    let world = World()
    world.breaksOver = { $0 == Self.poison }
    let tracker = world.tracker(1)
    tracker.send(.position(2), Self.poison, Self.poison, Self.poison, .position(4), .alarm(5))
    for minute in 0..<30 {
      tracker.send(.heartbeat(UInt16(100 + minute)))
      world.advance(60_000)
    }
    #expect(world.quarantined == [Self.poison.bytes])
    #expect(world.ledger.quarantinedFrameCount == 3)
    #expect(stored(world) == [2, 4, 5])
    #expect(!world.hasUndelivered(world.upstream.device))
  }

  @Test func `the same frame under another login is no neighbour either`() {
    let world = World()
    world.breaksOver = { $0 == Self.poison }
    let tracker = world.tracker(1)
    tracker.send(Self.poison, .login(1, serial: 9), Self.poison, .position(4), .alarm(5))
    for minute in 0..<30 {
      tracker.send(.heartbeat(UInt16(100 + minute)))
      world.advance(60_000)
    }
    #expect(world.quarantined == [Self.poison.bytes])
    #expect(stored(world) == [4, 5])
    #expect(!world.hasUndelivered(world.upstream.device))
  }

  @Test func `a frame that was only unlucky comes once for all its repetitions`() {
    let world = World()
    var breaksLeft = 7
    world.breaksOver = { frame in
      guard frame == .alarm(3), breaksLeft > 0 else { return false }
      breaksLeft -= 1
      return true
    }
    let tracker = world.tracker(1)
    tracker.send(.alarm(3), .alarm(3), .position(4), .position(5))
    world.advance(Self.hour)
    #expect(world.quarantined == [])
    #expect(world.ledger.deliveredFrameCount == 4)
    #expect(stored(world) == [3, 4, 5] || stored(world) == [4, 3, 5])
    #expect(!world.hasUndelivered(world.upstream.device))
  }

  @Test func `an alarm that is poison is answered as ever, and put aside`() {
    let world = World()
    world.breaksOver = { $0 == .alarm(3) }
    let tracker = world.tracker(1)
    tracker.send(.alarm(3), .position(4))
    world.advance(100)
    #expect(tracker.take().contains(Wire.alarm(3).answer()))
    world.advance(15 * 60_000)
    #expect(world.quarantined == [Wire.alarm(3).bytes])
    #expect(stored(world) == [4])
  }

  @Test(arguments: [3, 5, 6, 8, 9, 10, 20])
  func `breaks that no frame is to blame for cost no frame`(breakCount: Int) {
    let world = World()
    var breaksLeft = breakCount
    world.breaksOver = { frame in
      guard frame.type != 0x01, breaksLeft > 0 else { return false }
      breaksLeft -= 1
      return true
    }
    let tracker = world.tracker(1)
    tracker.send(.position(2), .position(3), .alarm(4), .position(5))
    world.advance(Self.hour / 2)
    #expect(breaksLeft == 0)
    #expect(world.quarantined == [])
    #expect(stored(world).sorted() == [2, 3, 4, 5])
    #expect(!world.hasUndelivered(world.upstream.device))
  }

  @Test func `one break over a frame behind a proven one does not convict it`() {
    let world = World()
    var breaksLeft = 7
    world.breaksOver = { frame in
      guard frame == Self.poison, breaksLeft > 0 else { return false }
      breaksLeft -= 1
      return true
    }
    let tracker = world.tracker(1)
    tracker.send(Self.poison, .position(4), .position(5))
    world.advance(Self.hour / 4)
    #expect(breaksLeft == 0)
    #expect(world.quarantined == [])
    #expect(stored(world) == [4, 3, 5])
  }

  @Test func `breaks over one frame after the other raise no suspicion, and keep the order`() {
    let world = World()
    var broken: [Wire] = []
    world.breaksOver = { frame in
      guard frame.type == 0x16, !broken.contains(frame) else { return false }
      broken.append(frame)
      return true
    }
    let tracker = world.tracker(1)
    let serials = (2..<14).map { UInt16($0) }
    for serial in serials { tracker.send(.alarm(serial)) }
    world.advance(Self.hour / 2)
    #expect(broken.count == serials.count)
    #expect(world.quarantined == [])
    #expect(stored(world) == serials)
  }

  @Test func `sessions that end with the line raise no suspicion, and keep the order`() {
    let world = World()
    let tracker = world.tracker(1)
    tracker.send(.position(2), .position(3))
    for _ in 0..<10 {
      let count = world.connections.count
      world.cut(nil, .silent)
      for _ in 0..<700 where world.connections.count == count { world.advance(100) }
      #expect(world.upstream.frames == [.login(1), .position(2), .position(3)])
    }
    #expect(world.quarantined == [])
  }

  @Test func `a platform that breaks with the device whatever it sends gets everything later`() {
    let world = World()
    world.breaksOver = { $0.type != 0x01 }
    let tracker = world.tracker(1)
    tracker.send(.position(2), .alarm(3), .position(4))
    world.advance(Self.hour / 4)
    tracker.send(.position(5))
    world.advance(Self.hour / 4)
    #expect(world.quarantined == [])
    #expect(world.logs.contains { if case .platformRefuses = $0 { true } else { false } })
    world.breaksOver = { _ in false }
    tracker.send(.heartbeat(9))
    world.advance(10 * 60_000)
    #expect(world.quarantined == [])
    #expect(stored(world).sorted() == [2, 3, 4, 5])
    #expect(!world.hasUndelivered(world.upstream.device))
  }

  @Test func `a suspect with no frame behind it is tried, and not put aside`() {
    let world = World()
    world.breaksOver = { $0 == Self.poison }
    let tracker = world.tracker(1)
    tracker.send(Self.poison)
    world.advance(Self.hour / 4)
    #expect(world.quarantined == [])
    #expect(world.connectTimes.count > 12)
    world.breaksOver = { _ in false }
    world.advance(Self.hour / 6)
    #expect(stored(world) == [3])
  }

  @Test func `one device's poison costs another device nothing`() {
    let world = World()
    world.breaksOver = { $0 == Self.poison }
    let sick = world.tracker(1)
    let well = world.tracker(2)
    sick.send(Self.poison, .position(4))
    for serial in 10..<20 {
      well.send(.alarm(UInt16(serial)))
      world.advance(5_000)
      #expect(world.delivered.contains(.alarm(UInt16(serial))))
    }
  }

  @Test func `an expired frame behind a suspect does not settle it`() {
    let world = World()
    world.breaksOver = { $0 == Self.poison }
    let tracker = world.tracker(1)
    world.platformIsUp = false
    world.cut()
    tracker.send(Self.poison, .heartbeat(4))
    world.advance(RelayLimits.expiry)
    world.platformIsUp = true
    world.advance(Self.hour / 2)
    #expect(world.quarantined == [Self.poison.bytes])
    #expect(!world.hasUndelivered(world.upstream.device))
  }

  @Test func `a suspect goes behind its neighbour under its own login`() {
    let world = World()
    var breaksLeft = 7
    world.breaksOver = { frame in
      guard frame == Self.poison, breaksLeft > 0 else { return false }
      breaksLeft -= 1
      return true
    }
    let tracker = world.tracker(1, serial: 1)
    tracker.send(Self.poison)
    tracker.send(.login(1, serial: 9), .position(4), .position(5))
    world.advance(Self.hour / 4)
    #expect(stored(world) == [4, 3, 5])
    for connection in world.connections {
      var login: UInt16 = 0
      for frame in connection.frames {
        if frame.type == 0x01 { login = frame.serial }
        if frame == Self.poison { #expect(login == 1) }
        if frame == .position(4) || frame == .position(5) { #expect(login == 9) }
      }
    }
  }
}
