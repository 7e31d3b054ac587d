// Reading back what is on disk at start.
//
//   1. page 0 of every segment: generation, or nothing, or foreign
//   2. used segments by generation: device records name devices and logins, data records move
//      `last`, acknowledgements and drops move `acknowledged`
//   3. what lies between the two is undelivered; writing goes on in a fresh segment
//
// Nothing on disk makes this fail. Damaged batches and records without a known device are counted
// and passed over; a torn end is cut where its first bad record stands. A page 0 that is damaged, or
// older than the first batch, is replaced by what that batch says, if the next segment of the log
// names it as the one before, or if there is no next one. A segment without any batch is free; one whose page 0 or first batch
// cannot be read is left alone in this run, and of one that cannot be read further on, no more is
// ever handed out in this run than was counted here.
// Not here yet: the checkpoint that makes the time independent of the backlog.
// Source: spool document, section 2.9.

/// What was found at start.
public struct RecoveryReport: Equatable, Sendable {
  public var segmentCount = 0
  public var foreignSegmentCount = 0
  public var unreadableSegmentCount = 0
  public var deviceCount = 0
  public var frameCount = 0
  /// Frames whose delivery is not proven.
  public var undeliveredCount = 0
  public var damagedByteCount = 0
  /// Frames whose device record is gone, so that nobody knows whose they are.
  public var orphanCount = 0
  /// Frames given up, by the records of it that are still there.
  public var droppedFrameCount = 0
  /// Whether the last batch was being written when the program ended.
  public var hasTornTail = false
  public init() {}
}

extension Spool where D: ~Copyable {
  /// Reads the whole spool; to be called once, before anything else.
  public mutating func recover() -> RecoveryReport {
    var report = RecoveryReport()
    var newest: SegmentHeader?
    for slot in 0..<segments.count { readHeader(slot, &report, &newest) }
    let unreadableHeaderCount = report.unreadableSegmentCount
    order.sort { segments[$0].generation < segments[$1].generation }
    let newestFound = order.last.map { segments[$0].generation } ?? 0
    leaveOutVoid()
    report.segmentCount = order.count

    var lastBatch: UInt32 = 0
    var durable: UInt32 = 0
    var lastRecordCount = 0
    for i in 0..<order.count {
      let slot = order[i]
      segments[slot].provenThrough = i + 1 < order.count ? proof(of: slot, by: order[i + 1]) : 0
      segments[slot].durableByteCount = geometry.segmentByteCount
      walker.open(
        segment: slot, generation: segments[slot].generation,
        provenThrough: segments[slot].provenThrough)
      recoverSegment(slot, &report)
      report.damagedByteCount += walker.takeDamage()
      guard walker.lastBatch != 0 else {
        if segments[slot].durableByteCount == geometry.segmentByteCount {
          segments[slot].use = .free
        }
        continue
      }
      // The rest of a batch that the segment before holds more of: its commit failed there, and was
      // tried again here. Reading on from here would miss the frames that only the other copy has.
      if walker.isTorn, walker.batchCount == 1, walker.lastBatch == lastBatch,
        walker.recordCount < lastRecordCount
      {
        segments[slot].use = .free
        if i == order.count - 1 { report.hasTornTail = true }
        continue
      }
      lastBatch = walker.lastBatch
      lastRecordCount = walker.recordCount
      durable = walker.isTorn ? walker.durableThrough : walker.lastBatch
      newestGeneration = segments[slot].generation
      if i == order.count - 1 { report.hasTornTail = walker.isTorn }
    }
    counters.damagedByteCount += UInt64(report.damagedByteCount)
    order.removeAll { segments[$0].use == .free }
    // What could not be read may have newer generations; a gap keeps clear of them.
    let gap = UInt32(truncatingIfNeeded: secret % SpoolLimits.generationGapMax) &+ 1
    resume(
      durableThrough: durable, nextBatch: lastBatch &+ 1,
      generation: newestFound &+ UInt32(unreadableHeaderCount) &+ gap,
      boot: bootNumber(after: newest))
    for i in 0..<table.count where table.entries[i].isUsed {
      let device = DeviceIndex(i)
      table[device].sent = table[device].acknowledged
      table[device].headBatch = 0
      // Also what was read of a torn batch is there for good.
      table[device].lastBatch = 0
      report.deviceCount += 1
      report.undeliveredCount += undeliveredCount(device)
    }
    reclaim()
    return report
  }

  /// The number of the present boot: the newest segment's, if that was written in it.
  private func bootNumber(after newest: SegmentHeader?) -> UInt16 {
    guard let newest else { return 1 }
    return bootKey != 0 && newest.bootKey == bootKey ? newest.boot : newest.boot &+ 1
  }

  private mutating func readHeader(
    _ slot: Int, _ report: inout RecoveryReport, _ newest: inout SegmentHeader?
  ) {
    do {
      try disk.read(
        segment: slot, offset: 0, into: walker.buffer, at: 0, count: SpoolLimits.pageByteCount)
    } catch {
      segments[slot].use = .foreign
      report.unreadableSegmentCount += 1
      return
    }
    switch SegmentHeader.read(walker.buffer, at: 0, crc) {
    case .none:
      adopt(slot, &report)
    case .foreign:
      segments[slot].use = .foreign
      report.foreignSegmentCount += 1
    case .header(let header):
      segments[slot] = SegmentState(
        use: .used, generation: header.generation,
        previousGeneration: header.previousGeneration)
      // Where page 0 of a later use never arrived, its first batch may have. What the segment held
      // before is done with then.
      if let first = try? firstBatch(slot, generation: nil), first.generation > header.generation {
        adopt(slot, as: first)
        return
      }
      if header.generation > newest?.generation ?? 0 { newest = header }
      uuidLow = header.uuidLow
      uuidHigh = header.uuidHigh
      order.append(slot)
    }
  }

  /// Takes a segment without a valid page 0 for what its first batch says it is.
  private mutating func adopt(_ slot: Int, _ report: inout RecoveryReport) {
    do {
      guard let first = try firstBatch(slot, generation: nil) else { return }
      adopt(slot, as: first)
    } catch {
      segments[slot].use = .foreign
      report.unreadableSegmentCount += 1
    }
  }

  private mutating func adopt(_ slot: Int, as first: BatchHeader) {
    segments[slot] = SegmentState(
      use: .used, generation: first.generation, previousGeneration: first.previousGeneration,
      isAdopted: true)
    order.append(slot)
  }

  /// Leaves out segments that were never part of the log: the next one names an older one as the one
  /// before it. They hold a batch whose commit failed, and which stands in the next one too.
  ///
  /// Of a segment whose page 0 is lost, the first batch may be of a use that was void; it counts only
  /// if the next segment names exactly this one.
  private mutating func leaveOutVoid() {
    for i in stride(from: order.count - 2, through: 0, by: -1) {
      let slot = order[i]
      let generation = segments[slot].generation
      let named = segments[order[i + 1]].previousGeneration
      guard segments[slot].isAdopted ? named != generation : named < generation else { continue }
      segments[slot].use = .free
      order.remove(at: i)
    }
  }

  /// The batch up to which all of a segment was durable, as the segment used right after it knew
  /// when it was started; zero when that cannot be told.
  private mutating func proof(of slot: Int, by next: Int) -> UInt32 {
    guard segments[next].previousGeneration == segments[slot].generation else { return 0 }
    do {
      return try firstBatch(next, generation: segments[next].generation)?.durableThrough ?? 0
    } catch {
      return 0
    }
  }

  private mutating func firstBatch(
    _ slot: Int, generation: UInt32?
  ) throws(DiskError) -> BatchHeader? {
    let page = SpoolLimits.pageByteCount
    try disk.read(
      segment: slot, offset: SpoolLimits.reservedPageCount * page, into: walker.buffer, at: 0,
      count: page)
    return BatchHeader.read(walker.buffer, at: 0, generation: generation, crc)
  }

  private mutating func recoverSegment(_ slot: Int, _ report: inout RecoveryReport) {
    while true {
      do {
        guard let record = try walker.next(&disk, limit: geometry.segmentByteCount) else { return }
        apply(record, &report)
      } catch {
        // Numbers beyond this place may be given out again.
        segments[slot].durableByteCount = walker.nextOffset
        report.unreadableSegmentCount += 1
        return
      }
    }
  }

  private mutating func apply(_ record: WalkedRecord, _ report: inout RecoveryReport) {
    guard let type = RecordType(rawValue: record.header.type) else { return }
    switch type {
    case .device: applyDevice(record)
    case .data:
      report.frameCount += 1
      guard let device = table.find(number: record.header.device) else {
        report.orphanCount += 1
        table.reserve(number: record.header.device)
        return
      }
      let sequence = record.header.sequence
      if sequence.isAfter(table[device].last) {
        table[device].last = sequence
        table[device].lastBatch = record.batch
      }
      if sequence.isAfter(table[device].acknowledged), table[device].pin == .nowhere {
        setPin(device, record.place)
      }
    case .acknowledgements:
      var offset = record.payload.lowerBound
      while offset + 8 <= record.payload.upperBound {
        advance(
          number: walker.buffer.loadUInt32(at: offset),
          to: SequenceNumber(walker.buffer.loadUInt32(at: offset + 4)))
        offset += 8
      }
    case .drop:
      guard record.payload.count >= DropNote.byteCount else { return }
      applyDrop(record, &report)
    }
  }

  private mutating func applyDrop(_ record: WalkedRecord, _ report: inout RecoveryReport) {
    let offset = record.payload.lowerBound
    let number = walker.buffer.loadUInt32(at: offset)
    let count = Int(walker.buffer.loadUInt32(at: offset + 12))
    if let device = table.find(number: number) {
      guard table[device].droppedBatch != record.batch else { return }
      table[device].droppedBatch = record.batch
      table[device].droppedCount += count
    }
    report.droppedFrameCount += count
    advance(number: number, to: SequenceNumber(walker.buffer.loadUInt32(at: offset + 8)))
  }

  private mutating func applyDevice(_ record: WalkedRecord) {
    let buffer = walker.buffer
    let offset = record.payload.lowerBound
    guard let head = DeviceRecord(buffer, record.payload) else { return }
    var key = DeviceKey(family: head.family, form: head.form)
    for i in 0..<head.nameByteCount { key.append(buffer.loadUInt8(at: offset + 8 + i)) }
    guard let device = table.restore(number: record.header.device, key) else { return }
    // An older record comes again where a failed commit was repeated.
    let isKnown = table[device].isRestored
    guard !isKnown || !table[device].last.isAfter(record.header.sequence) else { return }
    let login = offset + 8 + head.nameByteCount
    buffer.withBytes(login..<login + head.loginByteCount) { setLogin(device, $0) }
    // What came before this device's first surviving record is gone with its segment: it was done.
    if !isKnown {
      table[device].isRestored = true
      table[device].last = record.header.sequence
      table[device].acknowledged = record.header.sequence
    } else if record.header.sequence.isAfter(table[device].last) {
      // Frames before this record did not validate; the sweep will miss them and count them.
      table[device].last = record.header.sequence
      if table[device].pin == .nowhere { setPin(device, record.place) }
    }
  }

  private mutating func advance(number: UInt32, to sequence: SequenceNumber) {
    guard let device = table.find(number: number) else {
      table.reserve(number: number)
      return
    }
    guard sequence.isAfter(table[device].acknowledged) else { return }
    table[device].acknowledged = sequence
    if sequence.isAfter(table[device].last) { table[device].last = sequence }
    if !table[device].hasUndelivered { setPin(device, .nowhere) }
  }
}
