// Frames of stuck devices, moved out of the way of the ring.

import Testing

@testable import Queue

@Suite("Relocation")
struct RelocationTests {
  /// Lets `device` take up `laps` of the ring with frames that are delivered at once.
  private func pass(_ laps: Int, _ device: DeviceIndex, _ spool: inout TestSpool) {
    spool.passSegments(laps * spool.geometry.segmentCount, device)
  }

  @Test("keeps a stuck device's frames whole, in order and under their login, for many laps")
  func keepsFrames() {
    var spool = emptySpool()
    let (stuck, busy) = (spool.device("S"), spool.device("B"))
    var expected: [String] = []
    for i in 1...6 {
      spool.logIn(stuck, "login \(i / 3)")
      spool.store(stuck, "frame \(i)")
      expected.append("S\(i) frame \(i) (login \(i / 3))")
      pass(1, busy, &spool)
    }
    #expect(spool.counters.droppedFrameCount == 0)
    #expect(spool.counters.relocatedFrameCount > 0)
    var again = recovered(spool.disk.afterPowerCut(.nothing))
    #expect(again.drain(showsLogin: true).filter { $0.hasPrefix("S") } == expected)
    #expect(spool.drain(showsLogin: true) == expected)
    // What is delivered frees the cold segments too.
    spool.confirmAll(stuck)
    #expect(spool.coldCount <= 1)
    #expect(spool.table[stuck].firstPin == .nowhere)
  }

  @Test(
    "brings nothing back of what the operator gave up, however often its records move",
    arguments: 0..<4)
  func givenUp(_ laps: Int) {
    var spool = emptySpool()
    let (stuck, busy, other) = (spool.device("S"), spool.device("B"), spool.device("O"))
    for i in 1...6 {
      spool.store(stuck, "\(i)")
      spool.store(other, "\(i)")
      pass(1, busy, &spool)
    }
    let count = spool.giveUp(stuck)
    #expect(count == 6)
    spool.commit()
    pass(laps, busy, &spool)
    var again = recovered(spool.disk.afterPowerCut(.nothing))
    #expect(again.dropCounts(of: again.device("S")) == DropCounts(byOperator: 6))
    again.store(again.device("S"), "seven")
    let handed = again.drain().filter { !$0.hasPrefix("B") }
    #expect(handed == (1...6).map { "O\($0) \($0)" } + ["S7 seven"])
  }

  @Test("keeps the time at which a frame was stored")
  func age() {
    var spool = emptySpool()
    let (stuck, busy) = (spool.device("S"), spool.device("B"))
    spool.put(stuck, "old", at: 1_000)
    spool.commit(at: 1_020)
    pass(2, busy, &spool)
    #expect(spool.counters.relocatedFrameCount == 1)
    spool.open(stuck)
    let frame = spool.nextFrame(at: 9_000)!
    #expect(spool.age(ofSwept: frame, now: instant(9_000)) == 8_000)
  }

  @Test("that fails loses nothing, and is tried again")
  func failing() {
    var spool = emptySpool()
    let (stuck, busy) = (spool.device("S"), spool.device("B"))
    for i in 1...5 { spool.store(stuck, "\(i)") }
    var failedCount = 0
    var now: Int64 = 0
    while failedCount < 3, spool.nextGeneration < 400 {
      spool.put(busy, "filler", at: now)
      spool.commitIfDue(now: instant(now), isForced: true)
      let isFailing = spool.underWay!.isRelocation
      let error = spool.disk.finishCommit(isFailing ? .write(.failed, byteCount: 2_000) : nil)
      spool.commitFinished(error, now: instant(now))
      // At once it is not tried again.
      if isFailing {
        failedCount += 1
        spool.commitIfDue(now: instant(now))
        #expect(spool.underWay?.isRelocation != true)
        now += 1_000
      }
      spool.confirmAll(busy)
    }
    #expect(failedCount == 3)
    for _ in 0..<4 {
      spool.put(busy, "filler", at: now)
      spool.commit(at: now)
      spool.confirmAll(busy)
    }
    pass(2, busy, &spool)
    #expect(spool.counters.droppedFrameCount == 0)
    var again = recovered(spool.disk.afterPowerCut(.nothing))
    again.open(again.device("S"))
    #expect(again.sweepAll() == (1...5).map { "S\($0) \($0)" })
  }

  @Test("makes a device that fills the ring lose its own oldest frames, and no other's")
  func deviceShare() {
    let geometry = SpoolGeometry(segmentByteCount: 32 * 4_096, segmentCount: 16)
    var spool = emptySpool(geometry)
    let (hopeless, stuck, busy) = (spool.device("H"), spool.device("S"), spool.device("B"))
    for i in 1...3 { spool.store(stuck, "\(i)") }
    let frame = String(repeating: "x", count: 1_000)
    for i in 0..<2_000 {
      for device in [hopeless, busy, busy, busy, busy] {
        while spool.append(device, Array(frame.utf8).span, .unlimited, now: instant(0)) == .full {
          spool.commit()
        }
      }
      if i % 4 == 3 { spool.commit() }
      spool.confirmAll(busy)
    }
    #expect(spool.droppedCount(hopeless) > 0)
    #expect(spool.droppedCount(stuck) == 0)
    spool.open(stuck)
    #expect(spool.sweepAll() == (1...3).map { "S\($0) \($0)" })
    let first = spool.droppedCount(hopeless) + 1
    spool.open(hopeless)
    #expect(spool.sweepAll() == (first...2_000).map { "H\($0) \(frame)" })
  }

  @Test("is not worth it where most of a segment is undelivered")
  func mostlyLive() {
    let geometry = SpoolGeometry(segmentByteCount: 32 * 4_096, segmentCount: 16)
    var spool = emptySpool(geometry)
    let a = spool.device("A")
    let frame = String(repeating: "x", count: 3_000)
    for _ in 0..<1_000 { spool.store(a, frame) }
    #expect(spool.counters.relocatedFrameCount == 0)
    #expect(spool.droppedCount(a) > 0)
  }

  @Test("to a segment whose content was stale leaves nothing behind after a power cut")
  func staleSource() {
    var spool = emptySpool()
    let (stuck, busy) = (spool.device("S"), spool.device("B"))
    for i in 1...4 { spool.store(stuck, "\(i)") }
    for lap in 0..<8 {
      for _ in 0..<SpoolGeometry.commitsPerSegment * 4 {
        spool.put(busy, "filler")
        spool.commitIfDue(now: instant(0), isForced: true)
        for cut in [Cut.nothing, .prefix(4_096), .prefix(4_608), .everything] {
          var again = recovered(spool.disk.afterPowerCut(cut))
          again.open(again.device("S"))
          #expect(again.sweepAll() == (1...4).map { "S\($0) \($0)" }, "lap \(lap) \(cut)")
          #expect(again.counters.droppedFrameCount == 0)
        }
        let error = spool.disk.finishCommit()
        spool.commitFinished(error, now: instant(0))
        spool.confirmAll(busy)
      }
    }
  }
}
