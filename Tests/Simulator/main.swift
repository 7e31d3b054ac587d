// Runs seeds of the simulated world: `Tests/Simulator/run --help`.
//
// usage: simulate SEED-FIRST COUNT
//
// The first seed is run twice: the same seed is the same run, to the byte. Prints a line for every
// thousand seeds, and one digest over all of them at the end.

import Glibc

func show(_ simulation: Simulation, seed: UInt64) {
  for violation in simulation.violations { print("seed \(seed): \(violation)") }
  for line in simulation.trace.suffix(60) { print("  \(line)") }
}

let arguments = CommandLine.arguments.dropFirst().compactMap { UInt64($0) }
guard arguments.count == 2, arguments[1] > 0 else { fatalError("simulate wants two numbers") }
let first = arguments[0]
var badCount = 0
var digest: UInt64 = 0
var deliveredCount = 0
var killCount = 0
for seed in first..<first + arguments[1] {
  let simulation = Simulation(seed: seed)
  simulation.run()
  if seed == first {
    let again = Simulation(seed: seed)
    again.run()
    if again.digest != simulation.digest || again.now != simulation.now {
      print("seed \(seed): another run of it was different")
      badCount += 1
    }
  }
  if !simulation.violations.isEmpty {
    badCount += 1
    if badCount <= 3 {
      show(simulation, seed: seed)
    } else {
      print("seed \(seed): \(simulation.violations[0])")
    }
  }
  digest = (digest ^ simulation.digest) &* 0x9E37_79B9_7F4A_7C15
  deliveredCount += simulation.deliveredCount
  killCount += simulation.killCount
  if (seed + 1 - first) % 1_000 == 0 { print("\(seed + 1 - first) seeds, \(badCount) bad") }
}
print(
  """
  seeds \(first)...\(first + arguments[1] - 1): \(badCount) bad, \(deliveredCount) reports delivered, \
  \(killCount) kills, digest \(String(digest, radix: 16))
  """)
exit(badCount == 0 ? 0 : 1)
