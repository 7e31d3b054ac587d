// Frames on a prompt session with the platform: answered with its confirmation, and never written.

import Detect
import Queue
import Testing

@testable import Relay

@Suite struct HoldTests {
  @Test func `what the platform confirms in time is answered and never written`() {
    let world = World(holdMilliseconds: 250)
    world.respond = World.likeAServer
    let tracker = world.tracker(1)
    _ = tracker.take()
    for serial in 2..<200 {
      tracker.send(.alarm(UInt16(serial)))
      #expect(tracker.take() == [Wire.alarm(UInt16(serial)).answer()])
      world.advance(1_000)
    }
    world.advance(10_000)
    #expect(world.engine.spool.counters.commitCount == 0)
    #expect(world.engine.ledger.deliveredFrameCount == 198)
    #expect(world.engine.spool.counters.sparedFrameCount == 198)
    #expect(world.engine.balance.isEven)
    #expect(world.balance(1).isEven)
  }

  @Test func `what the operator gives up before it is written is written, answered and counted`() {
    let world = World(holdMilliseconds: 250)
    world.respond = { frame in frame.type == 0x01 ? frame.answer().bytes : [] }
    let tracker = world.tracker(1)
    _ = tracker.take()
    tracker.send(.alarm(2))
    #expect(tracker.take() == [])
    #expect(world.giveUp(1) == 1)
    world.advance(20)
    #expect(tracker.take() == [Wire.alarm(2).answer()])
    #expect(world.engine.spool.counters.sparedFrameCount == 0)
    #expect(world.engine.spool.counters.commitCount == 1)
    #expect(world.balance(1)[.byOperator] == 1)
    #expect(world.balance(1).isEven)
    #expect(world.engine.balance.isEven)
  }

  @Test func `frames of a parked device are written at once, those in memory too`() {
    let world = World(holdMilliseconds: 250)
    world.respond = { frame in frame.type == 0x01 ? frame.answer().bytes : [] }
    let tracker = world.tracker(1)
    _ = tracker.take()
    tracker.send(.alarm(2))
    #expect(tracker.take() == [])
    #expect(world.park(1))
    world.advance(20)
    #expect(tracker.take() == [Wire.alarm(2).answer()])
    tracker.send(.alarm(3))
    world.advance(20)
    #expect(tracker.take() == [Wire.alarm(3).answer()])
    #expect(world.engine.spool.counters.sparedFrameCount == 0)
    #expect(world.balance(1)[.held] == 2)
  }

  @Test func `what the platform does not confirm in time is written, and answered then`() {
    let world = World(holdMilliseconds: 250)
    world.respond = { frame in frame.type == 0x01 ? frame.answer().bytes : [] }
    let tracker = world.tracker(1)
    _ = tracker.take()
    tracker.send(.alarm(2))
    world.advance(200)
    #expect(tracker.take() == [])
    world.advance(100)
    #expect(tracker.take() == [Wire.alarm(2).answer()])
    #expect(world.engine.spool.counters.commitCount == 1)
    // The platform is not prompt any more: from now on frames are written first.
    tracker.send(.alarm(3))
    world.advance(20)
    #expect(tracker.take() == [Wire.alarm(3).answer()])
  }

  @Test func `unanswered frames stay in memory once the platform's machine has them`() {
    let world = World(holdMilliseconds: 250)
    world.respond = World.likeAServer
    world.unacknowledged = 0
    let tracker = world.tracker(1)
    for serial in 2..<100 {
      tracker.send(.position(UInt16(serial)))
      world.advance(1_000)
    }
    world.advance(60_000)
    #expect(world.engine.spool.counters.commitCount == 0)
    #expect(world.engine.ledger.deliveredFrameCount == 98)
  }
}
