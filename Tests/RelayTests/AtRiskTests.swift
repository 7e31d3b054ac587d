// Frames that neither the disk nor the platform takes.

import Detect
import Queue
import Testing

@testable import Relay

@Suite struct AtRiskTests {
  /// A relay whose next commits fail, and a device that has sent an alarm.
  private func troubled(answersAtRisk: Bool, isPlatformUp: Bool) -> (World, Tracker) {
    let world = World(answersAtRisk: answersAtRisk)
    let tracker = world.tracker(1)
    world.advance(20_000)
    world.commits = .manual
    if !isPlatformUp {
      world.platformIsUp = false
      world.cut()
    } else {
      // Connected, and silent from now on.
      world.respond = { _ in [] }
    }
    tracker.send(.alarm(2))
    return (world, tracker)
  }

  /// Fails the commit that is under way or comes next.
  private func fail(_ world: World, count: Int) {
    for _ in 0..<count {
      world.advance(1_100)
      world.commit(.failed)
    }
  }

  @Test func `the device is not answered, and keeps its frame`() {
    let (world, tracker) = troubled(answersAtRisk: false, isPlatformUp: false)
    fail(world, count: 8)
    #expect(tracker.take() == [])
    #expect(world.ledger.atRiskFrameCount == 0)
  }

  @Test func `where the operator wants it, it is answered once both are surely away, and counted`()
  {
    let (world, tracker) = troubled(answersAtRisk: true, isPlatformUp: false)
    fail(world, count: SpoolLimits.failedCommitsMax - 1)
    #expect(tracker.take() == [])
    fail(world, count: 1)
    #expect(tracker.take() == [Wire.alarm(2).answer()])
    #expect(world.ledger.atRiskFrameCount == 1)
    tracker.send(.alarm(3))
    #expect(tracker.take() == [])
    fail(world, count: 1)
    #expect(tracker.take() == [Wire.alarm(3).answer()])
    #expect(world.ledger.atRiskFrameCount == 2)
    let warnings = world.logs.count { if case .answeredAtRisk = $0 { true } else { false } }
    #expect(warnings == 1)
    // The disk is back: nothing is answered twice, and everything arrives.
    world.commits = .immediate
    world.platformIsUp = true
    world.advance(70_000)
    #expect(tracker.take() == [])
    #expect(world.delivered.filter { $0.type == 0x16 } == [.alarm(2), .alarm(3)])
    #expect(world.balance(1).isEven)
  }

  @Test func `a platform that is there is waited for`() {
    let (world, tracker) = troubled(answersAtRisk: true, isPlatformUp: true)
    fail(world, count: 5)
    #expect(tracker.take() == [])
    #expect(world.ledger.atRiskFrameCount == 0)
  }

  @Test func `memory has an end, and then there is silence again`() {
    let (world, tracker) = troubled(answersAtRisk: true, isPlatformUp: false)
    for serial in 3..<40_000 {
      tracker.unsent += Wire.alarm(UInt16(serial)).bytes
    }
    world.settle()
    fail(world, count: 10)
    #expect(!tracker.isRead)
    #expect(world.ledger.atRiskFrameCount > 100)
    #expect(world.ledger.atRiskFrameCount <= UInt64(RelayLimits.gateCountMax * 4))
  }
}
