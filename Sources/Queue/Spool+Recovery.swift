// Reading back what is on disk at start.
//
//   1. page 0 of every segment: generation, or nothing, or foreign
//   2. used segments by generation, from the checkpoint on (Checkpoint.swift), or all of them when any
//      of that is missing or damaged: device records name devices, logins and cursors, data records
//      move `last`, acknowledgements and drops move `acknowledged`
//   3. what lies between the two is undelivered; writing goes on behind the newest batch, or in a fresh
//      segment when anything was not as a stop or a power cut between two commits leaves it
//
// Nothing on disk makes this fail. Damaged batches and records without a known device are counted
// and passed over; a torn end is cut where its first bad record stands. A page 0 that is damaged, or
// older than the first batch, is replaced by what that batch says, if the next segment of the log
// names it as the one before, or if there is no next one. A segment without any batch is free; one
// whose page 0 or first batch cannot be read is left alone in this run, and of one that cannot be read
// further on, no more is ever handed out in this run than was counted here.
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
  /// Where they stand, and pages 0 that are lost; the first ones.
  public var damagedRegions: [DamagedRegion] = []
  /// Frames whose device record is gone, so that nobody knows whose they are.
  public var orphanCount = 0
  /// Frames given up, by the records of it that are still there.
  public var droppedFrameCount = 0
  /// Whether the last batch was being written when the program ended.
  public var hasTornTail = false
  public init() {}

  @inline(never)
  mutating func add(_ regions: [DamagedRegion]) {
    for region in regions where damagedRegions.count < SpoolLimits.damagedRegionsMax {
      damagedRegions.append(region)
    }
  }
}

extension Spool where D: ~Copyable {
  /// Reads the spool from its checkpoint on, or all of it; to be called once, before anything else.
  public mutating func recover() -> RecoveryReport {
    var headers = RecoveryReport()
    var newest: SegmentHeader?
    for slot in 0..<segments.count { readHeader(slot, &headers, &newest) }
    sortOrder()
    var newestFound: UInt32 = 0
    for slot in order { newestFound = max(newestFound, Generation.age(segments[slot].generation)) }
    leaveOutVoid()
    headers.segmentCount = order.count
    for i in 0..<order.count {
      segments[order[i]].durableByteCount = geometry.segmentByteCount
      segments[order[i]].provenThrough = max(
        segments[order[i]].provenByTail,
        i + 1 < order.count ? proof(of: order[i], by: order[i + 1]) : 0)
    }

    let (readSegments, readOrder) = (segments, order)
    var report = headers
    var end = LogEnd()
    let first = checkpointPlace()
    var isComplete = first.map { replay(from: $0, &report, &end) } ?? false
    if !isComplete || mayHaveMoved(before: end.oldestGeneration) {
      (segments, order) = (readSegments, readOrder)
      table = DeviceTable(capacity: table.capacity, secret: secret)
      report = headers
      end = LogEnd()
      isComplete = replay(from: 0, &report, &end)
    } else if let first {
      checkpoint.resume(at: segments[readOrder[first]].generation)
    }
    counters.damagedByteCount += UInt64(report.damagedByteCount)
    for slot in order {
      let generation = segments[slot].generation
      if generation < end.oldestGeneration { segments[slot].use = .free }
    }
    leaveOutFree()
    let named = end.boot ?? newest.map { BootName(number: $0.boot, key: $0.bootKey) }
    // What could not be read may have newer generations; a gap keeps clear of them.
    let gap = UInt32(truncatingIfNeeded: secret % SpoolLimits.generationGapMax) &+ 1
    resume(
      durableThrough: end.durable, nextBatch: end.lastBatch &+ 1,
      generation: newestFound &+ UInt32(headers.unreadableSegmentCount) &+ gap,
      boot: bootNumber(after: named, end.lastBoot))
    for i in 0..<table.count { settle(DeviceIndex(i), &report) }
    if let (slot, image) = end.tail { resumeTail(slot, image) }
    if isComplete, report.unreadableSegmentCount == 0, let sound = end.sound {
      resumeSegment(sound)
      isBootNamed = isPresent(named)
    }
    reclaim()
    return report
  }

  /// Sorts the used segments by rank, and those of one rank by their places, as a heap: the library's sort
  /// is larger than most of this file.
  private mutating func sortOrder() {
    var end = order.count
    var start = end / 2
    while end > 1 {
      if start > 0 {
        start -= 1
      } else {
        end -= 1
        order.swapAt(0, end)
      }
      var place = start
      while place * 2 + 1 < end {
        var child = place * 2 + 1
        if child + 1 < end, stands(order[child], before: order[child + 1]) { child += 1 }
        guard stands(order[place], before: order[child]) else { break }
        order.swapAt(place, child)
        place = child
      }
    }
  }

  private mutating func stands(_ slot: Int, before other: Int) -> Bool {
    let rank = Generation.rank(segments[slot].generation)
    let otherRank = Generation.rank(segments[other].generation)
    return rank == otherRank ? slot < other : rank < otherRank
  }

  /// Whether frames may have been moved to cold segments after the last record of their device: the
  /// cold segments, which stand before the checkpoint, know more of it then.
  private func mayHaveMoved(before oldestGeneration: UInt32) -> Bool {
    guard coldCount > 0 else { return false }
    for entry in table.entries where entry.isUsed && entry.hasUndelivered {
      let isGone =
        entry.pin.generation < oldestGeneration || segment(of: entry.pin.generation) == nil
      if isGone, entry.coldPin == .nowhere { return true }
    }
    return false
  }

  /// What a replay knows of the log's end.
  private struct LogEnd {
    var lastBatch: UInt32 = 0
    var durable: UInt32 = 0
    var lastRecordCount = 0
    /// Main segments before this one hold nothing that counts.
    var oldestGeneration: UInt32 = 0
    /// The segment whose tail slot holds the last batch.
    var tail: (slot: Int, image: TailImage)?
    /// Where the next batch may stand.
    var sound: SoundEnd?
    /// The boot that a record of the last segment names, and the number of the last record's.
    var boot: BootName?
    var lastBoot: UInt16?
  }

  /// The end of a log that nothing was being written to: behind a segment's last batch.
  private struct SoundEnd {
    var slot: Int
    var offset: Int
  }

  /// A boot's number and what tells it from others.
  private struct BootName {
    var number: UInt16
    var key: UInt64
  }

  /// Where in `order` the newest checkpoint begins; `nil` where none can be relied upon.
  private func checkpointPlace() -> Int? {
    guard let newest = order.last(where: { segments[$0].firstBatch != nil }),
      !Generation.isCold(segments[newest].generation)
    else { return nil }
    let generation = segments[newest].firstBatch?.replayGeneration ?? 0
    guard generation != 0 else { return nil }
    let first = place(of: generation)
    guard first < order.count, segments[order[first]].previousGeneration < generation else {
      return nil
    }
    return first
  }

  /// The last batch of one segment.
  private struct SegmentEnd {
    var lastBatch: UInt32
    var durableThrough: UInt32
    var oldestGeneration: UInt32
    var batchCount: Int
    var recordCount: Int
    var isTorn: Bool
    /// The tail slot that holds it.
    var tail: TailImage?

    init(_ walker: borrowing SegmentWalker) {
      lastBatch = walker.lastBatch
      durableThrough = walker.durableThrough
      oldestGeneration = walker.oldestGeneration
      batchCount = walker.batchCount
      recordCount = walker.recordCount
      isTorn = walker.isTorn
    }
  }

  /// Applies the log from a place in `order` on; returns whether all of it was there.
  private mutating func replay(
    from first: Int, _ report: inout RecoveryReport, _ end: inout LogEnd
  ) -> Bool {
    var isComplete = true
    for i in first..<max(first, order.count) {
      let slot = order[i]
      let generation = segments[slot].generation
      walker.open(
        segment: slot, generation: generation, provenThrough: segments[slot].provenThrough)
      let before = end.lastBatch == 0 ? nil : end.lastBatch
      end.boot = nil
      if !recoverSegment(after: before, &report, &end) { isComplete = false }
      report.damagedByteCount += walker.takeDamage()
      report.add(lostHeader())
      report.add(walker.damagedRegions)
      var found = SegmentEnd(walker)
      // What a tail stands behind may be lost, and with it the records that a checkpoint begins with.
      if i == first, first > 0, found.lastBatch == 0 { isComplete = false }
      let isSound = !found.isTorn && !segments[slot].isAdopted
      let endOffset = walker.endOffset
      if !recoverTail(slot, after: before, &found, &report, &end) { isComplete = false }
      guard found.lastBatch != 0 else {
        // The first one was begun with records that are needed.
        if i == first { isComplete = false }
        if segments[slot].durableByteCount == geometry.segmentByteCount {
          segments[slot].use = .free
        }
        continue
      }
      // The rest of a batch that the segment before holds more of: its commit failed there, or it was a
      // tail, and was tried again here. Reading on from here would miss the frames that only the other
      // copy has.
      if found.isTorn, found.batchCount == 1, found.lastBatch == end.lastBatch,
        found.recordCount < end.lastRecordCount
      {
        segments[slot].use = .free
        if i == order.count - 1 { report.hasTornTail = true }
        continue
      }
      // Cold segments count their batches by themselves.
      if Generation.isCold(generation) { continue }
      end.lastBatch = found.lastBatch
      end.oldestGeneration = found.oldestGeneration
      end.lastRecordCount = found.recordCount
      end.durable =
        found.isTorn || found.tail != nil ? found.durableThrough : found.lastBatch
      end.tail = found.tail.map { (slot, $0) }
      newestGeneration = generation
      end.sound =
        isSound && !found.isTorn && i == order.count - 1
        ? SoundEnd(slot: slot, offset: endOffset) : nil
      if i == order.count - 1 { report.hasTornTail = found.isTorn }
    }
    return isComplete && report.damagedByteCount == 0 && report.orphanCount == 0
  }

  /// Applies what a segment's tail slots hold beyond its other batches; returns whether no batch was
  /// missing before it.
  private mutating func recoverTail(
    _ slot: Int, after before: UInt32?, _ found: inout SegmentEnd, _ report: inout RecoveryReport,
    _ end: inout LogEnd
  ) -> Bool {
    if Generation.isCold(segments[slot].generation) { return true }
    let newest: TailImage?
    do { newest = try newestTail(of: slot) } catch { return false }
    guard let newest, newest.batch >= found.lastBatch else { return true }
    let isHome = newest.batch == found.lastBatch
    // Written home as well: the slot is of use when that was cut off.
    if isHome, !found.isTorn || newest.recordCount <= found.recordCount { return true }
    openTailSlot(slot, newest.offset)
    let known = found.lastBatch != 0 ? found.lastBatch : before
    let isComplete = recoverSegment(after: isHome ? nil : known, &report, &end)
    let batchCount = found.batchCount + (isHome ? 0 : 1)
    found = SegmentEnd(walker)
    found.batchCount = batchCount
    found.tail = newest
    return isComplete
  }

  /// Goes on writing where the log ends: a start costs no segment, however often the power fails.
  private mutating func resumeSegment(_ end: SoundEnd) {
    writeSegment = end.slot
    writeOffset = end.offset
    segments[end.slot].durableByteCount = end.offset
    // All of it was sound just now, and batches of this start follow.
    segments[end.slot].provenThrough = .max
    // The slot with the tail stays whole until the other one has it.
    if let tail { tailSlot = tail.offset == SpoolLimits.pageByteCount ? 1 : 0 }
    moveTail()
    if checkpoint.generation == 0 { checkpoint.begin(at: segments[end.slot].generation) }
  }

  /// Ends the recovery of a device.
  private mutating func settle(_ device: DeviceIndex, _ report: inout RecoveryReport) {
    guard table[device].isUsed else { return }
    table[device].sent = table[device].acknowledged
    table[device].written = table[device].last
    table[device].headBatch = 0
    // Also what was read of a torn batch is there for good.
    table[device].lastBatch = 0
    restorePins(device)
    if table[device].hasUndelivered, table[device].firstPin == .nowhere {
      // Nothing is left that could hold them.
      drop(device, through: table[device].last, count: undeliveredCount(device), .damaged)
    }
    report.deviceCount += 1
    report.undeliveredCount += undeliveredCount(device)
    report.droppedFrameCount += table[device].dropped.total
  }

  /// Takes over the places that records named, as far as they are there.
  ///
  /// Where a segment is gone, what was in it is done with, or was moved: the next one is the first
  /// that may hold a frame, and so is the oldest cold one.
  private mutating func restorePins(_ device: DeviceIndex) {
    let (pin, coldPin) = (table[device].pin, table[device].coldPin)
    (table[device].pin, table[device].coldPin) = (.nowhere, .nowhere)
    guard table[device].hasUndelivered else { return }
    if pin != .nowhere, let place = existing(pin), !Generation.isCold(place.generation) {
      setPin(device, place)
    }
    guard coldPin != .nowhere || segment(of: pin.generation) == nil else { return }
    if let place = existing(coldPin), Generation.isCold(place.generation) {
      setColdPin(device, place)
      table[device].coldEnd = segments[order[coldCount - 1]].generation
    }
  }

  /// A place, or the first one behind it that is there.
  private func existing(_ pin: LogPosition) -> LogPosition? {
    let place = place(of: pin.generation)
    guard place < order.count else { return nil }
    let generation = segments[order[place]].generation
    return generation == pin.generation ? pin : firstBatch(of: generation)
  }

  /// The number of the present boot: of the newest one that is named, if this is it, or another one.
  private func bootNumber(after newest: BootName?, _ last: UInt16?) -> UInt16 {
    if let newest, isPresent(newest) { return newest.number }
    return max(newest?.number ?? 0, last ?? 0) &+ 1
  }

  private func isPresent(_ boot: BootName?) -> Bool {
    guard let boot else { return false }
    return bootKey != 0 && boot.key == bootKey
  }

  /// Reads page 0 and the first page of batches.
  private mutating func readHeader(
    _ slot: Int, _ report: inout RecoveryReport, _ newest: inout SegmentHeader?
  ) {
    let page = SpoolLimits.pageByteCount
    let first = SpoolLimits.reservedPageCount * page
    do {
      try disk.readPatiently(
        segment: slot, offset: 0, into: walker.buffer, at: 0, count: first + page)
    } catch {
      segments[slot].use = .foreign
      report.unreadableSegmentCount += 1
      return
    }
    let batch = BatchHeader.newest(atStartOf: walker.buffer, crc)
    if SegmentJudge.isForeign(walker.buffer, crc) {
      segments[slot].use = .foreign
      report.foreignSegmentCount += 1
      return
    }
    switch SegmentHeader.read(walker.buffer, at: 0, crc) {
    case .none, .foreign:
      if let batch { adopt(slot, as: batch) }
    case .header(let header):
      // Where page 0 of a later use never arrived, its first batch may have. What the segment held
      // before is done with then.
      if let batch, Generation.age(batch.generation) > Generation.age(header.generation) {
        adopt(slot, as: batch)
      } else {
        var state = SegmentState(generation: header.generation)
        state.previousGeneration = header.previousGeneration
        if batch?.generation == header.generation { state.firstBatch = batch }
        segments[slot] = state
        if Generation.age(header.generation) > Generation.age(newest?.generation ?? 0) {
          newest = header
        }
        uuidLow = header.uuidLow
        uuidHigh = header.uuidHigh
        order.append(slot)
      }
    }
    segments[slot].provenByTail = provenByTail(slot)
  }

  /// The batch up to which all of a segment was durable when one of its tail slots was written.
  private func provenByTail(_ slot: Int) -> UInt32 {
    var proven: UInt32 = 0
    for page in 1..<SpoolLimits.reservedPageCount {
      let header = BatchHeader.read(
        walker.buffer, at: page * SpoolLimits.pageByteCount, generation: segments[slot].generation,
        crc)
      proven = max(proven, header?.durableThrough ?? 0)
    }
    return proven
  }

  /// Takes a segment without a valid page 0 for what its first batch says it is.
  @inline(never)
  private mutating func adopt(_ slot: Int, as first: BatchHeader) {
    var state = SegmentState(generation: first.generation)
    state.previousGeneration = first.previousGeneration
    state.isAdopted = true
    state.firstBatch = first
    segments[slot] = state
    order.append(slot)
  }

  /// Leaves out segments that were never part of the log: the next one names an older one as the one
  /// before it. They hold a batch whose commit failed, and which stands in the next one too.
  ///
  /// Of a segment whose page 0 is lost, the first batch may be of a use that was void; it counts only
  /// if the next segment names exactly this one.
  private mutating func leaveOutVoid() {
    guard var next = order.last else { return }
    for i in stride(from: order.count - 2, through: 0, by: -1) {
      if Generation.isCold(segments[order[i]].generation) { break }
      let slot = order[i]
      let generation = segments[slot].generation
      let named = segments[next].previousGeneration
      if segments[slot].isAdopted ? named != generation : named < generation {
        segments[slot].use = .free
      } else {
        next = slot
      }
    }
    leaveOutFree()
  }

  /// The batch up to which all of a segment was durable, as the segment used right after it knew
  /// when it was started; zero when that cannot be told.
  private func proof(of slot: Int, by next: Int) -> UInt32 {
    guard segments[next].previousGeneration == segments[slot].generation else { return 0 }
    return segments[next].firstBatch?.durableThrough ?? 0
  }

  /// The page 0 of the segment that was walked, if it is lost: it was synced with the first batch, so
  /// that it was there if another batch follows.
  func lostHeader() -> [DamagedRegion] {
    guard segments[walker.segment].isAdopted, walker.batchCount > 1 else { return [] }
    return [
      DamagedRegion(
        segment: walker.segment, generation: walker.generation,
        range: 0..<SpoolLimits.pageByteCount)
    ]
  }

  /// Applies the records of the segment or tail slot that was opened; returns whether no batch was missing
  /// after `before`, or after the first where that is `nil`.
  private mutating func recoverSegment(
    after before: UInt32?, _ report: inout RecoveryReport, _ end: inout LogEnd
  ) -> Bool {
    var newest = before
    var isComplete = true
    var batchCount = 0
    while true {
      do {
        let record = try walker.next(&disk, limit: geometry.segmentByteCount)
        // Also a batch without a record that counts has something to say.
        if walker.batchCount > batchCount, !Generation.isCold(walker.generation) {
          // Every batch names the one that was durable when it was begun: in its segment the one before
          // it, or that is missing, or stands in another's place.
          let durable = walker.durableThrough
          if let newest, durable > newest || batchCount > 0 && durable < newest {
            isComplete = false
            // Before a tail, nothing else tells of it.
            if walker.isInTailSlot { report.damagedByteCount += SpoolLimits.pageByteCount }
          }
          batchCount = walker.batchCount
          newest = walker.lastBatch
        }
        guard let record else { return isComplete }
        apply(record, &report, &end)
      } catch {
        // Numbers beyond this place may be given out again.
        if !walker.isInTailSlot {
          segments[walker.segment].durableByteCount = walker.nextOffset
        }
        report.unreadableSegmentCount += 1
        return false
      }
    }
  }

  private mutating func apply(
    _ record: WalkedRecord, _ report: inout RecoveryReport, _ end: inout LogEnd
  ) {
    guard let type = RecordType(rawValue: record.header.type) else { return }
    if !Generation.isCold(record.place.generation) { end.lastBoot = record.header.boot }
    switch type {
    case .device: applyDevice(record)
    case .data, .relocated: applyFrame(record, &report)
    case .acknowledgements:
      var offset = record.payload.lowerBound
      while offset + 8 <= record.payload.upperBound {
        advance(
          number: walker.buffer.loadUInt32(at: offset),
          to: SequenceNumber(walker.buffer.loadUInt32(at: offset + 4)))
        offset += 8
      }
    case .time: break
    case .boot:
      guard record.payload.count >= 8 else { return }
      end.boot = BootName(
        number: record.header.boot, key: walker.buffer.loadUInt64(at: record.payload.lowerBound))
    case .drop:
      guard let note = DropNote.read(walker.buffer, record.payload) else { return }
      if let device = table.find(number: note.device) {
        table[device].dropped.merge(note.dropped)
      } else {
        report.droppedFrameCount += note.dropped.total
      }
      advance(number: note.device, to: note.last)
    }
  }

  private mutating func applyFrame(_ record: WalkedRecord, _ report: inout RecoveryReport) {
    report.frameCount += 1
    guard let device = table.find(number: record.header.device) else {
      report.orphanCount += 1
      table.reserve(number: record.header.device)
      return
    }
    let sequence = record.header.sequence
    if sequence.isAfter(table[device].last) { table[device].last = sequence }
    if sequence.isAfter(table[device].acknowledged) { notePin(device, record.place) }
  }

  private mutating func applyDevice(_ record: WalkedRecord) {
    let buffer = walker.buffer
    guard let found = DeviceRecord.read(buffer, record.payload) else { return }
    let number = record.header.device
    guard found.nameByteCount > 0 else { return table.reserve(number: number) }
    var key = DeviceKey(family: found.family, form: found.form)
    for i in found.name(in: record.payload) { key.append(buffer.loadUInt8(at: i)) }
    guard let device = table.restore(number: number, key) else { return }
    let last = record.header.sequence
    let isKnown = table[device].recordGeneration != 0
    // One in a cold segment is not found by a start from the checkpoint.
    let isCold = Generation.isCold(record.place.generation)
    table[device].recordGeneration = isCold ? 1 : record.place.generation
    table[device].dropped.merge(found.dropped)
    if !isKnown {
      table[device].last = last
      table[device].acknowledged = found.acknowledged
    }
    // An older record comes again where a failed commit was repeated.
    if !isKnown || !table[device].last.isAfter(last) {
      buffer.withBytes(found.login(in: record.payload)) { login in _ = setLogin(device, login) }
    }
    // Frames before this record may not have validated; the sweep will miss them and count them.
    if last.isAfter(table[device].last) { table[device].last = last }
    advance(number: number, to: found.acknowledged)
    guard table[device].hasUndelivered else { return }
    if found.firstColdGeneration != 0 {
      notePin(device, firstBatch(of: found.firstColdGeneration))
    }
    if found.firstGeneration != 0 {
      notePin(device, firstBatch(of: found.firstGeneration))
    } else if found.firstColdGeneration == 0 {
      notePin(device, record.place)
    }
  }

  /// Notes where the first undelivered frame may lie, unless an earlier place is known.
  private mutating func notePin(_ device: DeviceIndex, _ place: LogPosition) {
    if Generation.isCold(place.generation) {
      if table[device].coldPin == .nowhere { table[device].coldPin = place }
    } else if table[device].pin == .nowhere {
      table[device].pin = place
    }
  }

  @inline(never)
  private mutating func advance(number: UInt32, to sequence: SequenceNumber) {
    guard let device = table.find(number: number) else {
      table.reserve(number: number)
      return
    }
    guard sequence.isAfter(table[device].acknowledged) else { return }
    table[device].acknowledged = sequence
    if sequence.isAfter(table[device].last) { table[device].last = sequence }
    guard !table[device].hasUndelivered else { return }
    table[device].pin = .nowhere
    table[device].coldPin = .nowhere
  }
}
