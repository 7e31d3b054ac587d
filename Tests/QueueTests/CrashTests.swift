// A power cut at every commit of a random workload, and a second one soon after the first.

import Foundation
import Testing

@testable import Queue

/// Whether the long version of the random tests was asked for.
let isLongRun = ProcessInfo.processInfo.environment["EDGERELAY_LONG"] == "1"

/// The one seed to run, when a failure is to be looked at.
let onlySeed = ProcessInfo.processInfo.environment["EDGERELAY_SEED"].flatMap { UInt64($0) }

/// How many times the ordinary number of seeds the random tests run.
let seedFactor: UInt64 =
  ProcessInfo.processInfo.environment["EDGERELAY_SEEDS"].flatMap { UInt64($0) }
  ?? (isLongRun ? 400 : 1)

/// The seeds of a random test that ordinarily runs `count` of them.
func seeds(_ count: UInt64) -> [UInt64] {
  onlySeed.map { [$0] } ?? Array(1...count * seedFactor)
}

@Suite("A power cut")
struct CrashTests {
  /// Laps of the ring that a run writes.
  static let laps: UInt32 = 4
  static let cutsPerCommit = 2

  @Test("loses nothing durable, wherever it falls", arguments: seeds(2))
  func everyCommit(_ seed: UInt64) {
    var world = World(spool: emptySpool(), seed: seed, context: "seed \(seed)")
    world.addDevices()
    let generations = Self.laps * UInt32(SpoolGeometry.small.segmentCount)
    var step = 0
    var crashCount = 0
    var evicted = false
    while world.spool.nextGeneration <= generations, step < 100_000, !world.hasFailed {
      step += 1
      world.context = "seed \(seed) step \(step)"
      world.act(progress: Int(world.spool.nextGeneration * 100 / generations))
      guard world.random.chance(25) else { continue }
      world.startCommit(isForced: world.random.chance(80))
      guard world.spool.disk.isCommitting else {
        world.model.now += 300
        continue
      }
      // Meanwhile the loop goes on.
      for _ in 0..<world.random.below(3) { world.act(progress: 50) }
      for _ in 0..<Self.cutsPerCommit where !world.hasFailed {
        crashCount += 1
        Self.cut(&world)
      }
      if world.random.chance(4) {
        world.finishCommit(Self.fault(&world.random))
        world.model.now += Int64(world.random.below(2_000))
      } else {
        world.finishCommit()
      }
      if world.spool.counters.droppedFrameCount > 0 { evicted = true }
    }
    #expect(evicted, "the workload never filled the ring")
    #expect(world.spool.nextGeneration > generations)
    if !world.hasFailed {
      world.finishCommit()
      world.drain()
    }
    CutCount.shared.add(crashCount)
  }

  /// Cuts the power in the commit under way, starts again, and checks; half of the time works on for
  /// a while and cuts the power again.
  private static func cut(_ world: inout World) {
    let cut = randomCut(&world.random, world.spool.disk.commitByteCount)
    let seed = world.random.next()
    let isKill = world.random.chance(10)
    let disk = isKill ? world.spool.disk.afterKill() : world.spool.disk.afterPowerCut(cut)
    var after = world.restarted(
      on: disk, seed: seed, context: world.context + (isKill ? " kill" : " \(cut)"),
      isAfterPowerCut: !isKill)
    if after.hasFailed || after.random.chance(50) {
      if !after.hasFailed { after.drain() }
      world.hasFailed = after.hasFailed
      return
    }
    for _ in 0..<after.random.below(3) { workOn(&after) }
    for _ in 0..<10 { after.act(progress: 50) }
    after.startCommit(isForced: true)
    // What a failed sync left in the cache only may go now, in the middle of the log.
    if isKill { after.isSound = false }
    CutCount.shared.add(1)
    let second = randomCut(&after.random, after.spool.disk.commitByteCount)
    var last = after.restarted(
      on: after.spool.disk.afterPowerCut(second), seed: after.random.next(),
      context: after.context + " then \(second)")
    if !last.hasFailed {
      workOn(&last)
      last.drain()
    }
    world.hasFailed = after.hasFailed || last.hasFailed
  }

  private static func workOn(_ world: inout World) {
    for _ in 0..<20 where !world.hasFailed {
      world.act(progress: 50)
      world.startCommit(isForced: world.random.chance(30))
      world.finishCommit()
    }
  }

  private static func randomCut(_ random: inout RandomNumbers, _ byteCount: Int) -> Cut {
    switch random.below(6) {
    case 0: .nothing
    case 1: .everything
    case 2: .prefix(random.below(byteCount + 1))
    case 3: .harsh(seed: random.next())
    default: .sectors(seed: random.next())
    }
  }

  static func fault(_ random: inout RandomNumbers) -> CommitFault {
    switch random.below(3) {
    case 0: .write(.failed, byteCount: random.below(9_000))
    case 1: .write(.noSpace, byteCount: 0)
    default: .sync(.failed)
    }
  }
}
