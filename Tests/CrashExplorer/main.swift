// Explores crashes of the spool: `Tests/CrashExplorer/run --help`.
//
// usage: explorer SEED-FIRST SEED-LAST COMMITS PREFIX-STRIDE FLIPS

import Glibc

let arguments = CommandLine.arguments.dropFirst().compactMap { Int($0) }
guard arguments.count == 5 else { fatalError("explorer wants five numbers") }
/// Pages of a segment and segments, in turns.
let rings = [(9, 16), (8, 16), (12, 16), (7, 32)].map {
  SpoolGeometry(segmentByteCount: $0 * SpoolLimits.pageByteCount, segmentCount: $1)
}
var explorer = Explorer(geometry: rings[0], prefixStride: arguments[3], secondShare: 16)
do throws(Violation) {
  for seed in arguments[0]...arguments[1] {
    explorer.geometry = rings[seed % rings.count]
    let seed = UInt64(seed)
    try explorer.crashes(seed: seed, commitCount: arguments[2])
    try explorer.failures(seed: seed, commitCount: arguments[2] / 3)
    try explorer.flips(seed: seed, commitCount: arguments[2], count: arguments[4])
    try explorer.readFailures(seed: seed, commitCount: arguments[2])
  }
} catch {
  print("violation: \(error.text)")
  print("so far: \(explorer.tally)")
  exit(1)
}
print(explorer.tally)
