// Moving the few undelivered frames of the oldest main segment to a cold segment, so that the devices
// whose upstream does not come keep neither the segment nor the ring.
//
//   oldest main segment --walk--> frames not delivered --one commit each--> cold segment
//   all of them durable there: the pins move on, the segment is free
//
// The oldest main segment is always the one that is moved, and its frames are appended to the newest
// cold one: so all cold frames of a device are older than its main ones, and stand in order. Nothing
// depends on a relocation that fails: the frames are where they were, and a frame that is found twice
// is handed out once. A segment that is mostly undelivered is not worth it and waits for eviction.
//
// A device may have a tenth of the ring in cold segments; with more, it loses those of its frames, and
// no other device's. All devices together may have half of the ring.
// Source: spool document, section 2.7.

/// A relocation between two of its commits.
struct Relocation {
  var generation: UInt32
  /// The batch of the source to go on with.
  var offset = SpoolLimits.reservedPageCount * SpoolLimits.pageByteCount
  /// Whether the commit under way carries the last of its frames.
  var isLast = false
  /// When its next commit may start; later than at once where the last one failed.
  var dueAt = Instant.origin
}

/// Where the next relocated frames go.
struct ColdTarget {
  /// -1 is none yet.
  var segment = -1
  var offset = 0
  /// The last batch that was started in the segment; they are numbered from 1.
  var batch: UInt32 = 0
}

extension Spool where D: ~Copyable {
  /// Begins to move the oldest main segment's frames, if that is worth it.
  mutating func beginRelocation() {
    guard relocation == nil else { return }
    freeDeadColdSegments()
    let place = coldCount
    guard place < order.count else { return }
    let slot = order[place]
    let generation = segments[slot].generation
    guard slot != writeSegment, slot != gathering?.segment, slot != underWay?.segment,
      !checkpoint.covers(generation),
      place < segments.count / SpoolLimits.coldShare,
      let liveByteCount = liveByteCount(of: slot),
      liveByteCount <= geometry.segmentByteCount / SpoolLimits.relocationShare
    else { return }
    relocation = Relocation(generation: generation)
  }

  /// Frees cold segments that stand between those with undelivered frames.
  private mutating func freeDeadColdSegments() {
    let count = coldCount
    guard count > 1 else { return }
    // How many devices' frames begin or end at each place.
    var change = [Int](repeating: 0, count: count + 1)
    for entry in table.entries where entry.coldPin != .nowhere {
      let first = place(of: entry.coldPin.generation)
      change[first] += 1
      change[min(max(place(of: entry.coldEnd), first), count - 1) + 1] -= 1
    }
    var deviceCount = 0
    for i in 0..<count {
      deviceCount += change[i]
      let slot = order[i]
      guard deviceCount == 0, slot != cold.segment, slot != underWay?.segment else { continue }
      segments[slot].use = .free
      segments[slot].notes = queuedNotes
    }
    leaveOutFree()
  }

  /// Bytes of frames in a segment that are still to be delivered; `nil` when it cannot be read.
  private mutating func liveByteCount(of slot: Int) -> Int? {
    openSource(slot, firstBatch(of: segments[slot].generation).offset)
    var byteCount = 0
    while let record = nextOfSource(slot) {
      guard let record else { return nil }
      if record.isFrame, isLive(record) { byteCount += record.header.strideByteCount }
    }
    return byteCount
  }

  private mutating func openSource(_ slot: Int, _ offset: UInt32) {
    sweep.stop()
    walker.open(
      segment: slot, generation: segments[slot].generation,
      provenThrough: segments[slot].provenThrough, offset: Int(offset))
  }

  /// The next record of the segment; `nil` outside at its end, and inside when it cannot be read.
  @inline(never)
  private mutating func nextOfSource(_ slot: Int) -> WalkedRecord?? {
    do {
      guard let record = try walker.next(&disk, limit: segments[slot].durableByteCount) else {
        return nil
      }
      return record
    } catch {
      return .some(nil)
    }
  }

  private func isLive(_ record: WalkedRecord) -> Bool {
    guard let device = table.find(number: record.header.device) else { return false }
    let sequence = record.header.sequence
    guard sequence.isAfter(table[device].acknowledged) else { return false }
    let moved = table[device].coldUnderWay ?? table[device].coldLast
    return moved.map { sequence.isAfter($0) } ?? true
  }

  /// Starts a commit of frames that are being moved; returns whether there was one to start.
  mutating func startRelocationCommit(_ now: Instant) -> Bool {
    guard let source = relocation, let slot = segment(of: source.generation),
      var batch = openColdBatch(now)
    else {
      abortRelocation()
      return false
    }
    openSource(slot, UInt32(source.offset))
    relocation?.isLast = true
    while let record = nextOfSource(slot) {
      guard let record else {
        abortRelocation()
        return false
      }
      if record.header.type == RecordType.device.rawValue { noteLogin(record) }
      guard record.isFrame, isLive(record) else { continue }
      if !relocate(record, &batch, now) {
        relocation?.offset = Int(record.place.offset)
        relocation?.isLast = false
        break
      }
    }
    if batch.recordCount > 0 {
      cold.batch = batch.number
      startCold(&batch, now)
      return true
    }
    if relocation?.isLast ?? true {
      endRelocation(slot)
    } else if cold.batch > 0 {
      // The frame has no room in the rest of the cold segment.
      cold.segment = -1
    } else {
      abortRelocation()
    }
    return false
  }

  private mutating func abortRelocation() {
    relocation = nil
    for i in 0..<table.count { table.entries[i].coldUnderWay = nil }
  }

  /// A batch in the cold segment, which is taken anew when it is full.
  private mutating func openColdBatch(_ now: Instant) -> OpenBatch? {
    if cold.segment < 0 || cold.offset + SpoolLimits.pageByteCount > geometry.segmentByteCount {
      guard let slot = freeSegment(avoiding: nil),
        segments[slot].notes.isCovered(by: durableNotes)
      else { return nil }
      cold = ColdTarget(
        segment: slot, offset: SpoolLimits.reservedPageCount * SpoolLimits.pageByteCount)
      take(slot, as: nextGeneration | Generation.coldBit)
      order.insert(slot, at: coldCount)
    }
    relocationCount &+= 1
    return OpenBatch(
      buffer: gathering.map { 1 - $0.buffer } ?? 0,
      segment: cold.segment,
      generation: segments[cold.segment].generation,
      number: cold.batch + 1,
      byteCount: BatchHeader.byteCount,
      byteCountMax: min(SpoolLimits.batchBytesMax, geometry.segmentByteCount - cold.offset),
      openedAt: now,
      isRelocation: true,
      offset: cold.offset)
  }

  /// Copies a frame, and its device's name and login before the first one; returns whether it fits.
  private mutating func relocate(
    _ record: WalkedRecord, _ batch: inout OpenBatch, _ now: Instant
  ) -> Bool {
    guard let device = table.find(number: record.header.device) else { return true }
    let needsHead = table[device].coldHead != relocationCount
    let head = needsHead ? RecordHeader.stride(coldHeadByteCount(device)) : 0
    let payloadByteCount = 4 + record.payload.count
    let byteCount = RecordHeader.stride(payloadByteCount)
    guard batch.byteCount + head + byteCount <= batch.byteCountMax else { return false }
    if needsHead {
      appendDeviceRecord(
        device, &batch, now, login: table[device].sweepLogin,
        before: SequenceNumber(record.header.sequence.rawValue &- 1))
      table[device].coldHead = relocationCount
    }
    let buffer = buffers[batch.buffer]
    let offset = SpoolLimits.pageByteCount + batch.byteCount
    let payload = offset + RecordHeader.byteCount
    buffer.store(record.monotonicMilliseconds, at: payload)
    walker.buffer.withBytes(record.payload) { buffer.store($0, at: payload + 4) }
    var header = record.header
    header.type = RecordType.relocated.rawValue
    header.payloadByteCount = payloadByteCount
    seal(header, &batch)
    segments[batch.segment].presence.insert(device)
    table[device].coldUnderWay = record.header.sequence
    table[device].coldByteCount += byteCount
    counters.relocatedFrameCount += 1
    return true
  }

  private func coldHeadByteCount(_ device: DeviceIndex) -> Int {
    DeviceRecord.payloadByteCount(
      name: table[device].key.count, login: table[device].sweepLogin.count, table[device].dropped)
  }

  /// Takes the result of a commit of moved frames.
  mutating func relocationFinished(_ batch: OpenBatch, _ error: DiskError?, now: Instant) {
    for i in 0..<table.count {
      guard let sequence = table.entries[i].coldUnderWay else { continue }
      table.entries[i].coldUnderWay = nil
      if error == nil {
        noteRelocated(
          DeviceIndex(i), sequence,
          LogPosition(generation: batch.generation, offset: UInt32(batch.offset)))
      }
    }
    guard error == nil else {
      counters.failedCommitCount += 1
      // From the beginning, later; what is durable in another cold segment is not copied again.
      if let source = relocation {
        relocation = Relocation(
          generation: source.generation, dueAt: now.advanced(by: SpoolLimits.failedCommitDelay))
      }
      // Nothing is written behind what may be torn.
      cold.segment = -1
      if segments[batch.segment].durableByteCount == 0 {
        giveBack(batch.segment)
        leaveOutFree()
      }
      return
    }
    segments[batch.segment].durableByteCount = cold.offset
    counters.writtenByteCount += UInt64(BatchHeader.paged(batch.byteCount))
    sweep.mayHaveWork = true
    guard let source = relocation, source.isLast else { return }
    guard let slot = segment(of: source.generation) else {
      relocation = nil
      return
    }
    endRelocation(slot)
  }

  private mutating func noteRelocated(
    _ device: DeviceIndex, _ sequence: SequenceNumber, _ place: LogPosition
  ) {
    table[device].coldLast = sequence
    table[device].coldEnd = place.generation
    guard sequence.isAfter(table[device].acknowledged) else { return }
    if table[device].coldPin == .nowhere { setColdPin(device, place) }
    guard table[device].coldByteCount > Int(geometry.byteCount) / SpoolLimits.coldDeviceShare,
      fullPolicy == .dropOldest
    else { return }
    let count = sequence.distance(after: table[device].acknowledged)
    drop(device, through: sequence, count: count, .evicted)
    setColdPin(device, .nowhere)
    if !table[device].hasUndelivered { clearPins(device) }
  }

  /// Everything undelivered of the source is durable elsewhere.
  private mutating func endRelocation(_ slot: Int) {
    relocation = nil
    passPins(of: segments[slot].generation)
    queuedNotes.relocations += 1
    reclaim()
    if isShortOfSegments { beginRelocation() }
  }

  /// Frees the oldest main segments in which nothing is left to be delivered: a device whose next frame is
  /// still to be written has its pin where the last one was.
  mutating func freeDelivered() {
    while freeSegment(avoiding: nil) == nil, coldCount < order.count - 1 {
      let slot = order[coldCount]
      guard slot != writeSegment, slot != gathering?.segment, slot != underWay?.segment,
        liveByteCount(of: slot) == 0
      else { return }
      let usedCount = order.count
      passPins(of: segments[slot].generation)
      reclaim()
      if order.count == usedCount { return }
    }
  }

  /// Moves the pins of a main segment to the next one, for what is not in a cold one.
  private mutating func passPins(of generation: UInt32) {
    let successor = firstBatch(of: segments[order[place(of: generation) + 1]].generation)
    for i in 0..<table.count where table.entries[i].pin.generation == generation {
      let device = DeviceIndex(i)
      let moved = table[device].coldLast ?? table[device].acknowledged
      let done = moved.isAfter(table[device].acknowledged) ? moved : table[device].acknowledged
      setPin(device, table[device].last.isAfter(done) ? successor : .nowhere)
    }
  }
}
