// Many seeds of the simulated world. EDGERELAY_SEEDS=N runs N of them, EDGERELAY_SEED=K that one.

import Foundation
import Testing

@testable import Relay

@Suite struct SimulationTests {
  /// Seeds in parts, so that all cores have something to do.
  static let parts: [ClosedRange<UInt64>] = {
    let environment = ProcessInfo.processInfo.environment
    if let seed = environment["EDGERELAY_SEED"].flatMap(UInt64.init) { return [seed...seed] }
    let count = environment["EDGERELAY_SEEDS"].flatMap(UInt64.init) ?? 200
    let size: UInt64 = 10
    return stride(from: 1, through: max(count, 1), by: Int(size)).map {
      $0...min($0 + size - 1, max(count, 1))
    }
  }()

  @Test(arguments: parts)
  func `no promise breaks in a world where everything fails`(seeds: ClosedRange<UInt64>) {
    for seed in seeds {
      let simulation = Simulation(seed: seed)
      simulation.run()
      let last = simulation.trace.suffix(40).joined(separator: "\n")
      #expect(simulation.violations.isEmpty, "EDGERELAY_SEED=\(seed)\n\(last)")
      #expect(simulation.deliveredCount > 0, "seed \(seed) does nothing")
    }
  }

  @Test func `the same seed replays the same world`() {
    let runs = (0..<2).map { _ in
      let simulation = Simulation(seed: 77)
      simulation.run()
      return simulation
    }
    #expect(runs[0].digest == runs[1].digest)
    #expect(runs[0].trace == runs[1].trace)
    #expect(runs[0].deliveredCount == runs[1].deliveredCount)
    #expect(runs[0].now == runs[1].now)
  }
}
