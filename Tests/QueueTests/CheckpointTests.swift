// What a start reads, what it does without, and what it knows when the log's past is written over.

import Testing

@testable import Queue

@Suite("A checkpoint")
struct CheckpointTests {
  /// A ring of 64 segments, full of frames of two devices, and a third device that fell silent.
  private func full(_ stored: inout Int) -> TestSpool {
    let geometry = SpoolGeometry(
      segmentByteCount: SpoolGeometry.small.segmentByteCount, segmentCount: 64)
    var spool = emptySpool(geometry)
    let (a, b, c) = (spool.device("A"), spool.device("B"), spool.device("C"))
    spool.logIn(c, "hello")
    for i in 1...3 { spool.store(c, "\(i)") }
    spool.confirm(c, 2)
    stored = 0
    while spool.nextGeneration < 60 {
      stored += 1
      spool.put(a, "\(stored)")
      spool.put(b, "\(stored)")
      spool.commit()
    }
    return spool
  }

  @Test("lets a start read the end of the log only, and lose nothing")
  func shortStart() {
    var stored = 0
    let spool = full(&stored)
    var report = RecoveryReport()
    var again = recovered(spool.disk.afterPowerCut(.nothing), &report)
    #expect(report.frameCount < stored / 4)
    #expect(report.undeliveredCount == 2 * stored + 1)
    let handed = again.drain(showsLogin: true)
    #expect(handed.first == "C3 3 (hello)")
    #expect(handed.count == 2 * stored + 1)
  }

  @Test("that is damaged is not relied upon", arguments: 0..<7)
  func damaged(_ page: Int) {
    var stored = 0
    let spool = full(&stored)
    var disk = spool.disk.afterPowerCut(.nothing)
    let first = spool.segment(of: spool.checkpoint.generation)!
    disk.flip(segment: first, bit: (page * 4_096 + 60) * 8)
    var report = RecoveryReport()
    var again = recovered(disk, &report)
    let handed = again.drain()
    // Page 0 can be told from the first batch, the tail slots are empty.
    let isHarmless = page < SpoolLimits.reservedPageCount
    #expect(report.frameCount > stored || isHarmless)
    #expect(report.undeliveredCount == 2 * stored + 1)
    #expect(handed.first == "C3 3")
    #expect(handed.count >= 2 * stored - 1)
  }

  @Test("in a segment that is gone altogether is not relied upon", arguments: 0..<2)
  func missing(_ distance: Int) {
    var stored = 0
    let spool = full(&stored)
    var disk = spool.disk.afterPowerCut(.nothing)
    let generation = spool.checkpoint.generation + UInt32(distance)
    disk.overwrite(
      segment: spool.segment(of: generation)!, offset: 0,
      [UInt8](repeating: 0, count: spool.geometry.segmentByteCount))
    var report = RecoveryReport()
    var again = recovered(disk, &report)
    #expect(report.frameCount > stored)
    #expect(again.drain().first == "C3 3")
    // The devices' numbers go on, and what is missing is counted.
    #expect(report.undeliveredCount == 2 * stored + 1)
  }

  @Test("is not relied upon when the batch before a torn one is missing")
  func missingBeforeTorn() {
    var stored = 0
    var spool = full(&stored)
    let (page, first) = (SpoolLimits.pageByteCount, SpoolLimits.reservedPageCount)
    while spool.writeOffset != (first + 1) * page || spool.order.count < 3 {
      spool.store(spool.device("A"), "x")
      stored += 1
    }
    var disk = spool.disk.afterPowerCut(.nothing)
    // The newest segment's only batch has no sound record, and the one before has no sound header.
    disk.flip(segment: spool.order.last!, bit: (first * page + BatchHeader.byteCount) * 8)
    let before = spool.order[spool.order.count - 2]
    disk.flip(segment: before, bit: (spool.segments[before].durableByteCount - page) * 8)
    var report = RecoveryReport()
    var again = recovered(disk, &report)
    #expect(report.frameCount > stored)
    #expect(again.drain().first == "C3 3")
  }

  @Test("without a sound batch in its first segment is not relied upon")
  func missingBatches() {
    var stored = 0
    let spool = full(&stored)
    var disk = spool.disk.afterPowerCut(.nothing)
    let segment = spool.segment(of: spool.checkpoint.generation)!
    for page in SpoolLimits.reservedPageCount..<spool.geometry.segmentByteCount / 4_096 {
      disk.flip(segment: segment, bit: page * 4_096 * 8)
    }
    var report = RecoveryReport()
    var again = recovered(disk, &report)
    #expect(report.frameCount > stored)
    #expect(again.drain().first == "C3 3")
  }

  @Test("with a batch written in another's place is not relied upon", arguments: 1..<5)
  func misplaced(_ distance: Int) {
    var stored = 0
    let spool = full(&stored)
    var disk = spool.disk.afterPowerCut(.nothing)
    let segment = spool.segment(of: spool.checkpoint.generation)!
    let (page, first) = (SpoolLimits.pageByteCount, SpoolLimits.reservedPageCount)
    let place = (first + distance) * page
    disk.overwrite(
      segment: segment, offset: first * page, Array(disk.image[segment][place..<place + page]))
    var report = RecoveryReport()
    var again = recovered(disk, &report)
    #expect(report.frameCount > stored)
    #expect(again.drain().first == "C3 3")
  }

  @Test("remembers a device, its place and its losses when all its frames are written over")
  func remembersDevices() {
    var spool = emptySpool()
    let a = spool.device("A")
    let idle = spool.device("I")
    spool.logIn(idle, "hello")
    for i in 1...5 { spool.store(idle, "\(i)") }
    spool.confirm(idle, 2)
    for i in 1...300 { spool.store(a, "\(i)") }
    var again = recovered(spool.disk.afterPowerCut(.nothing))
    let found = again.device("I")
    #expect(again.lastSequence(found) == SequenceNumber(5))
    #expect(again.login(of: found) == Array("hello".utf8))
    #expect(again.dropCounts(of: found) == DropCounts(evicted: 3, damaged: 0))
    #expect(again.dropCounts(of: again.device("A")) == spool.dropCounts(of: a))
    again.store(found, "six")
    #expect(again.drain().last == "I6 six")
  }

  @Test("remembers what was given up by hand, in notes and in device records")
  func remembersGivenUp() {
    var spool = emptySpool()
    let a = spool.device("A")
    let b = spool.device("B")
    for i in 1...4 { spool.store(a, "\(i)") }
    spool.store(b, "x")
    spool.confirm(a, 1)
    let counts = [spool.giveUp(a), spool.giveUp(a)]
    #expect(counts == [3, 0])
    #expect(spool.hasUndelivered(a) == false)
    spool.store(a, "five")
    var again = recovered(spool.disk.afterPowerCut(.nothing))
    #expect(again.dropCounts(of: again.device("A")) == DropCounts(byOperator: 3))
    let drained = again.drain()
    #expect(drained == ["B1 x", "A5 five"])
    // So many frames that the note is written over and the device's record has to tell.
    for i in 1...300 { again.store(again.device("C"), "\(i)") }
    var later = recovered(again.disk.afterPowerCut(.nothing))
    #expect(later.dropCounts(of: later.device("A")).byOperator == 3)
    let first = later.drain().first
    #expect(first?.hasPrefix("C") == true)
  }

  @Test("moves on while nothing but one device sends, so that segments are used again")
  func movesOn() {
    var spool = emptySpool()
    let a = spool.device("A")
    for i in 0..<30 { spool.store(spool.device("D\(i)"), "x") }
    for i in 0..<30 { spool.confirmAll(spool.device("D\(i)")) }
    for _ in 0..<400 {
      spool.store(a, "x")
      spool.confirmAll(a)
      #expect(spool.nextGeneration - spool.checkpoint.generation < 6)
    }
    #expect(spool.counters.droppedFrameCount == 0)
    let again = recovered(spool.disk.afterPowerCut(.nothing))
    #expect(again.deviceCount == 31)
  }

  @Test("is done without where the devices' records are larger than the ring")
  func tooManyDevices() {
    var spool = emptySpool(.small, deviceCountMax: 4_000)
    var stored: [String] = []
    for i in 0..<4_000 {
      let device = spool.device("Device \(i)")
      spool.logIn(device, String(repeating: "x", count: 200))
      spool.put(device, "x")
      stored.append("Device \(i)1 x")
      if spool.gathering!.byteCount > spool.gathering!.byteCountMax - 1_000 { spool.commit() }
      if i % 100 != 99 { spool.confirmAll(device) }
    }
    spool.commit()
    let handed = spool.drain()
    #expect(handed.count > 0)
    var again = recovered(spool.disk.afterPowerCut(.nothing), deviceCountMax: 4_000)
    #expect(again.drain() == handed)
  }

  @Test("keeps a number that was given out anew from being given out again")
  func numbers() {
    var spool = emptySpool(deviceCountMax: 2)
    let stuck = spool.device("S")
    spool.setHeld(stuck, true)
    spool.store(stuck, "1")
    var number: UInt32 = 0
    // Names without frames come and go in the other slot.
    for i in 0..<40 {
      let device = spool.device("D\(i)")
      number = spool.table[device].number
      for _ in 0..<3 { spool.store(stuck, "x") }
    }
    var again = recovered(spool.disk.afterPowerCut(.nothing), deviceCountMax: 2)
    let device = again.device("N")
    #expect(again.table[device].number >= number)
  }
}
