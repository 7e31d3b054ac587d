// What a start does with the end of the log.

import Testing

@testable import Queue

@Suite("A start")
struct RestartTests {
  private static func restarted(
    _ disk: SimulatedDisk, hasTails: Bool = false, secret: UInt64, bootKey: UInt64 = 1
  ) -> TestSpool {
    var spool = TestSpool(
      disk: disk, geometry: .small, deviceCountMax: 64, secret: secret, bootKey: bootKey)
    spool.tailByteCountMax = hasTails ? SpoolLimits.tailBytesMax : 0
    _ = spool.recover()
    return spool
  }

  private static func drain(_ spool: inout TestSpool) -> [String] {
    var handed = spool.drain()
    spool.commitIfDue(now: instant(0))
    if spool.disk.isCommitting {
      let error = spool.disk.finishCommit()
      spool.commitFinished(error, now: instant(0))
    }
    handed += spool.sweepAll()
    return handed
  }

  @Test("takes no segment while the power fails again and again", arguments: [false, true])
  func manyStarts(hasTails: Bool) {
    var spool = Self.restarted(SimulatedDisk(.small), hasTails: hasTails, secret: 1)
    let startCount = 40
    for i in 1...startCount {
      let a = spool.device("A")
      spool.store(a, "\(i)")
      spool = Self.restarted(
        spool.disk.afterPowerCut(.nothing), hasTails: hasTails, secret: UInt64(i + 1),
        bootKey: UInt64(i + 1))
    }
    // Each frame has its page, or shares one.
    #expect(spool.counters.droppedFrameCount == 0)
    #expect(spool.order.count == (hasTails ? 1 : startCount / SpoolGeometry.commitsPerSegment))
    #expect(Self.drain(&spool) == (1...startCount).map { "A\($0) \($0)" })
  }

  @Test("leaves the slot whole that the tail is in until the other one has it")
  func tailSlots() {
    for storedCount in 1...4 {
      var spool = Self.restarted(SimulatedDisk(.small), hasTails: true, secret: 1)
      let a = spool.device("A")
      for i in 1...storedCount { spool.store(a, "\(i)") }
      var again = Self.restarted(
        spool.disk.afterPowerCut(.nothing), hasTails: true, secret: 2)
      again.put(DeviceIndex(0), "new")
      again.commitIfDue(now: instant(0), isForced: true)
      #expect(again.disk.isCommitting)
      for byteCount in stride(from: 0, through: 4_096, by: 64) {
        var last = Self.restarted(
          again.disk.afterPowerCut(.prefix(byteCount)), hasTails: true, secret: 3)
        let expected = (1...storedCount).map { "A\($0) \($0)" }
        #expect(Self.drain(&last).starts(with: expected), "\(storedCount) \(byteCount)")
      }
    }
  }

  @Test("knows the boot of what it reads, whatever boot the segment was begun in")
  func boots() {
    var disk = SimulatedDisk(.small)
    var boots: [Int] = []
    // Two starts in every boot: the second one of a boot knows the times of the first one.
    for boot in 1...3 {
      for start in 1...2 {
        var spool = Self.restarted(
          disk, secret: UInt64(boot * 2 + start), bootKey: UInt64(100 + boot))
        let a = spool.device("A")
        spool.open(a)
        var known: [Bool] = []
        while let frame = spool.nextFrame(at: 1_000) {
          known.append(spool.age(ofSwept: frame, now: instant(1_000)) == 1_000)
          spool.markSent(frame.device, frame.sequence)
        }
        #expect(known == boots.map { $0 == boot }, "\(boot) \(start)")
        spool.store(a, "\(boot) \(start)")
        boots.append(boot)
        disk = spool.disk.afterPowerCut(.nothing)
      }
    }
  }

  @Test("takes another segment behind an end that was being written")
  func tornEnd() {
    var spool = Self.restarted(SimulatedDisk(.small), secret: 1)
    let a = spool.device("A")
    spool.store(a, "1")
    spool.put(a, "2")
    spool.put(a, "3")
    spool.commitIfDue(now: instant(0), isForced: true)
    // With the header, and not the second frame.
    var again = Self.restarted(spool.disk.afterPowerCut(.prefix(130)), secret: 2)
    again.store(DeviceIndex(0), "new")
    #expect(again.order.count == 2)
    var last = Self.restarted(again.disk.afterPowerCut(.nothing), secret: 3)
    let handed = Self.drain(&last)
    #expect(handed.first == "A1 1")
    #expect(handed.last?.hasSuffix("new") == true)
  }
}
