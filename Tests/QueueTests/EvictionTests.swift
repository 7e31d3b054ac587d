// The ring when it is full, and the order in which segments are used again.

import Testing

@testable import Queue

@Suite("The ring")
struct EvictionTests {
  @Test("gives up the oldest frames when it is full, and counts every one")
  func exactCounts() {
    var spool = emptySpool()
    let a = spool.device("A")
    let b = spool.device("B")
    spool.store(b, "only")
    let perLap = SpoolGeometry.small.segmentCount * SpoolGeometry.commitsPerSegment
    for i in 1...3 * perLap { spool.store(a, "\(i)") }
    let handed = spool.drain()
    let first = 3 * perLap - handed.count + 1
    #expect(handed == (first...3 * perLap).map { "A\($0) \($0)" })
    #expect(spool.droppedCount(a) == first - 1)
    #expect(spool.droppedCount(b) == 1)
    #expect(spool.counters.droppedFrameCount == UInt64(first))
    // Nearly all of the ring is used.
    #expect(handed.count >= perLap * 3 / 4)
  }

  @Test("leaves the end of a segment that is shorter than the batches, while it has room")
  func ends() {
    // Groups of eight pages: fifteen times into a segment, with five pages left.
    let frame = [UInt8](repeating: 0x61, count: 1_000)
    func storeGroup(_ spool: inout TestSpool) -> UInt64 {
      let before = spool.counters.commitCount
      for _ in 1...29 {
        while spool.append(DeviceIndex(0), frame.span, .unlimited, now: instant(0)) == .full {
          spool.commit()
        }
      }
      spool.commit()
      return spool.counters.commitCount - before
    }
    var spool = emptySpool(
      SpoolGeometry(
        segmentByteCount: 128 * SpoolLimits.pageByteCount,
        segmentCount: SpoolLimits.segmentCountMin))
    _ = spool.device("A")
    for _ in 1...32 { #expect(storeGroup(&spool) == 1) }
    // In a full ring it would cost frames.
    while spool.counters.droppedFrameCount == 0 { _ = storeGroup(&spool) }
    var commitCount: UInt64 = 0
    for _ in 1...32 { commitCount += storeGroup(&spool) }
    #expect(commitCount > 32)
  }

  @Test("keeps the counts of what it gave up over a restart")
  func countsSurvive() {
    var spool = emptySpool()
    let a = spool.device("A")
    let b = spool.device("B")
    spool.store(b, "only")
    var stored = 0
    while spool.droppedCount(a) == 0 {
      stored += 1
      spool.store(a, "\(stored)")
    }
    var report = RecoveryReport()
    var again = recovered(spool.disk.afterPowerCut(.nothing), &report)
    let a2 = again.device("A")
    #expect(again.droppedCount(a2) == spool.droppedCount(a))
    // B has nothing left on the disk but its loss.
    #expect(report.droppedFrameCount == spool.droppedCount(a) + spool.droppedCount(b))
    let first = spool.droppedCount(a) + 1
    #expect(again.drain() == (first...stored).map { "A\($0) \($0)" })
  }

  @Test("loses nothing of a stuck device while others come and go")
  func othersUnaffected() {
    var spool = emptySpool()
    let stuck = spool.device("S")
    let b = spool.device("B")
    for i in 1...4 { spool.store(stuck, "\(i)") }
    spool.open(b)
    var expected = 0
    for i in 1...200 {
      spool.store(b, "\(i)")
      #expect(spool.sweepAll() == ["B\(i) \(i)"])
      spool.confirm(
        b, UInt32(i),
        at: spool.firstBatch(
          of: spool.segments[spool.writeSegment].generation))
      expected += 1
    }
    #expect(expected == 200)
    #expect(spool.droppedCount(b) == 0)
    #expect(spool.droppedCount(stuck) == 0)
    #expect(spool.drain() == (1...4).map { "S\($0) \($0)" })
  }

  @Test("does not write over evicted frames before their loss is durable")
  func dropIsDurableFirst() {
    var spool = emptySpool()
    let a = spool.device("A")
    var stored = 0
    while stored < 100 {
      stored += 1
      spool.put(a, "\(stored)")
      spool.commitIfDue(now: instant(0), isForced: true)
      for cut in [Cut.nothing, .prefix(4_096), .prefix(4_608), .prefix(8_192)] {
        var report = RecoveryReport()
        var again = recovered(spool.disk.afterPowerCut(cut), &report)
        let a2 = again.device("A")
        let counted = again.droppedCount(a2)
        let handed = again.drain()
        // Every durable frame is handed out or counted.
        #expect(
          handed.count + counted >= stored - 1, "\(stored) \(cut): \(handed.count) + \(counted)")
      }
      let error = spool.disk.finishCommit()
      spool.commitFinished(error, now: instant(0))
      // Where frames were being moved, the batch is still to be written.
      spool.commit()
    }
  }

  @Test("brings nothing back whose delivery was committed, however small its part of the ring")
  func deliveredStaysDelivered() {
    var spool = emptySpool()
    let single = spool.device("S")
    let a = spool.device("A")
    // The first two segments are free again while the third holds a frame.
    for i in 1...8 { spool.store(a, "\(i)") }
    spool.store(single, "once")
    spool.confirmAll(a)
    for i in 10...16 { spool.store(a, "\(i)") }
    spool.passSegments(1, a)
    spool.confirmAll(single)
    spool.confirmAll(a)
    spool.commit()
    // Light traffic, delivered at once.
    for _ in 0..<100 {
      spool.store(a, "more")
      spool.confirmAll(a)
    }
    spool.commit()
    var report = RecoveryReport()
    var again = recovered(spool.disk.afterPowerCut(.nothing), &report)
    #expect(report.undeliveredCount == 0)
    #expect(again.drain() == [])
  }

  @Test("stays on segments written before while there is little to keep")
  func staysSmall() {
    var spool = emptySpool()
    let a = spool.device("A")
    for _ in 0..<200 {
      spool.store(a, "x")
      spool.confirmAll(a)
    }
    let written = spool.disk.image.filter { $0[0] != 0 }.count
    #expect(written <= 4)
  }

  @Test("keeps a device's frames in order around what was evicted while they were in flight")
  func evictedInFlight() {
    var spool = emptySpool()
    let a = spool.device("A")
    for i in 1...8 { spool.store(a, "\(i)") }
    spool.open(a)
    for _ in 0..<3 {
      let frame = spool.nextFrame()!
      spool.markSent(a, frame.sequence)
    }
    spool.setInterest(a, wants: true, hasRoom: false)
    var stored = 8
    while spool.droppedCount(a) == 0 {
      stored += 1
      spool.store(a, "\(stored)")
    }
    // Proof of what is gone already changes nothing.
    spool.confirm(a, 2)
    let next = spool.droppedCount(a) + 1
    #expect(spool.drain() == (next...stored).map { "A\($0) \($0)" })
  }

  @Test("has a place for the drops of every device of a segment in the next batch")
  func manyDrops() {
    let geometry = SpoolGeometry(
      segmentByteCount: SpoolLimits.segmentBytesMin, segmentCount: 16)
    var spool = emptySpool(geometry, deviceCountMax: 4_000)
    for i in 0..<900 { spool.put(spool.device("D\(i)"), "x") }
    spool.commit()
    // One device fills the ring, with batches as large as they get.
    let a = spool.device("A")
    let frame = [UInt8](repeating: 0x61, count: 20_000)
    var count = 0
    while spool.counters.droppedFrameCount == 0, count < 1_000 {
      if spool.append(a, frame.span, .unlimited, now: instant(0)) != .full {
        count += 1
        continue
      }
      spool.commitIfDue(now: instant(0), isForced: true)
      let error = spool.disk.finishCommit()
      spool.commitFinished(error, now: instant(0))
    }
    #expect(spool.counters.droppedFrameCount >= 900)
    // The very next commit carries them all.
    while spool.append(a, frame.span, .unlimited, now: instant(0)) != .full {}
    spool.commitIfDue(now: instant(0), isForced: true)
    let error = spool.disk.finishCommit()
    spool.commitFinished(error, now: instant(0))
    var report = RecoveryReport()
    _ = recovered(spool.disk.afterPowerCut(.nothing), deviceCountMax: 4_000, &report)
    #expect(report.droppedFrameCount >= 900)
  }

  @Test("does not ask to be called at once for acknowledgements that find no segment")
  func waitsForASegment() {
    var spool = emptySpool()
    spool.fullPolicy = .refuse
    let stuck = spool.device("S")
    let b = spool.device("B")
    var stored: UInt32 = 0
    while true {
      let device = stored % 4 == 3 ? b : stuck
      if spool.append(device, [1].span, .unlimited, now: instant(0)) == .full { break }
      stored += 1
      spool.commit()
    }
    for i in 1...spool.lastSequence(b).rawValue {
      spool.confirm(b, i)
      let now = Int64(i) * 1_000
      spool.commitIfDue(now: instant(now))
      if spool.disk.isCommitting {
        commit(&spool, at: now)
      } else {
        #expect(spool.nextDeadline > instant(now))
      }
    }
  }

  private func commit(_ spool: inout TestSpool, at now: Int64) {
    let error = spool.disk.finishCommit()
    spool.commitFinished(error, now: instant(now))
  }

  @Test("refuses new frames instead, where that is wanted, and takes them when there is room")
  func refuses() {
    var spool = emptySpool()
    spool.fullPolicy = .refuse
    let a = spool.device("A")
    var stored = 0
    var isFull = false
    while !isFull, stored < 1_000 {
      let result = spool.append(a, Array("\(stored + 1)".utf8).span, .unlimited, now: instant(0))
      if result == .full { isFull = true } else { stored += 1 }
      spool.commit()
    }
    #expect(stored < 1_000)
    #expect(spool.counters.refusedCount == 1)
    #expect(spool.counters.droppedFrameCount == 0)
    #expect(spool.drain() == (1...stored).map { "A\($0) \($0)" })
    // Whatever is acknowledged, power cuts find every frame that is not.
    spool.rewind(a)
    for i in 1...stored {
      guard let frame = spool.nextFrame(at: 1_000 * Int64(i)) else {
        Issue.record("frame \(i) does not come")
        return
      }
      spool.markSent(a, frame.sequence)
      spool.confirm(a, UInt32(i), at: frame.place)
      // As many at a time as a segment of one batch each has frames.
      guard i % SpoolGeometry.commitsPerSegment == 0 else { continue }
      spool.commitIfDue(now: instant(1_000 * Int64(i)), isForced: true)
      var again = recovered(spool.disk.afterPowerCut(.prefix(4_096)))
      #expect(again.drain().last == "A\(stored) \(stored)" || i >= stored - 1)
      #expect(again.counters.droppedFrameCount == 0)
      let error = spool.disk.finishCommit()
      spool.commitFinished(error, now: instant(1_000 * Int64(i)))
    }
    #expect(spool.append(a, Array("new".utf8).span, .unlimited, now: instant(0)) != .full)
  }
}
