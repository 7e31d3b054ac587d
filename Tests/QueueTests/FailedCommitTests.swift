// Commits that fail: nothing durable is lost, nothing is called durable too early.

import Testing

@testable import Queue

@Suite("A failed commit")
struct FailedCommitTests {
  static let faults: [CommitFault] = [
    .write(.failed, byteCount: 0), .write(.noSpace, byteCount: 0),
    .write(.failed, byteCount: 700), .write(.failed, byteCount: 5_000), .sync(.failed),
  ]

  @Test("is written to another segment, and durable only then", arguments: faults)
  func retry(_ fault: CommitFault) {
    var spool = emptySpool()
    let a = spool.device("A")
    spool.store(a, "one")
    guard case .stored(_, let batch, _) = spool.put(a, "two") else { return }
    spool.commitIfDue(now: instant(0), isForced: true)
    let segment = spool.disk.segmentOfCommit
    #expect(spool.durableTicket < batch)
    let error = spool.disk.finishCommit(fault)
    spool.commitFinished(error, now: instant(0))
    #expect(spool.durableTicket < batch)
    #expect(spool.failedCommitCount == 1)
    #expect(spool.drain() == ["A1 one"])
    // It waits, and says until when.
    spool.commitIfDue(now: instant(0), isForced: true)
    #expect(!spool.disk.isCommitting)
    #expect(spool.nextDeadline == instant(1_000))
    spool.commitIfDue(now: instant(1_000))
    #expect(spool.disk.isCommitting)
    #expect(spool.disk.segmentOfCommit != segment)
    #expect(spool.durableTicket < batch)
    let success = spool.disk.finishCommit()
    spool.commitFinished(success, now: instant(1_000))
    #expect(spool.durableTicket == batch)
    #expect(spool.failedCommitCount == 0)
    #expect(spool.sweepAll() == ["A2 two"])
    var again = recovered(spool.disk.afterPowerCut(.nothing))
    #expect(again.drain() == ["A1 one", "A2 two"])
  }

  @Test("takes the frames gathered behind it along")
  func gathered() {
    var spool = emptySpool()
    let a = spool.device("A")
    spool.store(a, "one")
    spool.put(a, "two")
    spool.commitIfDue(now: instant(0), isForced: true)
    spool.put(a, "three")
    let error = spool.disk.finishCommit(.write(.failed, byteCount: 0))
    spool.commitFinished(error, now: instant(0))
    spool.put(a, "four")
    spool.commit(at: 1_000)
    spool.put(a, "five")
    spool.commit(at: 1_000)
    #expect(spool.drain() == ["A1 one", "A2 two", "A3 three", "A4 four", "A5 five"])
    var again = recovered(spool.disk.afterPowerCut(.nothing))
    #expect(again.drain() == ["A1 one", "A2 two", "A3 three", "A4 four", "A5 five"])
  }

  @Test("still says whose its frames are when the segment it left is used again")
  func movedFramesKeepTheirDevice() {
    var spool = emptySpool()
    let a = spool.device("A")
    let filler = spool.device("F")
    spool.logIn(a, "first")
    spool.store(a, "one")
    spool.put(a, "two")
    spool.logIn(a, "second")
    spool.put(a, "three")
    spool.commitIfDue(now: instant(0), isForced: true)
    spool.put(a, "four")
    let error = spool.disk.finishCommit(.write(.failed, byteCount: 0))
    spool.commitFinished(error, now: instant(0))
    spool.commit(at: 1_000)
    #expect(
      spool.drain(showsLogin: true) == [
        "A1 one (first)", "A2 two (first)", "A3 three (second)", "A4 four (second)",
      ])
    spool.confirm(a, 1, at: spool.firstBatch(of: spool.segments[spool.order[1]].generation))
    // The segment of frame 1 is written over; the log now begins with the moved batch.
    spool.passSegments(2, filler)
    spool.commit(at: 1_000)
    var report = RecoveryReport()
    var again = recovered(spool.disk.afterPowerCut(.nothing), &report)
    let handed = again.drain(showsLogin: true).filter { $0.hasPrefix("A") }
    #expect(report.orphanCount == 0)
    #expect(handed == ["A2 two (first)", "A3 three (second)", "A4 four (second)"])
  }

  @Test("twice in a row leaves no gap in the log", arguments: faults)
  func twice(_ fault: CommitFault) {
    var spool = emptySpool()
    let a = spool.device("A")
    spool.store(a, "one")
    spool.put(a, "two")
    spool.failCommit(fault)
    spool.failCommit(fault, at: 1_000)
    spool.commit(at: 2_000)
    spool.store(a, "three")
    #expect(spool.drain(at: 2_000) == ["A1 one", "A2 two", "A3 three"])
    #expect(spool.counters.droppedFrameCount == 0)
    var again = recovered(spool.disk.afterPowerCut(.nothing))
    #expect(again.drain() == ["A1 one", "A2 two", "A3 three"])
  }

  @Test("twice in a row loses no frame that was appended in between")
  func appendedBetweenFailures() {
    var spool = emptySpool()
    let a = spool.device("A")
    let b = spool.device("B")
    spool.put(a, "one")
    spool.failCommit()
    spool.put(b, "one")
    spool.failCommit(at: 1_000)
    spool.put(b, "two")
    spool.commit(at: 2_000)
    spool.put(b, "three")
    spool.commit(at: 2_000)
    spool.open(b)
    #expect(spool.sweepAll() == ["B1 one", "B2 two", "B3 three"])
    spool.open(a)
    #expect(spool.sweepAll() == ["A1 one"])
    spool.confirmAll(b)
    var again = recovered(spool.disk.afterPowerCut(.nothing))
    #expect(again.drain().contains("A1 one"))
  }

  @Test("a hundred times in a row costs nothing durable", arguments: faults)
  func many(_ fault: CommitFault) {
    var spool = emptySpool()
    let a = spool.device("A")
    for i in 1...40 { spool.store(a, "\(i)") }
    spool.put(a, "41")
    for second in 0..<100 {
      spool.failCommit(fault, at: Int64(second) * 1_000)
      #expect(spool.lastSequence(a) == SequenceNumber(41))
    }
    spool.commit(at: 100_000)
    spool.store(a, "42")
    #expect(spool.counters.droppedFrameCount == 0)
    let all = (1...42).map { "A\($0) \($0)" }
    #expect(spool.drain(at: 100_000) == all)
    var again = recovered(spool.disk.afterPowerCut(.nothing))
    #expect(again.drain() == all)
  }

  @Test("for ever refuses frames at last, and takes no memory")
  func forEver() {
    var spool = emptySpool()
    let a = spool.device("A")
    var stored = 0
    for second in 0..<200 {
      for _ in 0..<50 {
        let text = [UInt8](repeating: 0x61, count: 100)
        if spool.append(a, text.span, .unlimited, now: instant(Int64(second) * 1_000)) != .full {
          stored += 1
        }
      }
      spool.failCommit(at: Int64(second) * 1_000)
    }
    #expect(stored < 300)
    #expect(spool.durableThrough == 0)
    let text = [UInt8](repeating: 0x61, count: 100)
    #expect(spool.append(a, text.span, .unlimited, now: instant(200_000)) == .full)
    spool.commit(at: 200_000)
    #expect(spool.drain(at: 200_000).count == stored)
  }

  @Test("does not count a dropped frame twice after a restart")
  func dropCountedOnce() {
    var spool = emptySpool()
    let a = spool.device("A")
    var stored = 0
    while spool.droppedCount(a) == 0 {
      stored += 1
      spool.put(a, "\(stored)")
      spool.commitIfDue(now: instant(0), isForced: true)
      if spool.droppedCount(a) > 0 {
        // The batch that carries the drop reaches the cache only, and then another segment.
        let error = spool.disk.finishCommit(.sync(.failed))
        spool.commitFinished(error, now: instant(0))
      }
      spool.commit(at: 1_000)
    }
    var again = recovered(spool.disk.afterKill())
    #expect(again.droppedCount(again.device("A")) == spool.droppedCount(a))
  }

  @Test("brings no part of itself back after a power cut in the retry")
  func tornRetry() {
    // The failed copy loses its second sector, the retry everything but its segment's header.
    for kept in [512, 1_024, 1_536, 2_048] {
      var spool = emptySpool()
      let a = spool.device("A")
      spool.store(a, "one")
      for i in 2...12 { spool.put(a, "\(i) " + String(repeating: "x", count: 200)) }
      spool.commitIfDue(now: instant(0), isForced: true)
      let failed = spool.disk.segmentOfCommit!
      let offset = spool.underWay!.offset
      let error = spool.disk.finishCommit(.write(.failed, byteCount: 4_096))
      spool.commitFinished(error, now: instant(0))
      spool.disk.overwrite(
        segment: failed, offset: offset + kept, [UInt8](repeating: 0, count: 512))
      spool.commitIfDue(now: instant(1_000))
      let sequences = sequencesAfter(spool.disk.afterPowerCut(.prefix(4_096)))
      #expect(sequences == Array(1...max(1, sequences.count)), "kept \(kept)")
      #expect(sequences.count < 12, "kept \(kept)")
    }
  }

  private func sequencesAfter(_ disk: SimulatedDisk) -> [Int] {
    var spool = recovered(disk)
    let a = spool.device("A")
    spool.open(a)
    var sequences: [Int] = []
    while let frame = spool.nextFrame() {
      sequences.append(Int(frame.sequence.rawValue))
      spool.markSent(a, frame.sequence)
    }
    return sequences
  }

  @Test("never writes over what was given up before the record of that is durable")
  func dropsBeforeOverwriting() {
    var spool = emptySpool()
    let a = spool.device("A")
    while spool.counters.droppedFrameCount == 0 { spool.store(a, "frame") }
    var now: Int64 = 0
    for round in 0..<60 {
      let durable = spool.lastSequence(a).rawValue
      spool.put(a, "frame")
      for attempt in 0...round % 3 {
        now += 2_000
        spool.commitIfDue(now: instant(now), isForced: true)
        for cut in [Cut.nothing, .prefix(4_096)] {
          var again = recovered(spool.disk.afterPowerCut(cut))
          let last = again.drain().last?.dropFirst().prefix { $0 != " " }
          #expect(Int(last ?? "") ?? 0 >= Int(durable), "round \(round) attempt \(attempt) \(cut)")
          #expect(again.counters.droppedFrameCount == 0, "round \(round) \(attempt) \(cut)")
        }
        let isLast = attempt == round % 3
        let error = spool.disk.finishCommit(isLast ? nil : .write(.failed, byteCount: 0))
        spool.commitFinished(error, now: instant(now))
      }
      // Where frames were being moved, the batch is still to be written.
      now += 2_000
      spool.commit(at: now)
    }
  }

  @Test("finds room where delivered frames alone take up the ring")
  func fullOfDelivered() {
    var spool = emptySpool()
    spool.fullPolicy = .refuse
    let (a, b) = (spool.device("A"), spool.device("B"))
    spool.store(a, "1")
    for i in 1...8 { spool.store(b, "\(i)") }
    spool.put(a, "2")
    // What A still has is in the batch that cannot be written, and what it had in the oldest segment.
    spool.confirm(a, 1)
    spool.confirmAll(b)
    for slot in spool.segments.indices where spool.segments[slot].use == .free {
      spool.segments[slot].use = .foreign
    }
    spool.failCommit()
    spool.commitIfDue(now: instant(1_000))
    #expect(spool.disk.isCommitting)
    let error = spool.disk.finishCommit()
    spool.commitFinished(error, now: instant(1_000))
    var again = recovered(spool.disk.afterPowerCut(.nothing))
    #expect(again.drain() == ["A2 2"])
  }
}
