// The shared sweep: order, completeness, no lost wake-up, no busy loop.

import Testing

@testable import Queue

@Suite("The sweep")
struct SweepTests {
  @Test("hands out every device's frames in order")
  func everything() {
    var spool = emptySpool()
    let a = spool.device("A")
    let b = spool.device("B")
    for text in ["one", "two", "three"] {
      spool.store(a, text)
      spool.store(b, text)
    }
    #expect(
      spool.drain() == ["A1 one", "B1 one", "A2 two", "B2 two", "A3 three", "B3 three"])
  }

  @Test("hands out nothing that is not durable yet")
  func durableOnly() {
    var spool = emptySpool()
    let a = spool.device("A")
    spool.put(a, "one")
    #expect(spool.drain() == [])
    spool.commitIfDue(now: instant(0), isForced: true)
    #expect(spool.sweepAll() == [])
    let error = spool.disk.finishCommit()
    #expect(spool.sweepAll() == [])
    spool.commitFinished(error, now: instant(0))
    #expect(spool.sweepAll() == ["A1 one"])
  }

  @Test("skips no frame of a device whose window was full when the pass began behind it")
  func fullAtPassStart() {
    var spool = emptySpool()
    let a = spool.device("A")
    let b = spool.device("B")
    for i in 1...5 { spool.store(a, "\(i)") }
    spool.store(b, "first")
    // A takes one frame and has no room for a second; the pass goes on for B, and ends.
    spool.open(a)
    spool.open(b)
    let first = spool.nextFrame()!
    #expect(spool.text(first) == "A1 1")
    spool.markSent(a, first.sequence)
    spool.setInterest(a, wants: true, hasRoom: false)
    #expect(spool.sweepAll() == ["B1 first"])
    spool.store(b, "second")
    // The next pass is for B alone and starts in B's segment. A gets room in the middle of it.
    guard case .skipped = spool.sweepStep(now: instant(0)) else {
      Issue.record("the pass is over already")
      return
    }
    spool.open(a)
    #expect(
      spool.sweepAll().filter { $0.hasPrefix("A") } == ["A2 2", "A3 3", "A4 4", "A5 5"])
    #expect(spool.counters.droppedFrameCount == 0)
  }

  @Test("waits a moment for a window to empty before it leaves the frame behind")
  func patience() {
    var spool = emptySpool()
    let a = spool.device("A")
    let b = spool.device("B")
    for text in ["one", "two"] {
      spool.store(a, text)
      spool.store(b, text)
    }
    spool.open(a)
    spool.open(b)
    for _ in 1...2 {
      let frame = spool.nextFrame()!
      spool.markSent(frame.device, frame.sequence)
    }
    spool.setInterest(a, wants: true, hasRoom: false)
    // B could have its second frame at once, but then A's would cost a pass of its own.
    var step = spool.sweepStep(now: instant(0))
    while case .skipped = step { step = spool.sweepStep(now: instant(0)) }
    guard case .idle = step else {
      Issue.record("A was not waited for")
      return
    }
    #expect(spool.nextDeadline == instant(Int64(SpoolLimits.sweepPatience)))
    spool.open(a)
    let pass = spool.sweep.pass
    #expect(spool.sweepAll(at: 1) == ["A2 two", "B2 two"])
    #expect(spool.sweep.pass == pass)
  }

  @Test("does not wait for one stuck device after another")
  func patienceRunsOut() {
    var spool = emptySpool()
    let stuck = (0..<12).map { spool.device("S\($0)") }
    let well = spool.device("W")
    for device in stuck + [well] {
      spool.store(device, "one")
      spool.open(device)
    }
    for device in stuck { spool.setInterest(device, wants: true, hasRoom: false) }
    var now = instant(0)
    while true {
      let step = spool.sweepStep(now: now)
      if case .frame(let frame) = step {
        #expect(spool.text(frame) == "W1 one")
        break
      }
      if case .idle = step { now = max(now, spool.nextDeadline) }
    }
    #expect(now <= instant(Int64(2 * SpoolLimits.sweepPatience)))
  }

  @Test("serves a device that always has a frame under way while another's window is full")
  func busyBesideFull() {
    var spool = emptySpool()
    let a = spool.device("A")
    let b = spool.device("B")
    spool.store(a, "1")
    spool.store(a, "2")
    spool.store(b, "1")
    spool.open(a)
    spool.markSent(a, spool.nextFrame()!.sequence)
    spool.setInterest(a, wants: true, hasRoom: false)
    #expect(spool.sweepAll() == [])
    spool.put(b, "not durable yet")
    spool.open(b)
    #expect(spool.sweepAll(at: Int64(SpoolLimits.sweepPatience)) == ["B1 1"])
  }

  @Test("hands out again what was taken back, without being asked twice")
  func rewindWakes() {
    var spool = emptySpool()
    let a = spool.device("A")
    spool.store(a, "one")
    #expect(spool.drain() == ["A1 one"])
    spool.rewind(a)
    #expect(spool.sweepAll() == ["A1 one"])
  }

  @Test("goes by no frame because a part of the log could not be read")
  func unreadableSegment() {
    var spool = emptySpool()
    let a = spool.device("A")
    for i in 1...9 { spool.store(a, "\(i)") }
    // The second segment, which holds frames 5 to 8.
    let segment = spool.order[1]
    spool.disk.unreadable = [(segment, 0..<spool.geometry.segmentByteCount)]
    #expect(spool.drain() == ["A1 1", "A2 2", "A3 3", "A4 4"])
    spool.disk.unreadable = []
    #expect(
      spool.sweepAll(at: 1_000) == ["A5 5", "A6 6", "A7 7", "A8 8", "A9 9"])
    #expect(spool.counters.droppedFrameCount == 0)
  }

  @Test("gives up what stays unreadable, counts it, and goes on")
  func unreadableForEver() {
    var spool = emptySpool()
    let a = spool.device("A")
    for i in 1...9 { spool.store(a, "\(i)") }
    let segment = spool.order[1]
    spool.disk.unreadable = [(segment, 0..<spool.geometry.segmentByteCount)]
    #expect(spool.drain() == ["A1 1", "A2 2", "A3 3", "A4 4"])
    var handed: [String] = []
    for second in 1...10 {
      spool.confirm(a, 4)
      spool.open(a)
      handed += spool.sweepAll(at: Int64(second) * 1_000)
    }
    #expect(handed == ["A9 9"])
    #expect(spool.droppedCount(a) == 4)
  }

  @Test("asks for no wake-up for the sake of an unreadable part that nobody wants")
  func unreadableUnwanted() {
    var spool = emptySpool()
    let a = spool.device("A")
    spool.store(a, "one")
    spool.closeBatch(at: 1_000)
    spool.disk.unreadable = [(spool.order[0], 0..<spool.geometry.segmentByteCount)]
    #expect(spool.drain() == [])
    spool.setInterest(a, wants: false, hasRoom: false)
    #expect(spool.sweepAll(at: 1_000) == [])
    #expect(spool.nextDeadline > instant(1_000))
    spool.disk.unreadable = []
    spool.open(a)
    #expect(spool.sweepAll(at: 1_000) == ["A1 one"])
  }

  @Test("does not starve a device after a restart in the middle of a torn batch")
  func tornPrefixBesideFull() {
    var spool = emptySpool()
    let a = spool.device("A")
    let b = spool.device("B")
    spool.store(a, "1")
    spool.store(a, "2")
    spool.put(b, String(repeating: "x", count: 300))
    spool.put(a, String(repeating: "y", count: 900))
    spool.commitIfDue(now: instant(0), isForced: true)
    var again = recovered(spool.disk.afterPowerCut(.prefix(512)))
    let (a2, b2) = (again.device("A"), again.device("B"))
    #expect(again.lastSequence(a2) == SequenceNumber(2))
    #expect(again.lastSequence(b2) == SequenceNumber(1))
    again.open(a2)
    again.markSent(a2, again.nextFrame()!.sequence)
    again.setInterest(a2, wants: true, hasRoom: false)
    #expect(again.sweepAll() == [])
    again.open(b2)
    #expect(again.sweepAll(at: Int64(SpoolLimits.sweepPatience)).count == 1)
  }

  @Test("passes over segments in which nobody who wants frames has any")
  func presence() {
    var spool = emptySpool()
    let (a, b) = (spool.device("A"), spool.device("B"))
    spool.store(a, "first")
    for i in 1...32 { spool.store(b, "\(i)") }
    spool.store(a, "second")
    let segmentCount = spool.order.count
    #expect(segmentCount == 9)
    spool.open(a)
    var before = spool.disk.readCount
    #expect(spool.sweepAll() == ["A1 first", "A2 second"])
    let sparing = spool.disk.readCount - before
    // After a start nothing is known, and what was read is after that.
    var again = recovered(spool.disk.afterPowerCut(.nothing))
    let a2 = again.device("A")
    var counts: [Int] = []
    for _ in 1...2 {
      again.open(a2)
      before = again.disk.readCount
      #expect(again.sweepAll() == ["A1 first", "A2 second"])
      counts.append(again.disk.readCount - before)
      again.setInterest(a2, wants: false, hasRoom: false)
      again.rewind(a2)
    }
    #expect(counts[0] >= segmentCount)
    #expect(sparing <= counts[0] / 3)
    #expect(counts[1] <= counts[0] / 3)
    again.open(again.device("B"))
    #expect(again.sweepAll() == (1...32).map { "B\($0) \($0)" })
  }

  @Test("finds what is missing though no segment has anything for its device")
  func presenceOfNothing() {
    var spool = emptySpool()
    let (a, b) = (spool.device("A"), spool.device("B"))
    spool.store(a, "lost")
    for i in 1...8 { spool.store(b, "\(i)") }
    #expect(spool.order.count > 1)
    for slot in spool.order { spool.segments[slot].presence = DevicePresence() }
    spool.open(a)
    #expect(spool.sweepAll() == [])
    #expect(spool.counters.damagedFrameCount == 1)
  }
}
