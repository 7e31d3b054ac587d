// What is there after a restart.

import Testing

@testable import Queue

@Suite("Recovery")
struct RecoveryTests {
  @Test("of an empty disk finds nothing")
  func empty() {
    var report = RecoveryReport()
    var spool = recovered(SimulatedDisk(.small), &report)
    #expect(report == RecoveryReport())
    #expect(spool.drain() == [])
    #expect(spool.hasUncommitted == false)
    #expect(spool.nextDeadline == .never)
  }

  @Test("finds every durable frame, in order, with the logins they came under")
  func roundTrip() {
    var spool = emptySpool()
    let a = spool.device("A")
    let b = spool.device("B")
    spool.logIn(a, "a-first")
    spool.put(a, "one")
    spool.put(b, "one")
    spool.commit()
    spool.logIn(a, "a-second")
    spool.put(a, "two")
    spool.logIn(a, "a-third")
    spool.put(a, "three")
    spool.put(a, "")
    spool.commit()
    spool.logIn(b, "b-late")
    spool.store(b, "two")
    let expected = [
      "A1 one (a-first)", "B1 one ()", "A2 two (a-second)", "A3 three (a-third)",
      "A4  (a-third)", "B2 two (b-late)",
    ]
    #expect(spool.drain(showsLogin: true) == expected)
    var report = RecoveryReport()
    var again = recovered(spool.disk.afterPowerCut(.nothing), &report)
    #expect(report.deviceCount == 2)
    #expect(report.frameCount == 6)
    #expect(report.undeliveredCount == 6)
    #expect(report.damagedByteCount == 0)
    #expect(!report.hasTornTail)
    #expect(again.drain(showsLogin: true) == expected)
    let device = again.device("A")
    #expect(again.login(of: device) == Array("a-third".utf8))
    #expect(again.undeliveredCount(device) == 4)
  }

  @Test("keeps cursors that were committed")
  func cursors() {
    var spool = emptySpool()
    let a = spool.device("A")
    for i in 1...5 { spool.store(a, "\(i)") }
    #expect(spool.drain().count == 5)
    spool.confirm(a, 3)
    #expect(spool.hasUncommitted == true)
    #expect(spool.nextDeadline == instant(250))
    spool.commitIfDue(now: instant(249))
    #expect(!spool.disk.isCommitting)
    spool.commitIfDue(now: instant(250))
    #expect(spool.disk.isCommitting)
    let error = spool.disk.finishCommit()
    spool.commitFinished(error, now: instant(250))
    #expect(spool.hasUncommitted == false)
    var again = recovered(spool.disk.afterPowerCut(.nothing))
    #expect(again.drain() == ["A4 4", "A5 5"])
  }

  @Test("keeps the cursor of a device with many acknowledgements before it in the queue")
  func manyAcknowledgements() {
    let geometry = SpoolGeometry(
      segmentByteCount: SpoolLimits.segmentBytesMin, segmentCount: 16)
    var spool = emptySpool(geometry, deviceCountMax: 2_000)
    for i in 0..<1_300 { spool.put(spool.device("D\(i)"), "x") }
    spool.commit()
    for i in 0..<1_300 { spool.confirm(DeviceIndex(i), 1) }
    spool.commit()
    var report = RecoveryReport()
    var again = recovered(spool.disk.afterPowerCut(.nothing), deviceCountMax: 2_000, &report)
    #expect(report.undeliveredCount == 0)
    #expect(again.drain() == [])
  }

  @Test("goes on with the sequence numbers")
  func sequences() {
    var spool = emptySpool()
    let a = spool.device("A")
    spool.store(a, "one")
    var again = recovered(spool.disk.afterPowerCut(.nothing))
    let device = again.device("A")
    #expect(again.lastSequence(device) == SequenceNumber(1))
    again.store(device, "two")
    var third = recovered(again.disk.afterPowerCut(.nothing))
    #expect(third.drain() == ["A1 one", "A2 two"])
  }

  @Test("says the login of frames in a later segment than its first")
  func loginInLaterSegment() {
    var spool = emptySpool()
    let a = spool.device("A")
    spool.logIn(a, "login")
    for i in 1...6 { spool.store(a, "\(i)") }
    #expect(spool.order.count == 2)
    spool.confirm(a, 5, at: spool.firstBatch(of: spool.segments[spool.order[1]].generation))
    #expect(spool.order.count == 1)
    spool.commit()
    var again = recovered(spool.disk.afterPowerCut(.nothing))
    #expect(again.drain(showsLogin: true) == ["A6 6 (login)"])
  }

  @Test("lets nothing of a torn batch come back, wherever the batch stands in its segment")
  func tornRemains() {
    // With 0 to 3 commits before it, and of a size that may reach the end of the segment.
    for before in 0...3 {
      for size in [1_000, 4_000, 8_000, 16_000] {
        var spool = emptySpool()
        let a = spool.device("A")
        for i in 0..<before { spool.store(a, "before \(i)") }
        let frame = [UInt8](repeating: 0x78, count: 300)
        while spool.gathering?.byteCount ?? 0 < size {
          if spool.append(a, frame.span, .unlimited, now: instant(0)) == .full { break }
        }
        let count = Int(spool.lastSequence(a).rawValue)
        spool.commitIfDue(now: instant(0), isForced: true)
        var once = recovered(lastCommitTorn(spool.disk))
        let kept = Int(once.lastSequence(once.device("A")).rawValue)
        #expect(kept < count)
        #expect(once.drain().count == kept)
        // Two more starts, with and without a commit of their own that is torn at the header.
        let device = once.device("A")
        once.put(device, "new")
        once.commitIfDue(now: instant(0), isForced: true)
        for cut in [Cut.nothing, .prefix(4_096), .everything] {
          var twice = recovered(once.disk.afterPowerCut(cut))
          let handed = twice.drain()
          let last = cut.description == "everything" ? kept + 1 : kept
          #expect(handed.count == last, "\(before) \(size) \(cut)")
          #expect(twice.counters.droppedFrameCount == 0)
        }
      }
    }
  }

  /// Loses the batch's second sector and keeps all others.
  private func lastCommitTorn(_ disk: SimulatedDisk) -> SimulatedDisk {
    let all = disk.afterPowerCut(.everything)
    let none = disk.afterPowerCut(.nothing)
    let segment = disk.segmentOfCommit!
    var torn = all
    for offset in stride(from: 3 * 4_096, to: all.image[segment].count, by: 4_096)
    where all.image[segment][offset] != none.image[segment][offset] {
      torn.overwrite(segment: segment, offset: offset + 512, [UInt8](repeating: 0, count: 512))
      break
    }
    return torn
  }

  @Test("lets nothing of a batch come back that was torn at the very end of a segment")
  func tornAtSegmentEnd() {
    var spool = emptySpool()
    let a = spool.device("A")
    spool.put(a, "first")
    while spool.append(a, [UInt8](repeating: 0x78, count: 600).span, .unlimited, now: instant(0))
      != .full
    {}
    spool.commitIfDue(now: instant(0), isForced: true)
    let end = spool.underWay!.offset + BatchHeader.paged(spool.underWay!.byteCount)
    // What a commit adds is kept free, so that only acknowledgements fill the last page; the
    // batch is made to end there by hand.
    let disk = spool.disk.afterPowerCut(.everything)
    let geometry = SpoolGeometry(segmentByteCount: end, segmentCount: 16)
    var cut = SimulatedDisk(geometry)
    cut.overwrite(segment: 0, offset: 0, Array(disk.image[0][0..<end]))
    cut.overwrite(segment: 0, offset: 3 * 4_096 + 1_024, [UInt8](repeating: 0, count: 512))
    var report = RecoveryReport()
    var again = recovered(cut, &report)
    #expect(report.hasTornTail)
    let handed = again.drain()
    #expect(handed.count == Int(again.lastSequence(again.device("A")).rawValue))
    #expect(handed.count < 3)
  }

  @Test("leaves a segment alone that cannot be read now")
  func unreadableHeader() {
    var spool = emptySpool()
    let a = spool.device("A")
    for i in 1...6 { spool.store(a, "\(i)") }
    var disk = spool.disk.afterPowerCut(.nothing)
    let segment = spool.order[0]
    disk.unreadable = [(segment, 0..<512)]
    var report = RecoveryReport()
    var again = recovered(disk, &report)
    #expect(report.unreadableSegmentCount == 1)
    let b = again.device("B")
    for _ in 0..<200 {
      again.store(b, "x")
      again.confirmAll(b)
    }
    let isUntouched = again.disk.image[segment] == spool.disk.image[segment]
    #expect(isUntouched)
  }

  @Test("hands out nothing from a part that it could not read when it counted")
  func unreadableMiddle() {
    var spool = emptySpool()
    let a = spool.device("A")
    for i in 1...4 { spool.store(a, "old \(i)") }
    var disk = spool.disk.afterPowerCut(.nothing)
    disk.unreadable = [(spool.order[0], 5 * 4_096..<6 * 4_096)]
    var report = RecoveryReport()
    var again = recovered(disk, &report)
    #expect(report.unreadableSegmentCount == 1)
    again.disk.unreadable = []
    let device = again.device("A")
    let last = again.lastSequence(device).rawValue
    for i in 1...3 { again.store(device, "new \(i)") }
    let handed = again.drain()
    let news = (1...3).map { "A\(last + UInt32($0)) new \($0)" }
    #expect(handed.suffix(3) == news[...])
    #expect(handed.count == Int(last) + 3)
  }

  @Test("leaves a newer version's segments alone")
  func foreign() {
    var spool = emptySpool()
    let a = spool.device("A")
    spool.store(a, "one")
    var disk = spool.disk.afterPowerCut(.nothing)
    disk.overwrite(segment: 5, offset: 0, Array("ERSPOOL2 whatever".utf8))
    let before = disk.image[5]
    var report = RecoveryReport()
    var again = recovered(disk, &report)
    #expect(report.foreignSegmentCount == 1)
    let device = again.device("A")
    for _ in 0..<300 { again.store(device, "x") }
    let isUntouched = again.disk.image[5] == before
    #expect(isUntouched)
  }

  @Test("of any number of foreign segments ends, and says that nothing can be stored")
  func allForeign() {
    var disk = SimulatedDisk(.small)
    for segment in 0..<16 {
      disk.overwrite(segment: segment, offset: 0, Array("ERSPOOL9".utf8))
    }
    var spool = recovered(disk)
    let a = spool.device("A")
    #expect(spool.append(a, [1].span, .unlimited, now: instant(0)) == .full)
    spool.commitIfDue(now: instant(0), isForced: true)
    #expect(!spool.disk.isCommitting)
    #expect(spool.nextDeadline == .never)
  }

  @Test("survives a device record that no version writes")
  func hugeLogin() {
    var spool = emptySpool()
    let a = spool.device("A")
    spool.store(a, "one")
    var disk = spool.disk.afterPowerCut(.nothing)
    let crc = CRC32C()
    let payload = 45_000
    let buffer = PageBuffer(byteCount: 64 * 1_024)
    buffer.store(UInt8(1), at: 68 + 2)
    buffer.store(UInt16(40_000), at: 68 + 4)
    RecordHeader(
      payloadByteCount: payload, type: RecordType.device.rawValue, flags: 0, device: 9,
      sequence: SequenceNumber(0), delta: 0, boot: 1
    ).seal(
      in: buffer, at: 48, seed: RecordHeader.seed(generation: 1, batch: 2, salt: 3), crc)
    BatchHeader(
      generation: 1, batch: 2, byteCount: 68 + payload, recordCount: 1, durableThrough: 1,
      monotonicMilliseconds: 0, salt: 3, previousGeneration: 0, replayGeneration: 0,
      oldestGeneration: 0
    ).write(to: buffer, at: 0, crc)
    let geometry = SpoolGeometry(segmentByteCount: 32 * 4_096, segmentCount: 16)
    var large = SimulatedDisk(geometry)
    large.overwrite(segment: 0, offset: 0, disk.image[0])
    large.overwrite(segment: 0, offset: 4 * 4_096, buffer.bytes(0..<13 * 4_096))
    disk = large
    var again = recovered(disk)
    #expect(again.drain() == ["A1 one"])
  }

  @Test("gives no new device the number of frames whose name is lost")
  func orphanNumber() {
    var spool = emptySpool()
    let a = spool.device("A")
    let b = spool.device("B")
    for i in 1...3 {
      spool.put(a, "a\(i)")
      spool.put(b, "b\(i)")
    }
    spool.commit()
    var disk = spool.disk.afterPowerCut(.nothing)
    // B's device record, the third record of the batch, loses a bit of its name.
    let batch = 3 * 4_096
    var offset = batch + BatchHeader.byteCount
    for _ in 0..<2 {
      let length = Int(disk.image[0][offset]) + Int(disk.image[0][offset + 1]) << 8
      offset += RecordHeader.stride(length)
    }
    #expect(disk.image[0][offset + 2] == RecordType.device.rawValue)
    disk.flip(segment: 0, bit: (offset + 28) * 8)
    // A start with a batch of its own follows, so that this is damage and not a torn end.
    var report = RecoveryReport()
    var next = recovered(spool.disk.afterPowerCut(.nothing))
    next.store(next.device("A"), "a4")
    disk = next.disk.afterPowerCut(.nothing)
    disk.flip(segment: 0, bit: (offset + 28) * 8)
    var again = recovered(disk, &report)
    #expect(report.orphanCount == 3)
    let c = again.device("C")
    for i in 1...5 { again.store(c, "c\(i)") }
    #expect(again.drain().filter { $0.hasPrefix("C") } == (1...5).map { "C\($0) c\($0)" })
  }

  @Test("counts frames that are missing between others, once, and over a restart")
  func gapsAreCounted() {
    var spool = emptySpool()
    let a = spool.device("A")
    for i in 1...9 { spool.store(a, "\(i)") }
    var disk = spool.disk.afterPowerCut(.nothing)
    // The header of the batch with frame 3 is damaged.
    disk.flip(segment: spool.order[0], bit: (5 * 4_096 + 9) * 8)
    var again = recovered(disk)
    let device = again.device("A")
    again.open(device)
    #expect(again.sweepAll() == ["A1 1", "A2 2"])
    again.rewind(device)
    #expect(again.sweepAll() == ["A1 1", "A2 2"])
    again.confirm(device, 2)
    again.open(device)
    #expect(again.sweepAll() == (4...9).map { "A\($0) \($0)" })
    #expect(again.droppedCount(device) == 1)
    again.rewind(device)
    #expect(again.sweepAll() == (4...9).map { "A\($0) \($0)" })
    #expect(again.droppedCount(device) == 1)
    again.commit()
    var third = recovered(again.disk.afterPowerCut(.nothing))
    #expect(third.droppedCount(third.device("A")) == 1)
    #expect(third.drain() == (4...9).map { "A\($0) \($0)" })
  }

  @Test("counts newest frames that are missing, when a later record tells of them")
  func lostTail() {
    var spool = emptySpool()
    let a = spool.device("A")
    for i in 1...3 { spool.store(a, "\(i)") }
    spool.logIn(a, "again")
    spool.store(a, "4")
    var disk = spool.disk.afterPowerCut(.nothing)
    let segment = spool.order[0]
    // Frame 3's batch, and of the last batch the frame but not the device record before it.
    disk.flip(segment: segment, bit: (5 * 4_096 + 9) * 8)
    let record = 6 * 4_096 + BatchHeader.byteCount + RecordHeader.stride(8 + 1 + 5)
    disk.flip(segment: segment, bit: (record + 20) * 8)
    var again = recovered(disk)
    let device = again.device("A")
    #expect(again.lastSequence(device) == SequenceNumber(3))
    #expect(again.drain() == ["A1 1", "A2 2"])
    again.confirm(device, 2)
    #expect(again.drain() == [])
    #expect(again.droppedCount(device) == 1)
    #expect(again.hasUndelivered(device) == false)
  }

  @Test("reads a segment whose header is damaged, and never uses its generation again")
  func damagedHeader() {
    for target in 0...1 {
      var spool = emptySpool()
      let a = spool.device("A")
      for i in 1...6 { spool.store(a, "\(i)") }
      var disk = spool.disk.afterPowerCut(.nothing)
      disk.flip(segment: spool.order[target], bit: 45 * 8)
      var again = recovered(disk)
      #expect(again.nextGeneration == 3)
      #expect(again.drain() == (1...6).map { "A\($0) \($0)" })
      again.store(again.device("A"), "7")
      var third = recovered(again.disk.afterPowerCut(.nothing))
      #expect(third.drain() == (1...7).map { "A\($0) \($0)" })
    }
  }

  @Test("never reads a batch it has passed over once because its segment's header never arrived")
  func voidSegment() {
    var spool = emptySpool()
    let a = spool.device("A")
    spool.passSegments(17, a)
    let before = spool.writeSegment
    while true {
      spool.put(a, "lost")
      spool.commitIfDue(now: instant(0), isForced: true)
      if spool.writeSegment != before { break }
      let error = spool.disk.finishCommit()
      spool.commitFinished(error, now: instant(0))
      spool.confirmAll(a)
    }
    // The batch arrives, page 0 keeps the generation it had before.
    let segment = spool.writeSegment
    let batch = 3 * 4_096..<4 * 4_096
    let written = spool.disk.afterPowerCut(.everything).image[segment][batch]
    var disk = spool.disk.afterPowerCut(.nothing)
    disk.overwrite(segment: segment, offset: batch.lowerBound, Array(written))
    disk.unreadable = [(segment, 0..<4_096)]
    var again = recovered(disk)
    let device = again.device("A")
    again.store(device, "new")
    let expected = again.drain().filter { $0.hasSuffix("new") }
    #expect(expected.count == 1)
    // Later the page is damaged.
    disk = again.disk.afterPowerCut(.nothing)
    disk.flip(segment: segment, bit: 45 * 8)
    var third = recovered(disk)
    #expect(third.drain().filter { !$0.hasSuffix("filler") }.last == expected[0])
    #expect(third.newestGeneration == again.newestGeneration)
  }

  @Test("reads the better copy of a batch that was written again, and its newest login")
  func tornCopy() {
    var spool = emptySpool()
    let a = spool.device("A")
    spool.store(a, "one")
    spool.logIn(a, "first")
    let filler = String(repeating: "x", count: 300)
    for i in 2...6 {
      if i == 4 { spool.logIn(a, "second") }
      spool.put(a, "\(i) \(filler)")
    }
    spool.failCommit(.write(.failed, byteCount: 100_000))
    spool.commitIfDue(now: instant(1_000), isForced: true)
    var again = recovered(lastCommitTorn(spool.disk))
    let device = again.device("A")
    #expect(again.lastSequence(device).rawValue == 6)
    #expect(String(decoding: again.login(of: device), as: UTF8.self) == "second")
    #expect(again.order.count == 1)
    #expect(again.drain().count == 6)
    again.store(device, "seven")
    var third = recovered(again.disk.afterPowerCut(.nothing))
    #expect(
      third.drain().map { $0.prefix(4) } == [
        "A1 o", "A2 2", "A3 3", "A4 4", "A5 5", "A6 6", "A7 s",
      ])
    #expect(third.counters.droppedFrameCount == 0)
  }

  @Test("takes the first batch's word when page 0 of its segment is older, now and later")
  func olderPageZero() {
    var spool = emptySpool()
    let a = spool.device("A")
    spool.passSegments(17, a)
    let before = spool.writeSegment
    while true {
      spool.put(a, "new")
      spool.commitIfDue(now: instant(0), isForced: true)
      if spool.writeSegment != before { break }
      let error = spool.disk.finishCommit()
      spool.commitFinished(error, now: instant(0))
      spool.confirmAll(a)
      spool.commit()
    }
    let segment = spool.writeSegment
    var disk = spool.disk.afterPowerCut(.everything)
    disk.overwrite(
      segment: segment, offset: 0, Array(spool.disk.image[segment][0..<4_096]))
    var again = recovered(disk)
    #expect(again.drain().map { $0.suffix(3) } == ["new"])
    // The page is lost as well when the segment is damaged later; its frames stay.
    again.store(again.device("A"), "two")
    disk = again.disk.afterPowerCut(.nothing)
    disk.overwrite(segment: segment, offset: 0, [UInt8](repeating: 0x5A, count: 4_096))
    disk.overwrite(segment: again.writeSegment, offset: 0, [UInt8](repeating: 0x5A, count: 4_096))
    var third = recovered(disk)
    #expect(third.drain().map { $0.suffix(3) } == ["new", "two"])
  }

  @Test("reads around a bad record when the batch right behind is damaged too, now and later")
  func damagedInARow() {
    var spool = emptySpool()
    let a = spool.device("A")
    spool.put(a, "1")
    spool.put(a, "2")
    spool.put(a, "3")
    spool.commit()
    for i in 4...5 { spool.store(a, "\(i)") }
    var disk = spool.disk.afterPowerCut(.nothing)
    let second =
      BatchHeader.byteCount + RecordHeader.stride(DeviceRecord.byteCount + 1)
      + RecordHeader.stride(1)
    disk.flip(segment: 0, bit: (3 * 4_096 + second) * 8)
    disk.flip(segment: 0, bit: 4 * 4_096 * 8)
    var again = recovered(disk)
    #expect(again.lastSequence(again.device("A")).rawValue == 5)
    again.store(again.device("A"), "new")
    let device = again.device("A")
    #expect(again.drain() == ["A1 1"])
    again.confirm(device, 1)
    #expect(again.drain() == ["A3 3"])
    again.confirm(device, 3)
    #expect(again.drain() == ["A5 5", "A6 new"])
    // The next segment now proves that the first one was durable.
    var third = recovered(again.disk.afterPowerCut(.nothing))
    #expect(third.drain() == ["A1 1"])
    third.confirm(device, 1)
    #expect(third.drain() == ["A3 3"])
    third.confirm(device, 3)
    #expect(third.drain() == ["A5 5", "A6 new"])
  }

  @Test("counts the bytes of a damaged batch once")
  func damageOnce() {
    var spool = emptySpool()
    let a = spool.device("A")
    for i in 1...4 { spool.store(a, "\(i)") }
    for page in [3, 4] {
      var disk = spool.disk.afterPowerCut(.nothing)
      disk.flip(segment: spool.order[0], bit: (page * 4_096 + 9) * 8)
      var report = RecoveryReport()
      var again = recovered(disk, &report)
      #expect(report.damagedByteCount == 4_096)
      let device = again.device("A")
      _ = again.drain()
      for _ in 0..<10 {
        again.confirm(device, 1)
        _ = again.drain()
      }
      #expect(again.counters.damagedByteCount <= 3 * 4_096)
    }
  }
}
