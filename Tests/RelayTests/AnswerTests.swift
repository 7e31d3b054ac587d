// When a device is answered: at once, with custody, or never.

import Detect
import Queue
import Testing

@testable import Relay

@Suite struct AnswerTests {
  @Test func `logins, heartbeats and clock requests are answered at once, without any commit`() {
    let world = World()
    world.commits = .manual
    let tracker = world.tracker(1)
    tracker.send(.heartbeat(2), .timeRequest(3))
    let answers = tracker.take()
    #expect(answers.first == Wire.heartbeat(2).answer())
    #expect(answers.map(\.type) == [0x13, 0x8A])
    #expect(answers.last?.bytes.count == 16)
    #expect(world.image.commitCount == 0)
  }

  @Test func `an alarm is answered when its commit has ended, and not before`() {
    let world = World()
    world.platformIsUp = false
    world.commits = .manual
    let tracker = world.tracker(1)
    tracker.send(.alarm(2))
    world.advance(100)
    #expect(world.image.pending != nil)
    #expect(tracker.take() == [])
    world.commit()
    #expect(tracker.take() == [Wire.alarm(2).answer()])
  }

  @Test func `an alarm is answered as soon as the platform has confirmed it, once`() {
    let world = World()
    world.commits = .manual
    let tracker = world.tracker(1)
    tracker.send(.alarm(2))
    #expect(tracker.take() == [Wire.alarm(2).answer()])
    world.advance(100)
    world.commit()
    #expect(tracker.take() == [])
  }

  @Test func `a failed commit answers nothing until a later one succeeds`() {
    let world = World()
    world.platformIsUp = false
    world.commits = .manual
    let tracker = world.tracker(1)
    tracker.send(.alarm(2))
    world.advance(20)
    world.commit(.failed)
    #expect(tracker.take() == [])
    world.advance(2_000)
    world.commit(.noSpace)
    #expect(tracker.take() == [])
    world.advance(2_000)
    world.commit()
    #expect(tracker.take() == [Wire.alarm(2).answer()])
  }

  @Test func `positions are not answered under the minimal policy`() {
    let world = World()
    let tracker = world.tracker(1)
    tracker.send(.position(2))
    world.advance(60_000)
    #expect(tracker.take() == [])
  }

  @Test func `positions are answered after custody under the generous policy`() {
    let world = World(policy: .generous)
    world.commits = .manual
    let tracker = world.tracker(1)
    tracker.send(.position(2))
    world.advance(100)
    #expect(tracker.take() == [])
    world.commit()
    #expect(tracker.take() == [Wire.position(2).answer()])
  }

  @Test func `while a commit takes long, logins and heartbeats are answered`() {
    let world = World()
    world.commits = .manual
    let tracker = world.tracker(1)
    tracker.send(.position(2))
    world.advance(5_000)
    #expect(world.image.pending != nil)
    tracker.send(.heartbeat(3))
    #expect(tracker.take() == [Wire.heartbeat(3).answer()])
    _ = world.tracker(2)
  }

  @Test func `frames before a login are neither answered nor kept`() {
    let world = World()
    let stranger = world.connection()
    stranger.send(.alarm(1), .heartbeat(2), .position(3))
    world.advance(1_000)
    #expect(stranger.take() == [])
    #expect(world.ledger.unidentifiedFrameCount == 3)
    #expect(world.ledger.storedFrameCount == 0)
    #expect(world.connections.isEmpty)
  }

  @Test func `an IMEI of zeros names nobody and is not answered`() {
    let world = World()
    let stranger = world.connection()
    stranger.send(.login(0))
    stranger.send(.heartbeat(2))
    #expect(stranger.take() == [])
    #expect(world.connections.isEmpty)
  }

  @Test func `an address request is answered neutrally when the platform is away`() {
    let world = World()
    world.platformIsUp = false
    let tracker = world.tracker(1)
    tracker.send(.addressRequest(2))
    let answers = tracker.take()
    #expect(answers.map(\.type) == [0x97])
    #expect(answers[0].bytes.count == 27)
    #expect(Wire.crc(Array(answers[0].bytes[2..<23])) == 0xE61E)
  }

  @Test func `an address request goes up and its answer comes down when the platform is there`() {
    let world = World()
    let text = Wire.gt06(0x97, [UInt8](repeating: 0x41, count: 30), serial: 1, isLong: true)
    world.respond = { $0.type == 0x2A ? text.bytes : World.likeAServer($0) }
    let tracker = world.tracker(1)
    tracker.send(.addressRequest(2))
    #expect(world.delivered.map(\.type) == [0x01, 0x2A])
    #expect(tracker.take() == [text])
  }

  @Test func `a stop answers everything that became durable`() {
    let world = World()
    world.platformIsUp = false
    world.commits = .manual
    let tracker = world.tracker(1)
    tracker.send(.alarm(2))
    world.engine.beginDrain()
    world.settle()
    #expect(!world.isDrained)
    #expect(world.image.pending != nil)
    tracker.send(.alarm(3))
    world.commit()
    #expect(tracker.take() == [Wire.alarm(2).answer()])
    world.commit()
    #expect(tracker.take() == [Wire.alarm(3).answer()])
    #expect(world.isDrained)
    #expect(!world.connection(2).isOpen)
  }
}
