// What the operator changes and asks while the engine runs.

import Detect
import Testing

@testable import Relay

struct OperatorTests {
  @Test func `a session that is open follows changed policies from its next frame on`() {
    let world = World()
    let tracker = world.tracker(1)
    let other = world.tracker(2)
    tracker.send(.position(2))
    #expect(tracker.take() == [])
    var policies = ReplyPolicies()
    policies.set(.minimal)
    let isSet = policies.set(.generous, forDevice: name(of: tracker, in: world))
    #expect(isSet)
    world.engine.apply(policies, passesUnknown: false)
    tracker.send(.position(3))
    other.send(.position(3))
    world.advance(1_000)
    #expect(tracker.take() == [Wire.position(3).answer()])
    #expect(other.take() == [])
    world.engine.apply(ReplyPolicies(), passesUnknown: false)
    tracker.send(.position(4))
    world.advance(1_000)
    #expect(tracker.take() == [])
    #expect(tracker.isOpen)
  }

  @Test func `the status counts sessions, devices and what waits`() {
    let world = World()
    #expect(status(world) == EngineStatus())
    let tracker = world.tracker(1)
    _ = world.tracker(2)
    _ = world.connection()
    // Devices dial one after another.
    world.advance(100)
    var expected = EngineStatus()
    expected.sessionCount = 3
    expected.onlineCount = 2
    expected.deviceCount = 2
    expected.liveCount = 2
    #expect(status(world) == expected)
    tracker.send(.alarm(2))
    #expect(status(world) == expected)
    world.platformIsUp = false
    for connection in world.connections { world.cut(connection) }
    tracker.send(.alarm(3), .alarm(4))
    world.advance(1_000)
    expected.liveCount = 0
    expected.waitingDeviceCount = 1
    expected.waitingFrameCount = 2
    #expect(status(world) == expected)
    tracker.hangUp()
    expected.sessionCount = 2
    expected.onlineCount = 1
    #expect(status(world) == expected)
  }

  private func status(_ world: World) -> EngineStatus { world.engine.status }

  private func name(of tracker: Tracker, in world: World) -> [UInt8] {
    guard let slot = tracker.slot, let device = world.engine.sessions[slot.rawValue].device,
      let identity = world.engine.identity(of: device)
    else { return [] }
    return (0..<identity.characterCount).map { identity.character($0) }
  }
}
