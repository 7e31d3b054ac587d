// What a look at a spool finds, and segments of other versions.

import Testing

@testable import Queue

@Suite("Inspection")
struct InspectionTests {
  /// Everything that a look shows: "A1 text", with a star where it waits.
  private static func look(
    _ disk: SimulatedDisk, all: Bool, _ findings: inout SpoolFindings
  ) -> [String] {
    var spool = recovered(disk)
    let commits = spool.disk.commitCount
    var shown: [String] = []
    for slot in spool.slotsToInspect(all: all) {
      let names = (0..<spool.deviceCount).map { spool.name(DeviceIndex($0)) }
      spool.inspect(slot, now: instant(0), &findings) { frame, bytes in
        let text = String(decoding: (0..<bytes.count).map { bytes[$0] }, as: UTF8.self)
        let mark = frame.isWaiting ? "*" : ""
        shown.append("\(names[frame.device.rawValue])\(frame.sequence.rawValue)\(mark) \(text)")
      }
    }
    spool.countMissing(&findings)
    #expect(spool.disk.commitCount == commits)
    return shown
  }

  @Test("shows what the sweep would hand out, and with all also what was delivered")
  func frames() {
    var spool = emptySpool()
    let (a, b) = (spool.device("A"), spool.device("B"))
    spool.store(a, "one")
    spool.store(b, "two")
    spool.store(a, "three")
    spool.confirm(a, 1)
    spool.confirm(b, 1)
    spool.commit()
    var findings = SpoolFindings()
    let disk = spool.disk.afterPowerCut(.nothing)
    #expect(Self.look(disk, all: false, &findings).filter { $0.contains("*") } == ["A2* three"])
    #expect(Self.look(disk, all: true, &findings) == ["A1 one", "B1 two", "A2* three"])
    #expect(findings.damagedRegions.isEmpty)
    #expect(findings.missingFrameCount == 0)
  }

  @Test("shows moved frames once", arguments: [1, 2])
  func moved(_ seed: UInt64) {
    var world = World(spool: emptySpool(), seed: seed, context: "seed \(seed)")
    world.addDevices()
    while world.spool.nextGeneration < 40, !world.hasFailed {
      world.act(progress: Int(world.spool.nextGeneration) * 4)
      world.startCommit(isForced: true)
      world.finishCommit()
    }
    let disk = world.spool.disk.afterPowerCut(.nothing)
    var sweeping = recovered(disk)
    let swept = sweeping.drain()
    for all in [false, true] {
      var findings = SpoolFindings()
      let shown = Self.look(disk, all: all, &findings).filter { $0.contains("* ") }
      #expect(shown.map { $0.replacing("* ", with: " ") } == swept)
      #expect(findings.damagedRegions.isEmpty)
    }
  }

  @Test("names the place of damage, and a torn end is none")
  func damage() {
    var spool = emptySpool()
    let a = spool.device("A")
    for text in ["one", "two", "three"] { spool.store(a, text) }
    let page = SpoolLimits.pageByteCount
    // A record of the second batch, its header, page 0.
    for (byte, range) in [
      (4 * page + 110, 4 * page..<5 * page), (4 * page + 20, 4 * page..<5 * page), (45, 0..<page),
    ] {
      var disk = spool.disk.afterPowerCut(.nothing)
      disk.flip(segment: 0, bit: byte * 8)
      var report = RecoveryReport()
      _ = recovered(disk, &report)
      #expect(report.damagedRegions.count == 1, "\(byte)")
      #expect(report.damagedRegions.first.map { range.contains($0.range.lowerBound) } == true)
      #expect(report.damagedRegions.first.map { $0.range.contains(byte) } == true)
      var findings = SpoolFindings()
      _ = Self.look(disk, all: true, &findings)
      #expect(findings.damagedRegions == (report.damagedRegions))
    }
    spool.put(a, "four")
    spool.commitIfDue(now: instant(0), isForced: true)
    var report = RecoveryReport()
    _ = recovered(spool.disk.afterPowerCut(.prefix(200)), &report)
    #expect(report.damagedRegions.isEmpty)
  }

  @Test("leaves segments of other versions alone", arguments: [64, 72])
  func otherVersions(_ byteCount: Int) {
    let crc = CRC32C()
    // As version 1 looked while it was made, and as version 2 may look.
    var earlier = [UInt8](repeating: 0, count: SegmentJudge.byteCount)
    earlier.replaceSubrange(0..<8, with: Array("ERSPOOL1".utf8))
    earlier[40] = 7
    let sum = crc.checksum(seed: 0, PageBuffer(earlier), 0..<byteCount)
    earlier.replaceSubrange(byteCount..<byteCount + 4, with: littleEndian(UInt64(sum), 4))
    var later = earlier
    later[7] = UInt8(ascii: "2")
    let blank = [UInt8](repeating: 0, count: SegmentJudge.byteCount)
    #expect(SegmentJudge().origin(of: PageBuffer(earlier)) == .foreign)
    #expect(SegmentJudge().origin(of: PageBuffer(later)) == .foreign)
    #expect(SegmentJudge().origin(of: PageBuffer(blank)) == .blank)
    var disk = SimulatedDisk(.small)
    disk.overwrite(segment: 3, offset: 0, earlier)
    disk.overwrite(segment: 5, offset: 0, later)
    var report = RecoveryReport()
    var spool = recovered(disk, &report)
    #expect(report.foreignSegmentCount == 2)
    let a = spool.device("A")
    spool.passSegments(40, a)
    #expect(Array(spool.disk.image[3].prefix(earlier.count)) == earlier)
    #expect(Array(spool.disk.image[5].prefix(later.count)) == later)
    let head = PageBuffer(Array(spool.disk.image[0].prefix(SegmentJudge.byteCount)))
    #expect(SegmentJudge().origin(of: head) == .own)
  }

  @Test("tells batches of earlier layouts", arguments: [28, 36, 40])
  func earlierBatches(_ byteCount: Int) {
    var head = [UInt8](repeating: 0, count: SegmentJudge.byteCount)
    let first = 3 * SpoolLimits.pageByteCount
    head.replaceSubrange(first..<first + 4, with: Array("BTC1".utf8))
    head[first + 4] = 1
    let sum = CRC32C().checksum(seed: 0, PageBuffer(head), first..<first + byteCount)
    head.replaceSubrange(
      first + byteCount..<first + byteCount + 4, with: littleEndian(UInt64(sum), 4))
    #expect(SegmentJudge().origin(of: PageBuffer(head)) == .foreign)
  }
}
