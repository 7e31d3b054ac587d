// Small commits that share a page in the tail slots.

import Testing

@testable import Queue

@Suite("A small commit")
struct TailTests {
  static let page = SpoolLimits.pageByteCount

  /// An empty spool that makes use of its tail slots.
  private static func spool() -> TestSpool {
    var spool = emptySpool()
    spool.tailByteCountMax = SpoolLimits.tailBytesMax
    return spool
  }

  private static func restarted(_ disk: SimulatedDisk) -> TestSpool {
    var spool = recovered(disk)
    spool.tailByteCountMax = SpoolLimits.tailBytesMax
    return spool
  }

  /// Has everything handed out that a session wants, the tail included.
  private static func drain(_ spool: inout TestSpool) -> [String] {
    var handed = spool.drain()
    spool.commitIfDue(now: instant(0))
    let error = spool.disk.finishCommit()
    spool.commitFinished(error, now: instant(0))
    handed += spool.sweepAll()
    return handed
  }

  @Test func `takes no page of its own until one is full`() {
    var spool = Self.spool()
    let a = spool.device("A")
    var count = 0
    while spool.durableThrough == 0 {
      count += 1
      spool.store(a, "frame \(count)")
      #expect(count < 200)
    }
    // One page in its place, for a hundred commits or so.
    #expect(count > 80)
    #expect(spool.writeOffset == 4 * Self.page)
    #expect(spool.disk.commitCount == count)
    #expect(spool.disk.writtenByteCount <= (count + 1) * Self.page)
    var again = Self.restarted(spool.disk.afterPowerCut(.nothing))
    #expect(Self.drain(&again) == (1...count).map { "A\($0) frame \($0)" })
  }

  @Test func `is there after a start, and so are those before it`() {
    var spool = Self.spool()
    let a = spool.device("A")
    for i in 1...7 {
      spool.store(a, "\(i)")
      var again = Self.restarted(spool.disk.afterPowerCut(.nothing))
      #expect(Self.drain(&again) == (1...i).map { "A\($0) \($0)" })
    }
  }

  @Test func `proves the batch before it, so that its loss is reported`() {
    var spool = Self.spool()
    let (a, b) = (spool.device("A"), spool.device("B"))
    let large = String(repeating: "large", count: 700)
    var count = 0
    while spool.order.count < 2 {
      spool.store(a, large)
      count += 1
    }
    spool.store(b, "small")
    #expect(spool.tail != nil)
    var disk = spool.disk.afterPowerCut(.nothing)
    disk.flip(segment: spool.writeSegment, bit: SpoolLimits.reservedPageCount * Self.page * 8)
    var report = RecoveryReport()
    var again = recovered(disk, &report)
    #expect(report.damagedByteCount > 0)
    // Nor is the checkpoint relied upon that began with it.
    #expect(Self.drain(&again) == (1..<count).map { "A\($0) \(large)" } + ["B1 small"])
  }

  @Test func `that is torn leaves those before it alone`() {
    var spool = Self.spool()
    let a = spool.device("A")
    for i in 1...5 { spool.store(a, "\(i)") }
    spool.put(a, "6")
    spool.commitIfDue(now: instant(0), isForced: true)
    for seed in 0..<200 {
      var again = Self.restarted(spool.disk.afterPowerCut(.harsh(seed: UInt64(seed))))
      let handed = Self.drain(&again)
      #expect(handed.prefix(5) == ["A1 1", "A2 2", "A3 3", "A4 4", "A5 5"])
      #expect(handed.count <= 6)
    }
  }

  @Test func `goes along when its segment is left, and counts there until that is durable`() {
    var spool = Self.spool()
    let (a, b) = (spool.device("A"), spool.device("B"))
    spool.store(b, String(repeating: "x", count: 4_000))
    for i in 1...5 { spool.store(a, "\(i)") }
    #expect(spool.tail?.number == 2)
    // It has no room in the rest of the segment.
    spool.put(b, String(repeating: "y", count: 7_000))
    spool.commitIfDue(now: instant(0), isForced: true)
    #expect(spool.nextGeneration == 3)
    for seed in 0..<100 {
      var again = Self.restarted(spool.disk.afterPowerCut(.sectors(seed: UInt64(seed))))
      let handed = Self.drain(&again).filter { $0.hasPrefix("A") }
      #expect(handed == (1...5).map { "A\($0) \($0)" })
      #expect(again.droppedCount(again.device("A")) == 0)
    }
  }

  @Test func `is written home when a session wants its frames, and at once where one waits`() {
    var spool = Self.spool()
    let a = spool.device("A")
    spool.store(a, "1")
    #expect(spool.durableThrough == 0)
    #expect(Self.drain(&spool) == ["A1 1"])
    #expect(spool.durableThrough == 1)
    spool.store(a, "2")
    #expect(spool.durableThrough == 2)
    #expect(spool.sweepAll() == ["A2 2"])
  }

  @Test func `says when its frames came, however long the page is filled`() {
    var spool = Self.spool()
    let a = spool.device("A")
    let times: [Int64] = [1_000, 20_000, 100_000, 100_500, 400_000]
    for time in times {
      spool.put(a, "\(time)", at: time)
      spool.commit(at: time)
    }
    #expect(spool.durableThrough == 0)
    spool.open(a)
    #expect(spool.nextFrame() == nil)
    spool.commitIfDue(now: instant(400_000))
    let error = spool.disk.finishCommit()
    spool.commitFinished(error, now: instant(400_000))
    for time in times {
      guard let frame = spool.nextFrame() else {
        return #expect(Bool(false), "no frame of \(time)")
      }
      #expect(spool.age(ofSwept: frame, now: instant(500_000)) == 500_000 - time)
      spool.markSent(frame.device, frame.sequence)
    }
  }

  @Test func `is closed by being in both slots`() {
    var spool = Self.spool()
    let a = spool.device("A")
    for i in 1...4 { spool.store(a, "\(i)") }
    spool.closeBatch(at: 2_000)
    #expect(spool.nextDeadline == .never)
    for slot in 1...2 {
      for bit in stride(from: slot * Self.page * 8, to: (slot * Self.page + 300) * 8, by: 5) {
        var damaged = spool.disk.afterPowerCut(.nothing)
        damaged.flip(segment: 0, bit: bit)
        var again = Self.restarted(damaged)
        #expect(Self.drain(&again).count == 4)
      }
    }
  }

  @Test func `of frames that were delivered unwritten leaves no gap`() {
    var spool = Self.spool()
    let a = spool.device("A")
    spool.store(a, "1")
    // Delivered before they are written, with the device's record in the tail.
    for _ in 2...3 {
      guard
        case .stored(let sequence, _, let place) = spool.append(
          a, Array("held".utf8).span, .unlimited, .held, now: instant(0))
      else { return #expect(Bool(false), "no room") }
      spool.acknowledge(a, through: sequence, at: place, now: instant(0))
    }
    spool.store(a, "4")
    var again = Self.restarted(spool.disk.afterPowerCut(.nothing))
    #expect(Self.drain(&again) == ["A4 4"])
    #expect(again.droppedCount(again.device("A")) == 0)
  }

  @Test func `leaves room for itself however many devices' frames are given up meanwhile`() {
    let geometry = SpoolGeometry(segmentByteCount: 16 * Self.page, segmentCount: 64)
    var spool = emptySpool(geometry, deviceCountMax: 1_800)
    spool.tailByteCountMax = SpoolLimits.tailBytesMax
    let devices = (0..<1_800).map { spool.device("D\($0)") }
    for device in devices { spool.store(device, "1") }
    while spool.tail?.byteCount ?? 0 < 2_000 { spool.store(devices[0], "tail") }
    let more = Array("more".utf8)
    while case .stored = spool.append(devices[1], more.span, .unlimited, now: instant(0)) {}
    for device in devices[2..<600] { spool.confirmAll(device) }
    for device in devices[600...] { _ = spool.giveUp(device) }
    spool.commit()
    var again = Self.restarted(spool.disk.afterPowerCut(.nothing))
    let handed = Self.drain(&again)
    #expect(handed.allSatisfy { $0.hasPrefix("D0") || $0.hasPrefix("D1") })
    #expect(handed.last?.hasSuffix("more") == true)
  }
}
