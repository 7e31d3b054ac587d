// Takes one run of a World apart: a crash at every commit, in every way.

/// What was explored.
struct Tally {
  var crashCount = 0
  var secondCrashCount = 0
  var flipCount = 0
  var failureCount = 0
  var readFailureCount = 0
  var commitCount = 0
  var roundCount = 0
  var evictedCount: UInt64 = 0
  var relocatedCount: UInt64 = 0
  var generationCount: UInt32 = 0
  /// Frames that damaged bits have cost, and those of them that were counted as bytes only.
  var lostCount = 0
  var lostAsBytesCount = 0
}

struct Explorer {
  /// The ring of the present seed.
  var geometry: SpoolGeometry
  /// Bytes of a commit between two of its prefixes.
  let prefixStride: Int
  /// One of so many crashed disks is worked on and crashed again.
  let secondShare: Int
  var tally = Tally()

  // MARK: Crashes

  /// A run of `commitCount` commits with the power cut in every one of them.
  mutating func crashes(seed: UInt64, commitCount: Int) throws(Violation) {
    var world = World(geometry, seed: seed)
    for i in 0..<commitCount {
      try world.work(progress: i * 100 / commitCount)
      world.startCommit()
      guard world.spool.disk.order != nil else { continue }
      // Meanwhile the loop goes on.
      if world.random.chance(30) { try world.append(world.random.below(6)) }
      try cutEverywhere(&world, "seed \(seed) commit \(i)")
      try world.finishCommit()
      tally.commitCount += 1
    }
    try world.settle()
    tally.generationCount += world.spool.nextGeneration
    tally.evictedCount += world.spool.counters.droppedFrameCount
    tally.relocatedCount += world.spool.counters.relocatedFrameCount
    if world.spool.checkpoint.generation > 1 { tally.roundCount += 1 }
  }

  /// Every subset of the sectors in flight, or many where there are too many; every prefix; sectors
  /// turned to garbage.
  private mutating func cutEverywhere(_ world: inout World, _ context: String) throws(Violation) {
    let writes = world.spool.disk.writes
    let sectors = Self.sectors(writes)
    let subsets = sectors.count <= 8 ? 1 << sectors.count : 256
    for i in 0..<subsets {
      let mask = sectors.count <= 8 ? UInt64(i) : world.random.next() & world.random.next()
      let kept = sectors.enumerated().filter { mask >> UInt64($0.offset % 64) & 1 == 1 }
      try crash(&world, kept.map(\.element), "\(context) sectors \(mask)")
    }
    var before: [(offset: Int, bytes: ArraySlice<UInt8>)] = []
    for write in writes {
      let first = world.random.below(prefixStride)
      for count in stride(from: first, to: write.bytes.count, by: prefixStride) {
        let part = before + [(write.offset, write.bytes.prefix(count))]
        try crash(&world, part, "\(context) prefix \(write.offset) + \(count)")
      }
      before.append((write.offset, write.bytes[...]))
    }
    for _ in 0..<32 {
      var kept: [(offset: Int, bytes: ArraySlice<UInt8>)] = []
      for sector in sectors {
        switch world.random.below(3) {
        case 0: kept.append(sector)
        case 1:
          let garbage = sector.bytes.map { _ in UInt8(truncatingIfNeeded: world.random.next()) }
          kept.append((sector.offset, garbage[...]))
        default: break
        }
      }
      try crash(&world, kept, "\(context) harsh")
    }
  }

  private static func sectors(
    _ writes: [DiskWrite]
  ) -> [(offset: Int, bytes: ArraySlice<UInt8>)] {
    let size = ExplorerDisk.sectorByteCount
    return writes.flatMap { write in
      stride(from: 0, to: write.bytes.count, by: size).map {
        (write.offset + $0, write.bytes[$0..<min($0 + size, write.bytes.count)])
      }
    }
  }

  private mutating func crash(
    _ world: inout World, _ survivors: [(offset: Int, bytes: ArraySlice<UInt8>)],
    _ context: @autoclosure () -> String
  ) throws(Violation) {
    tally.crashCount += 1
    // After an eviction a second start may count too much (SPOOL.md, known gaps).
    try restart(
      world.spool.disk.cut(survivors), world.ledger, &world.random, isLast: world.isOutage, context)
  }

  private mutating func restart(
    _ disk: ExplorerDisk, _ ledger: Ledger, _ random: inout RandomNumbers, isLast: Bool = false,
    _ context: () -> String
  ) throws(Violation) {
    do throws(Violation) {
      var report = RecoveryReport()
      var after = World(disk, geometry, after: ledger, seed: random.next(), report: &report)
      try after.reconcile(.sound)
      if !isLast, random.below(secondShare) == 0 { return try workOn(&after) }
      _ = try after.drain(.sound)
    } catch {
      throw Violation("\(context()): \(error.text)")
    }
  }

  /// Works on for a while after a crash, and crashes again.
  private mutating func workOn(_ world: inout World) throws(Violation) {
    for _ in 0..<world.random.below(6) {
      try world.work(progress: 50)
      world.startCommit()
      try world.finishCommit()
    }
    try world.work(progress: 50)
    world.startCommit()
    tally.secondCrashCount += 1
    var kept = Self.sectors(world.spool.disk.writes)
    if world.random.chance(70) { kept.removeAll { _ in world.random.chance(50) } }
    var report = RecoveryReport()
    var last = World(
      world.spool.disk.cut(kept), geometry, after: world.ledger, seed: world.random.next(),
      report: &report)
    try last.reconcile(.sound)
    try last.work(progress: 50)
    try last.settle()
    _ = try last.drain(.sound)
  }

  // MARK: Failures

  /// The same run again and again, with commit 1, 2, 3 ... failing, once or for a while.
  mutating func failures(seed: UInt64, commitCount: Int) throws(Violation) {
    for fault in Fault.allCases {
      for length in [1, 2, 5] {
        // Every commit of the run, in turns with the kinds of failure.
        let first = (Int(seed) + tally.failureCount) % 5
        for failing in stride(from: first, to: commitCount, by: 5) {
          tally.failureCount += 1
          let context = "seed \(seed) \(fault) at \(failing), \(length) times"
          do throws(Violation) {
            try failure(seed, commitCount, fault, failing..<failing + length)
          } catch {
            throw Violation("\(context): \(error.text)")
          }
        }
      }
    }
  }

  private mutating func failure(
    _ seed: UInt64, _ commitCount: Int, _ fault: Fault, _ failing: Range<Int>
  ) throws(Violation) {
    var world = World(geometry, seed: seed)
    world.isOutage = tally.failureCount % 2 == 0
    // Everything up to some time before the failure has been looked at without one.
    for i in 0..<min(commitCount, failing.upperBound + 6) {
      try world.work(progress: i * 100 / commitCount)
      world.startCommit()
      let isNear = i + 1 >= failing.lowerBound
      if isNear, world.spool.disk.order != nil {
        var kept = Self.sectors(world.spool.disk.writes)
        kept.removeAll { _ in world.random.chance(50) }
        for survivors in [[], kept] { try crash(&world, survivors, "commit \(i)") }
      }
      try world.finishCommit(failing.contains(i) ? fault : nil)
      if failing.contains(i) {
        tally.crashCount += 1
        // What a failed sync left in the cache may go with a second crash: it was never answered.
        try restart(
          world.spool.disk.killed(), world.ledger, &world.random, isLast: true
        ) { "killed" }
        world.ledger.now += 1_100
      }
    }
    try world.settle()
    try restart(world.spool.disk.cut([]), world.ledger, &world.random) { "end" }
  }

  // MARK: Damage

  /// A run that ends, and then bit after bit of its disk damaged; `share` of all the bits.
  mutating func flips(seed: UInt64, commitCount: Int, count: Int) throws(Violation) {
    var world = World(geometry, seed: seed)
    for i in 0..<commitCount {
      try world.work(progress: i * 100 / commitCount)
      world.startCommit()
      try world.finishCommit()
    }
    try world.settle()
    var random = RandomNumbers(seed: seed)
    let written = (0..<geometry.segmentCount).filter { world.spool.segments[$0].generation != 0 }
    for _ in 0..<count {
      let segment = written[random.below(written.count)]
      let bit = random.below(geometry.segmentByteCount * 8)
      try flip(world, segment, bit, &random, "seed \(seed) segment \(segment) bit \(bit)")
    }
  }

  private mutating func flip(
    _ world: borrowing World, _ segment: Int, _ bit: Int, _ random: inout RandomNumbers,
    _ context: @autoclosure () -> String
  ) throws(Violation) {
    tally.flipCount += 1
    var disk = world.spool.disk.cut([])
    disk.flip(segment, bit: bit)
    do throws(Violation) {
      var report = RecoveryReport()
      var after = World(disk, geometry, after: world.ledger, seed: random.next(), report: &report)
      var wanted = 0
      for device in world.ledger.devices { wanted += Int(device.last - device.cursor) }
      try after.reconcile(.damaged)
      var duplicates = 0
      for (before, now) in zip(world.ledger.devices, after.ledger.devices) {
        for frame in before.frames[Int(now.cursor)..<Int(before.cursor)] where !frame.isSpared {
          duplicates += 1
        }
      }
      let count = try after.drain(.damaged)
      let lost = wanted + duplicates - count
      var damaged = report.orphanCount
      for device in after.ledger.devices {
        damaged += Int(after.spool.table[device.index].dropped.damaged)
      }
      tally.lostCount += max(0, lost)
      if lost > damaged {
        // A device's newest frames are counted in bytes when nothing later tells how many they were, and
        // a segment whose version is damaged is reported as another version's.
        tally.lostAsBytesCount += lost - damaged
        guard after.spool.counters.damagedByteCount > 0 || report.foreignSegmentCount > 0 else {
          throw Violation("\(lost) frames lost, \(damaged) counted")
        }
      }
    } catch {
      throw Violation("\(context()): \(error.text)")
    }
  }

  // MARK: Reads

  /// Read 1, 2, 3 ... of a start and the drain after it fails: once, which costs nothing, or each time.
  mutating func readFailures(seed: UInt64, commitCount: Int) throws(Violation) {
    try readFailures(seed, commitCount, times: 1, .sound)
    try readFailures(seed, commitCount, times: SpoolLimits.readAttempts, .damaged)
  }

  private mutating func readFailures(
    _ seed: UInt64, _ commitCount: Int, times: Int, _ soundness: Soundness
  ) throws(Violation) {
    var world = World(geometry, seed: seed)
    for i in 0..<commitCount {
      try world.work(progress: i * 100 / commitCount)
      world.startCommit()
      try world.finishCommit()
    }
    try world.settle()
    var failing = 0
    var isReached = true
    while isReached {
      failing += 1
      tally.readFailureCount += 1
      var disk = world.spool.disk.cut([])
      let first = disk.readCount + failing
      disk.failingReads = first..<first + times
      do throws(Violation) {
        var report = RecoveryReport()
        var after = World(
          disk, geometry, after: world.ledger, seed: UInt64(failing), report: &report)
        try after.reconcile(soundness)
        _ = try after.drain(soundness)
        isReached = after.spool.disk.readCount >= first
        try after.settle()
      } catch {
        throw Violation("seed \(seed) read \(failing), \(times) times: \(error.text)")
      }
    }
  }
}
