// Reading back what is on disk at start.
//
//   1. page 0 of every segment: generation, or nothing, or foreign
//   2. used segments by generation: device records name devices and logins, data records move
//      `last`, acknowledgements and drops move `acknowledged`
//   3. what lies between the two is undelivered; writing goes on in a fresh segment
//
// Nothing on disk makes this fail. Unreadable segments, damaged batches and records without a known
// device are counted and passed over; a torn end is cut where its first bad record stands.
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
  /// Whether the last batch was being written when the program ended.
  public var hasTornTail = false
  public init() {}
}

extension Spool where D: ~Copyable {
  /// Reads the whole spool; to be called once, before anything else.
  public mutating func recover() -> RecoveryReport {
    var report = RecoveryReport()
    var newestStart: UInt16 = 0
    for slot in 0..<segments.count { readHeader(slot, &report, &newestStart) }
    order.sort { segments[$0].generation < segments[$1].generation }
    report.segmentCount = order.count

    var lastBatch: UInt32 = 0
    var durable: UInt32 = 0
    for i in 0..<order.count {
      let slot = order[i]
      segments[slot].provenThrough = i + 1 < order.count ? firstDurableThrough(order[i + 1]) : 0
      segments[slot].durableByteCount = geometry.segmentByteCount
      walker.open(
        segment: slot, generation: segments[slot].generation,
        provenThrough: segments[slot].provenThrough)
      recoverSegment(slot, &report)
      report.damagedByteCount += walker.damagedByteCount
      guard walker.lastBatch != 0 else { continue }
      lastBatch = walker.lastBatch
      durable = walker.isTorn ? walker.durableThrough : walker.lastBatch
      if i == order.count - 1 { report.hasTornTail = walker.isTorn }
    }
    counters.damagedByteCount += UInt64(report.damagedByteCount)
    let newestGeneration = order.last.map { segments[$0].generation } ?? 0
    resume(
      durableThrough: durable, nextBatch: lastBatch &+ 1, generation: newestGeneration &+ 1,
      start: newestStart &+ 1)
    for i in 0..<table.count where table.entries[i].isUsed {
      let device = DeviceIndex(i)
      table[device].sent = table[device].acknowledged
      table[device].headGeneration = 0
      report.deviceCount += 1
      report.undeliveredCount += undeliveredCount(device)
    }
    reclaim()
    return report
  }

  private mutating func readHeader(
    _ slot: Int, _ report: inout RecoveryReport, _ newestStart: inout UInt16
  ) {
    do {
      try disk.read(
        segment: slot, offset: 0, into: walker.buffer, at: 0, count: SpoolLimits.pageByteCount)
    } catch {
      report.unreadableSegmentCount += 1
      return
    }
    switch SegmentHeader.read(walker.buffer, at: 0, crc) {
    case .none:
      return
    case .foreign:
      segments[slot].use = .foreign
      report.foreignSegmentCount += 1
    case .header(let header):
      segments[slot] = SegmentState(use: .used, generation: header.generation)
      if header.start > newestStart { newestStart = header.start }
      uuidLow = header.uuidLow
      uuidHigh = header.uuidHigh
      order.append(slot)
    }
  }

  /// What the first batch of a segment knew to be durable; everything when it cannot be read.
  private mutating func firstDurableThrough(_ slot: Int) -> UInt32 {
    let page = SpoolLimits.pageByteCount
    do {
      try disk.read(
        segment: slot, offset: SpoolLimits.reservedPageCount * page, into: walker.buffer, at: 0,
        count: page)
    } catch {
      return UInt32.max
    }
    let header = BatchHeader.read(
      walker.buffer, at: 0, generation: segments[slot].generation, crc)
    return header?.durableThrough ?? UInt32.max
  }

  private mutating func recoverSegment(_ slot: Int, _ report: inout RecoveryReport) {
    while true {
      do {
        guard let record = try walker.next(&disk, limit: geometry.segmentByteCount) else { return }
        apply(record, &report)
      } catch {
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
        return
      }
      let sequence = record.header.sequence
      if sequence.isAfter(table[device].last) {
        table[device].last = sequence
        table[device].lastBatch = record.batch
      }
      if sequence.isAfter(table[device].acknowledged), table[device].pin == 0 {
        setPin(device, walker.generation)
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
      let offset = record.payload.lowerBound
      let number = walker.buffer.loadUInt32(at: offset)
      if let device = table.find(number: number) {
        table[device].droppedCount += Int(
          truncatingIfNeeded: walker.buffer.loadUInt32(at: offset + 12))
      }
      advance(number: number, to: SequenceNumber(walker.buffer.loadUInt32(at: offset + 8)))
    }
  }

  private mutating func applyDevice(_ record: WalkedRecord) {
    let buffer = walker.buffer
    let offset = record.payload.lowerBound
    guard let head = DeviceRecord(buffer, record.payload) else { return }
    var key = DeviceKey(family: head.family, form: head.form)
    for i in 0..<head.nameByteCount { key.append(buffer.loadUInt8(at: offset + 8 + i)) }
    guard let device = table.restore(number: record.header.device, key) else { return }
    let login = offset + 8 + head.nameByteCount
    buffer.withBytes(login..<login + head.loginByteCount) { setLogin(device, $0) }
    // What came before this device's first surviving record is gone with its segment: it was done.
    if table[device].last == SequenceNumber(0) {
      table[device].last = record.header.sequence
      table[device].acknowledged = record.header.sequence
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
    if !table[device].hasUndelivered { setPin(device, 0) }
  }
}
