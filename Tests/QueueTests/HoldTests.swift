// Frames that wait for the platform's confirmation before they are written.

import Testing

@testable import Queue

@Suite("A held frame")
struct HoldTests {
  @Test("that is delivered in time is never written")
  func delivered() {
    var spool = emptySpool()
    let a = spool.device("A")
    spool.logIn(a, "login")
    for i in 0..<1_000 {
      let now = Int64(i) * 20
      spool.hold(a, "\(i)", at: now)
      // Two are always on their way.
      if i >= 2 { spool.confirm(a, UInt32(i - 1)) }
      spool.commitIfDue(now: instant(now))
      #expect(!spool.disk.isCommitting)
    }
    spool.confirmAll(a)
    spool.commitIfDue(now: instant(30_000))
    #expect(!spool.disk.isCommitting)
    #expect(spool.hasUncommitted == false)
    #expect(spool.nextDeadline == .never)
    #expect(spool.counters.commitCount == 0)
    #expect(spool.counters.sparedFrameCount == 1_000)
  }

  @Test("that is not delivered in time is written, and those held with it")
  func late() {
    var spool = emptySpool()
    let (a, b) = (spool.device("A"), spool.device("B"))
    for i in 1...4 { spool.hold(a, "\(i)", at: Int64(i) * 100) }
    spool.confirm(a, 2)
    spool.hold(b, "1", at: 500)
    #expect(spool.nextDeadline == instant(350))
    spool.commitIfDue(now: instant(350))
    #expect(!spool.disk.isCommitting)
    #expect(spool.nextDeadline == instant(550))
    spool.commitIfDue(now: instant(549))
    #expect(!spool.disk.isCommitting)
    spool.commitIfDue(now: instant(550))
    #expect(spool.disk.isCommitting)
    let error = spool.disk.finishCommit()
    spool.commitFinished(error, now: instant(550))
    var again = recovered(spool.disk.afterPowerCut(.nothing))
    #expect(again.drain() == ["A3 3", "A4 4", "B1 1"])
    #expect(again.counters.droppedFrameCount == 0)
  }

  @Test("is written at once when its session ends, and handed out again")
  func sessionEnds() {
    var spool = emptySpool()
    let a = spool.device("A")
    for i in 1...3 { spool.hold(a, "\(i)", at: 0) }
    spool.confirm(a, 1)
    spool.rewind(a)
    #expect(spool.nextDeadline <= instant(0))
    spool.commitIfDue(now: instant(0))
    let error = spool.disk.finishCommit()
    spool.commitFinished(error, now: instant(0))
    #expect(spool.drain() == ["A2 2", "A3 3"])
  }

  @Test("that the operator gives up is written all the same, and counted on disk")
  func givenUp() {
    for name in ["A", "AB", "ABC", "ABCD", "ABCDE"] {
      var spool = emptySpool()
      let a = spool.device(name)
      for i in 1...3 { spool.hold(a, "\(i)", at: 0) }
      let count = spool.giveUp(a)
      #expect(count == 3)
      #expect(spool.nextDeadline <= instant(0))
      spool.hold(a, "four", at: 0)
      spool.confirm(a, 4)
      spool.hold(a, "five", at: 0)
      spool.commitIfDue(now: instant(0))
      #expect(spool.disk.isCommitting)
      let error = spool.disk.finishCommit()
      spool.commitFinished(error, now: instant(0))
      #expect(spool.durableTicket == 1)
      #expect(spool.counters.sparedFrameCount == 0)
      var report = RecoveryReport()
      var again = recovered(spool.disk.afterPowerCut(.nothing), &report)
      #expect(report.frameCount == 5)
      #expect(again.dropCounts(of: again.device(name)) == DropCounts(byOperator: 3))
      #expect(again.drain() == ["\(name)5 five"])
      // From then on nothing is written that is delivered in time.
      spool.confirm(a, 5)
      spool.hold(a, "six", at: 300)
      spool.confirm(a, 6)
      spool.commitIfDue(now: instant(600))
      #expect(spool.counters.sparedFrameCount == 1)
    }
  }

  @Test("may wait longer where the platform's machine has it")
  func extended() {
    var spool = emptySpool()
    let a = spool.device("A")
    for i in 1...3 { spool.hold(a, "\(i)", at: 0) }
    spool.hold(a, through: SequenceNumber(2), until: instant(20_000))
    spool.confirm(a, 1)
    // The third is due, and takes the second along.
    spool.commitIfDue(now: instant(250))
    #expect(spool.disk.isCommitting)
    let error = spool.disk.finishCommit()
    spool.commitFinished(error, now: instant(250))
    spool.hold(a, "4", at: 300)
    spool.hold(a, through: SequenceNumber(4), until: instant(20_000))
    spool.commitIfDue(now: instant(560))
    spool.confirmAll(a)
    spool.commit(at: 1_000)
    #expect(spool.counters.sparedFrameCount == 2)
    var again = recovered(spool.disk.afterPowerCut(.nothing))
    #expect(again.drain() == [])
    #expect(again.counters.droppedFrameCount == 0)
  }

  @Test("keeps the login it came under, also when others before it are left out")
  func logins() {
    var spool = emptySpool()
    let (a, b) = (spool.device("A"), spool.device("B"))
    for (i, login) in ["one", "two", "three"].enumerated() {
      spool.logIn(a, login)
      spool.hold(a, "\(i * 2 + 1)", at: 0)
      spool.hold(b, "\(i + 1)", at: 5)
      spool.hold(a, "\(i * 2 + 2)", at: 10)
    }
    spool.confirm(a, 3)
    spool.confirm(b, 3)
    spool.shrinkGathering(instant(20))
    // B's record went with its frames, so the next one brings it back.
    spool.hold(b, "4", at: 30)
    spool.commit(at: 40)
    let expected = ["A4 4 (two)", "A5 5 (three)", "A6 6 (three)", "B4 4 ()"]
    var again = recovered(spool.disk.afterPowerCut(.nothing))
    #expect(again.drain(showsLogin: true) == expected)
    spool.rewind(a)
    spool.rewind(b)
    #expect(spool.drain(showsLogin: true) == expected)
  }

  @Test("leaves a wanted record alone when acknowledgements go before it")
  func recordBehindNotes() {
    var spool = emptySpool()
    // The first device has number zero, as a record has that belongs to none.
    let (a, b) = (spool.device("A"), spool.device("B"))
    spool.store(b, "1")
    spool.confirmAll(b)
    spool.logIn(a, "code")
    let due = Int64(SpoolLimits.acknowledgementDelay)
    let ticket = spool.storeRecord(a, now: instant(due - 1))
    spool.hold(b, "2", at: due - 1)
    spool.commitIfDue(now: instant(due))
    #expect(spool.disk.isCommitting)
    spool.confirmAll(b)
    let error = spool.disk.finishCommit()
    spool.commitFinished(error, now: instant(due))
    spool.commit(at: due + 20)
    #expect(ticket == spool.durableTicket)
    let again = recovered(spool.disk.afterPowerCut(.nothing))
    #expect(again.login(of: again.find(deviceKey("A"))!) == Array("code".utf8))
  }

  @Test("takes a login that must not be forgotten not along when it is left out")
  func recordStays() {
    var spool = emptySpool()
    let a = spool.device("A")
    spool.logIn(a, "code")
    let ticket = spool.storeRecord(a, now: instant(0))
    spool.hold(a, "1", at: 1)
    spool.confirm(a, 1)
    spool.commitIfDue(now: instant(10))
    let error = spool.disk.finishCommit()
    spool.commitFinished(error, now: instant(10))
    #expect(spool.durableTicket == ticket)
    var again = recovered(spool.disk.afterPowerCut(.nothing))
    let device = again.device("A")
    #expect(again.login(of: device) == Array("code".utf8))
    #expect(again.undeliveredCount(device) == 0)
  }

  @Test("makes room by being delivered while the disk fails, for as long as that lasts")
  func deadDisk() {
    var spool = emptySpool()
    let a = spool.device("A")
    spool.put(a, "first")
    spool.failCommit()
    spool.markSent(a, SequenceNumber(1))
    let text = String(repeating: "x", count: 100)
    for i in 2..<5_000 {
      let now = Int64(i) * 10
      spool.hold(a, text, at: now)
      spool.confirm(a, UInt32(i))
      if i % 100 == 0 { spool.failCommit(at: now) }
    }
    #expect(spool.counters.commitCount == 0)
    spool.commit(at: 100_000)
    spool.commit(at: 102_000)
    var again = recovered(spool.disk.afterPowerCut(.nothing))
    #expect(again.drain() == [])
    #expect(again.counters.droppedFrameCount == 0)
  }

  @Test("leaves the disk alone after an outage has been made up for")
  func afterOutage() {
    var spool = emptySpool()
    let a = spool.device("A")
    for i in 1...10 { spool.put(a, "\(i)", at: Int64(i)) }
    spool.commit(at: 20)
    #expect(spool.drain(at: 30).count == 10)
    spool.confirm(a, 10)
    var now: Int64 = 40
    for _ in 0..<500 {
      spool.hold(a, "live", at: now)
      spool.commitIfDue(now: instant(now))
      if spool.disk.isCommitting {
        let error = spool.disk.finishCommit()
        spool.commitFinished(error, now: instant(now))
      }
      spool.confirmAll(a)
      now += 20
    }
    // The frames, and the cursor.
    #expect(spool.counters.commitCount == 2)
  }
}

extension Spool where D == SimulatedDisk {
  /// Appends a frame that has been handed to a live session.
  mutating func hold(_ device: DeviceIndex, _ text: String, at now: Int64) {
    guard
      case .stored(let sequence, _, _) = append(
        device, Array(text.utf8).span, .unlimited, .held, now: instant(now))
    else {
      Issue.record("no room")
      return
    }
    markSent(device, sequence)
  }
}
