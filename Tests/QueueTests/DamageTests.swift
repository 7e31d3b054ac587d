// Bits that flip and sectors that rot: nothing false is handed out, nothing traps, and what is lost
// is little and leaves a trace in the counts.

import Testing

@testable import Queue

@Suite("Damage")
struct DamageTests {
  static let flipsPerSeed = 100

  static let quickFlipsPerSeed = 440

  /// A disk after more than a lap of the ring, and the model of what is on it.
  private static func workedOn(_ seed: UInt64) -> (SimulatedDisk, Model) {
    var world = World(spool: emptySpool(), seed: seed, context: "seed \(seed)")
    world.addDevices()
    while world.spool.nextGeneration < 22, !world.hasFailed {
      world.act(progress: Int(world.spool.nextGeneration) * 4)
      guard world.random.chance(25) else { continue }
      world.startCommit(isForced: true)
      world.finishCommit(world.random.chance(3) ? CrashTests.fault(&world.random) : nil)
    }
    while world.spool.hasUncommitted {
      world.model.now += 1_000
      world.startCommit(isForced: true)
      world.finishCommit()
    }
    return (world.spool.disk.afterPowerCut(.nothing), world.model)
  }

  @Test("of one bit loses one batch at most, never silently", arguments: seeds(2))
  func oneBit(_ seed: UInt64) {
    let (disk, model) = Self.workedOn(seed)
    var random = RandomNumbers(seed: seed)
    let sound = Drained(disk, model, "sound")
    let largestBatch = Self.largestBatch(disk)
    var lossCount = 0
    for i in 0..<Self.flipsPerSeed {
      var damaged = disk
      let place = Self.writtenBit(disk, &random)
      damaged.flip(segment: place.segment, bit: place.bit)
      let context = "seed \(seed) flip \(i) segment \(place.segment) bit \(place.bit)"
      let drained = Drained(damaged, model, context)
      let lost = sound.frameCount - drained.frameCount
      if lost > 0 { lossCount += 1 }
      // A frame that was given up before may come back: the record of its loss is lost.
      #expect(lost <= largestBatch, "\(context): \(lost) lost")
      #expect(lost <= 0 || drained.hasTrace, "\(context): \(lost) lost without a trace")
    }
    #expect(lossCount > 0)
  }

  @Test("of one bit never makes a false frame, nor an order of its own", arguments: seeds(2))
  func oneBitQuickly(_ seed: UInt64) {
    let (disk, model) = Self.workedOn(seed)
    var random = RandomNumbers(seed: seed)
    let contents = model.devices.map { device in device.frames.map(\.bytes) }
    for i in 0..<Self.quickFlipsPerSeed {
      var damaged = disk
      let place = Self.writtenBit(disk, &random)
      damaged.flip(segment: place.segment, bit: place.bit)
      var spool = recovered(damaged)
      var cursors = [UInt32](repeating: 0, count: spool.deviceCount)
      for d in 0..<spool.deviceCount where spool.isKnown(DeviceIndex(d)) {
        spool.open(DeviceIndex(d))
      }
      while let frame = spool.nextFrame() {
        let sequence = frame.sequence.rawValue
        let d = frame.device.rawValue
        let isRight = spool.withSwept(frame) { bytes in
          guard d < contents.count, sequence > 0, Int(sequence) <= contents[d].count else {
            return false
          }
          let expected = contents[d][Int(sequence) - 1]
          guard bytes.count == expected.count else { return false }
          for j in 0..<expected.count where bytes[j] != expected[j] { return false }
          return true
        }
        if !isRight || sequence <= cursors[d] {
          Issue.record(
            "seed \(seed) flip \(i) segment \(place.segment) bit \(place.bit): \(d) \(sequence)")
          return
        }
        cursors[d] = sequence
        spool.markSent(frame.device, frame.sequence)
      }
    }
  }

  @Test("of many places is survived", arguments: seeds(2))
  func many(_ seed: UInt64) {
    let (disk, model) = Self.workedOn(seed)
    var random = RandomNumbers(seed: seed)
    for i in 0..<Self.flipsPerSeed / 2 {
      var damaged = disk
      for _ in 0..<1 + random.below(30) {
        let place = Self.writtenBit(disk, &random)
        let sector = place.bit / 8 / 512 * 512
        switch random.below(4) {
        case 0:
          damaged.overwrite(
            segment: place.segment, offset: sector, [UInt8](repeating: 0, count: 512))
        case 1:
          damaged.overwrite(
            segment: place.segment, offset: sector,
            (0..<512).map { _ in UInt8(truncatingIfNeeded: random.next()) })
        case 2:
          // A sector of another place, as a confused controller writes it.
          let other = Self.writtenBit(disk, &random)
          let from = other.bit / 8 / 512 * 512
          damaged.overwrite(
            segment: place.segment, offset: sector,
            Array(disk.image[other.segment][from..<from + 512]))
        default: damaged.flip(segment: place.segment, bit: place.bit)
        }
      }
      _ = Drained(damaged, model, "seed \(seed) damage \(i)")
    }
  }

  @Test("of whole segments that change places is survived")
  func swappedSegments() {
    let (disk, model) = Self.workedOn(1)
    for (a, b) in [(0, 1), (3, 9), (7, 15)] {
      var swapped = disk
      swapped.overwrite(segment: a, offset: 0, disk.image[b])
      swapped.overwrite(segment: b, offset: 0, disk.image[a])
      let drained = Drained(swapped, model, "swapped \(a) \(b)")
      #expect(drained.frameCount == Drained(disk, model, "sound").frameCount)
    }
  }

  @Test("of random bytes all over the disk is survived")
  func noise() {
    var random = RandomNumbers(seed: 1)
    var disk = SimulatedDisk(.small)
    for segment in 0..<16 {
      disk.overwrite(
        segment: segment, offset: 0,
        (0..<disk.image[segment].count).map { _ in UInt8(truncatingIfNeeded: random.next()) })
    }
    var spool = recovered(disk)
    let a = spool.device("A")
    spool.store(a, "one")
    #expect(spool.drain() == ["A1 one"])
  }

  @Test("of the newest batch is counted when a second has gone by", arguments: [0, 4_000])
  func newestBatch(_ byte: Int) {
    var spool = emptySpool()
    let a = spool.device("A")
    for i in 1...2 { spool.store(a, "\(i)") }
    spool.put(a, String(repeating: "x", count: 5_000))
    spool.commit()
    let before = spool.disk.commitCount
    #expect(spool.nextDeadline == instant(1_000))
    spool.closeBatch(at: 1_000)
    #expect(spool.disk.commitCount == before + 1)
    // Once is enough.
    #expect(spool.nextDeadline == .never)
    var disk = spool.disk.afterPowerCut(.nothing)
    disk.flip(segment: spool.order[0], bit: (5 * 4_096 + byte) * 8)
    var again = recovered(disk)
    let device = again.device("A")
    #expect(again.lastSequence(device) == SequenceNumber(3))
    #expect(again.drain() == ["A1 1", "A2 2"])
    again.confirm(device, 2)
    _ = again.sweepAll()
    #expect(again.dropCounts(of: device) == DropCounts(evicted: 0, damaged: 1))
  }

  @Test("of a large batch's first record is read around in time")
  func salvageIsBounded() {
    let geometry = SpoolGeometry(segmentByteCount: SpoolLimits.segmentBytesMin, segmentCount: 16)
    var spool = emptySpool(geometry)
    let a = spool.device("A")
    // Content that looks like the headers of long records.
    let frame = (0..<4_000).map { UInt8([0x60, 0xEA, 1, 0][$0 % 4]) }
    for _ in 0..<10 { #expect(spool.append(a, frame.span, .unlimited, now: instant(0)) != .full) }
    spool.commit()
    spool.store(a, "last")
    var disk = spool.disk.afterPowerCut(.nothing)
    let first = BatchHeader.byteCount + RecordHeader.stride(DeviceRecord.byteCount + 1)
    disk.flip(segment: 0, bit: (3 * 4_096 + first) * 8)
    var report = RecoveryReport()
    var again = recovered(disk, &report)
    #expect(report.frameCount == 10)
    #expect(again.drain().count == 10)
    #expect(again.droppedCount(again.device("A")) == 1)
  }

  /// The most records that a batch has.
  private static func largestBatch(_ disk: SimulatedDisk) -> Int {
    var largest = 0
    for image in disk.image {
      let buffer = PageBuffer(image)
      for offset in stride(from: 3 * 4_096, to: image.count, by: 4_096) {
        let header = BatchHeader.read(buffer, at: offset, generation: nil, CRC32C())
        largest = max(largest, header?.recordCount ?? 0)
      }
    }
    return largest
  }

  /// A bit in a page that holds something.
  private static func writtenBit(
    _ disk: SimulatedDisk, _ random: inout RandomNumbers
  ) -> (segment: Int, bit: Int) {
    while true {
      let segment = random.below(disk.image.count)
      let sector = random.below(disk.image[segment].count / 512) * 512
      let bytes = disk.image[segment][sector..<sector + 512]
      if bytes.contains(where: { $0 != 0 }) {
        return (segment, (sector + random.below(512)) * 8 + random.below(8))
      }
    }
  }
}

/// What a start finds on a disk that may be damaged, after it has delivered all of it, worked on,
/// and started once more. Every frame handed out is compared with the model.
private struct Drained {
  private(set) var frameCount = 0
  /// Whether any count tells of a loss.
  private(set) var hasTrace = false
  private var contents: [[UInt32: [UInt8]]] = []
  private let context: String

  init(_ disk: SimulatedDisk, _ model: Model, _ context: String) {
    self.context = context
    contents = model.devices.map { device in
      Dictionary(
        uniqueKeysWithValues: device.frames.enumerated().map {
          (device.base + 1 + UInt32($0.offset), $0.element.bytes)
        })
    }
    let names = model.devices.map(\.name)
    var report = RecoveryReport()
    var spool = recovered(disk, &report)
    // New frames first, so that old remains meet new numbers.
    for round in 0..<3 {
      for (d, name) in names.enumerated() { append(&spool, d, name, round) }
      spool.commit()
    }
    frameCount = drain(&spool, names)
    let counters = spool.counters
    hasTrace =
      counters.droppedFrameCount > 0 || counters.damagedByteCount > 0 || report.orphanCount > 0
      || report.foreignSegmentCount > 0 || report.hasTornTail
    for (d, name) in names.enumerated() { append(&spool, d, name, 3) }
    spool.commit()
    var again = recovered(spool.disk.afterPowerCut(.nothing))
    let last = drain(&again, names)
    #expect(last >= names.count, "\(context): new frames are missing")
  }

  private mutating func append(_ spool: inout TestSpool, _ d: Int, _ name: String, _ round: Int) {
    let device = spool.device(name)
    let bytes = Array("\(name) new \(round)".utf8)
    for _ in 0..<2 {
      if case .stored(let sequence, _, _) = spool.append(
        device, bytes.span, .unlimited, now: instant(0))
      {
        contents[d][sequence.rawValue] = bytes
        return
      }
      spool.commit()
    }
    Issue.record("\(context): a new frame finds no room")
  }

  /// Delivers everything; the number of frames.
  private func drain(_ spool: inout TestSpool, _ names: [String]) -> Int {
    var count = 0
    for _ in 0..<40 {
      for name in names { spool.open(spool.device(name)) }
      var last: [Int: UInt32] = [:]
      while let frame = spool.nextFrame() {
        let sequence = frame.sequence.rawValue
        count += 1
        guard let d = names.firstIndex(of: spool.name(frame.device)) else {
          Issue.record("\(context): a frame of an unknown device")
          return count
        }
        if let before = last[d], before >= sequence {
          Issue.record("\(context): \(names[d])\(sequence) after \(before)")
        }
        last[d] = sequence
        let bytes = spool.withSwept(frame) { bytes in (0..<bytes.count).map { bytes[$0] } }
        if contents[d][sequence] != bytes {
          Issue.record("\(context): \(names[d])\(sequence) has other content")
          return count
        }
        spool.markSent(frame.device, frame.sequence)
      }
      for name in names {
        let device = spool.device(name)
        spool.confirm(device, spool.sentSequence(device).rawValue)
      }
      spool.commit()
      if names.allSatisfy({ !spool.hasUndelivered(spool.device($0)) }) { return count }
    }
    Issue.record("\(context): the drain does not come to an end")
    return count
  }
}
