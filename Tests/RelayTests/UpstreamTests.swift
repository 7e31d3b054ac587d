// The life of the platform's connections: silence, strangers, back-off, the ramp, back-pressure.

import Queue
import Testing

@testable import Relay

@Suite struct UpstreamTests {
  @Test func `a silent platform is left, and what it did not prove is sent again`() {
    let world = World()
    let tracker = world.tracker(1)
    world.respond = { _ in [] }
    tracker.send(.position(2), .alarm(3))
    world.advance(RelayLimits.probeDelayOnline + RelayLimits.answerTimeout + 10)
    #expect(!world.connections[0].isOpen)
    #expect(world.undeliveredCount(DeviceIndex(0)) == 2)
    world.respond = World.likeAServer
    world.advance(5_000)
    #expect(world.connections.count == 2)
    #expect(world.upstream.frames.prefix(3) == [.login(1), .position(2), .alarm(3)])
    #expect(world.ledger.deliveredFrameCount == 2)
  }

  @Test func `a platform that does not answer the login is asked again slowly`() {
    let world = World()
    world.respond = { _ in [] }
    let tracker = world.tracker(1)
    tracker.send(.position(2))
    world.advance(RelayLimits.greetingTimeout + 10)
    #expect(!world.connections[0].isOpen)
    world.advance(RelayLimits.unknownDeviceBackoff / 2 - 100)
    #expect(world.connections.count == 1)
    while world.connections.count == 1 { world.advance(1_000) }
    #expect(
      world.now < 1_000 + RelayLimits.greetingTimeout + RelayLimits.unknownDeviceBackoff + 1_100)
    #expect(world.delivered == [.login(1), .login(1)])
    #expect(world.undeliveredCount(DeviceIndex(0)) == 1)
    world.say(Wire.login(1).answer().bytes)
    #expect(world.upstream.frames == [.login(1), .position(2)])
  }

  @Test func `waits between attempts grow with jitter and stay bounded`() {
    let world = World()
    world.platformIsUp = false
    _ = world.tracker(1)
    world.advance(1_200_000)
    let waits = zip(world.connectTimes.dropFirst(), world.connectTimes).map { $0 - $1 }
    #expect(waits[0] <= RelayLimits.backoffMin + 20)
    #expect(waits.allSatisfy { $0 <= RelayLimits.backoffMax + 20 })
    for (attempt, wait) in waits.enumerated() {
      let step = min(RelayLimits.backoffMin << min(attempt, 10), RelayLimits.backoffMax)
      #expect(wait >= step / 2)
    }
    #expect(Set(waits.suffix(8)).count > 4)
    #expect(waits.count > 15)
  }

  @Test func `five hundred devices do not dial in one instant`() {
    let world = World(sessionCountMax: 600)
    for imei in 1...500 as ClosedRange<UInt64> { world.connection(imei).send(.login(imei)) }
    world.advance(10_000)
    #expect(world.connections.count == 500)
    let perInstant = Dictionary(grouping: world.connectTimes, by: { $0 }).values.map(\.count)
    #expect(perInstant.max()! <= 1)
    #expect(world.connectTimes.max()! - world.connectTimes.min()! >= 499 * RelayLimits.dialInterval)
  }

  @Test func `an attempt that hangs is given up`() {
    let world = World()
    world.platformIsUp = false
    let tracker = world.tracker(1)
    world.platformIsUp = true
    world.advance(500)
    #expect(tracker.isOpen)
    #expect(world.connections.count == 1)
  }

  @Test func `the connection is let go when the device has left and all is proven`() {
    let world = World()
    let tracker = world.tracker(1)
    tracker.send(.position(2))
    tracker.hangUp()
    #expect(world.upstream.isOpen)
    world.advance(RelayLimits.probeDelaySoon + RelayLimits.probeQuiet)
    #expect(!world.upstream.isOpen)
    #expect(world.ledger.deliveredFrameCount == 1)
    world.advance(100_000)
    #expect(world.connections.count == 1)
  }

  @Test func `a connection lost while bytes were waiting for it is followed by one that works`() {
    let world = World()
    let tracker = world.tracker(1)
    // Queued, not flushed yet, and then the connection is gone.
    world.engine.received(tracker.slot!, Wire.position(2).bytes.span, world.moment)
    world.upstream.isOpen = false
    world.engine.upstreamClosed(DeviceIndex(0), .closedByPeer, world.moment)
    world.settle()
    world.advance(5_000)
    #expect(world.upstream.frames == [.login(1), .position(2)])
  }

  @Test func `a connection that breaks while it is written to is followed by one that works`() {
    let world = World()
    let tracker = world.tracker(1)
    world.upstream.isOpen = false
    tracker.send(.position(2))
    world.engine.upstreamClosed(DeviceIndex(0), .closedByPeer, world.moment)
    world.advance(5_000)
    #expect(world.upstream.frames == [.login(1), .position(2)])
  }

  @Test func `a platform that stops reading holds back its own device's frames only`() {
    let world = World()
    let tracker = world.tracker(1)
    world.platformReads = false
    for serial in 2...40 as ClosedRange<UInt16> {
      tracker.send(.information(serial, byteCount: 4_000))
    }
    world.advance(5_000)
    #expect(tracker.isRead)
    #expect(world.ledger.storedFrameCount == 39)
    let waiting = world.upstreams[0].output.count
    #expect(waiting >= RelayLimits.upstreamOutputBytesMax)
    #expect(waiting < RelayLimits.upstreamOutputBytesMax + 5_000)
    tracker.send(.heartbeat(50))
    #expect(tracker.take() == [Wire.heartbeat(50).answer()])
    world.platformReads = true
    world.advance(120_000)
    #expect(!world.hasUndelivered(DeviceIndex(0)))
  }

  @Test func `a platform that sends one endless frame is left`() {
    let world = World()
    _ = world.tracker(1)
    let flood = [UInt8](repeating: 0x79, count: 2) + [0x2C, 0x00, 0x41]
    world.say(flood + [UInt8](repeating: 1, count: 11_000))
    for _ in 0..<8 where world.upstream.isOpen {
      world.say([UInt8](repeating: 1, count: 11_000))
    }
    #expect(world.upstreams[0].input.count <= RelayLimits.upstreamInputBytesMax)
  }

  @Test func `a device that comes back while its connection closes gets a new one`() {
    let world = World()
    let tracker = world.tracker(1)
    tracker.hangUp()
    #expect(!world.upstream.isOpen)
    let again = world.tracker(1)
    again.send(.alarm(5))
    world.advance(1_000)
    #expect(world.connections.count == 2)
    #expect(again.take() == [Wire.alarm(5).answer()])
    #expect(world.upstream.frames == [.login(1), .alarm(5)])
  }
}
