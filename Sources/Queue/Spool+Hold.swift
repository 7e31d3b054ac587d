// Holding: a frame that the platform confirms in time is never written.
//
//   append(.held) -> gathering batch -> proven in time: left out when the batch is looked through
//                                    -> not proven in time, its session ended, or the batch is written
//                                       for another reason: written
//
// Nothing was answered for a held frame before one of the two, so a crash costs nothing that was
// promised. The batch is looked through in memory before every commit: records of delivered frames are
// taken out, those behind them move up, and the device records that remain say how far their devices
// have come, so that the numbers that are missing on disk are known to be done with. A device without a
// frame left in the batch loses its record there, and gets another one with its next frame.
// What the operator gives up meanwhile is written all the same, so that its answer is true.
// The same makes room while the disk fails: what the platform has confirmed needs no disk.
// Invariant: every frame in the gathering batch that is not delivered is written when `dueAt` or its
// own time has come; `written` is the newest frame of a device that is on disk or on its way there.
// Source: spool document, section 3.3.

extension Spool where D: ~Copyable {
  /// Lets a device's held frames up to `sequence` wait for their proof until `end`: the platform's
  /// kernel has them.
  public mutating func hold(
    _ device: DeviceIndex, through sequence: SequenceNumber, until end: Instant
  ) {
    table[device].heldThrough = sequence
    table[device].heldUntil = end
  }

  /// Has a device's name and login written with the next commit, whatever becomes of its frames; `nil`
  /// when there is no room now. They are durable once the ticket is.
  public mutating func storeRecord(_ device: DeviceIndex, now: Instant) -> UInt32? {
    guard openBatch(RecordHeader.stride(table.recordByteCount(device)), now),
      var batch = gathering
    else { return nil }
    if batch.recordCount == 0 { batch.openedAt = timeBase(of: batch, now) }
    appendDeviceRecord(device, &batch, now)
    table[device].isRecordWanted = true
    batch.dueAt = min(batch.dueAt, now.advanced(by: SpoolLimits.commitDelay))
    gathering = batch
    return batch.ticket
  }

  /// Whether a frame of the device is in the gathering batch, and not in a tail in front of it only.
  func isGathered(_ device: DeviceIndex) -> Bool {
    table[device].lastBatch == gathering?.number
      && table[device].last.isAfter(table[device].written)
  }

  /// Has a device's held frames written now: the session that was to deliver them has ended.
  mutating func hasten(_ device: DeviceIndex) {
    guard isGathered(device), table[device].hasUndelivered else { return }
    gathering?.dueAt = .origin
  }

  /// Counts the delivered frames of the gathering batch, about.
  mutating func noteDelivered(
    _ device: DeviceIndex, after before: SequenceNumber, through sequence: SequenceNumber
  ) {
    guard isGathered(device), sequence.isAfter(table[device].written) else { return }
    gathering?.deliveredCount += sequence.distance(after: before)
  }

  /// Takes delivered frames out of the gathering batch, and finds out when the rest is due.
  mutating func shrinkGathering(_ now: Instant) {
    guard var batch = gathering else { return }
    if batch.deliveredCount > 0 {
      batch.deliveredCount = 0
      let kept = markKept(batch)
      if kept.frameCount < batch.frameCount {
        takeOut(&batch, since: kept.firstDelta)
        counters.sparedFrameCount += UInt64(batch.frameCount - kept.frameCount)
        batch.frameCount = kept.frameCount
        if batch.recordCount == 0 { batch.dueAt = .never }
      }
    }
    // Until then it is right or early: frames are taken out, and their time is extended.
    if now >= batch.heldUntil { batch.heldUntil = heldUntil(of: batch) }
    gathering = batch
  }

  /// Marks the devices that have a frame left in the batch; counts the frames that are left, and says
  /// when the first of them came.
  private mutating func markKept(_ batch: OpenBatch) -> (frameCount: Int, firstDelta: UInt16) {
    var frameCount = 0
    var firstDelta = UInt16.max
    batch.forEachRecord(in: buffers[batch.buffer]) { _, header in
      guard let device = table.find(number: header.device) else { return }
      if header.type == RecordType.device.rawValue {
        table[device].isKept = table[device].isRecordWanted
      } else if header.sequence.isAfter(table[device].spared) {
        table[device].isKept = true
        frameCount += 1
        firstDelta = min(firstDelta, header.delta)
      }
    }
    return (frameCount, firstDelta)
  }

  /// Moves up what is left, and counts its time from `firstDelta` on.
  private mutating func takeOut(_ batch: inout OpenBatch, since firstDelta: UInt16) {
    let buffer = buffers[batch.buffer]
    let seed = seed(of: batch)
    var end = SpoolLimits.pageByteCount + BatchHeader.byteCount
    var count = 0
    batch.forEachRecord(in: buffer) { offset, header in
      guard let device = table.find(number: header.device) else { return }
      let isRecord = header.type == RecordType.device.rawValue
      let spared = table[device].spared
      if isRecord, !table[device].isKept { return forgetRecord(of: device) }
      if !isRecord, !header.sequence.isAfter(spared) { return }
      if end != offset { buffer.move(from: offset, to: end, count: header.strideByteCount) }
      var header = header
      if isRecord {
        if spared.isAfter(header.sequence) { header.sequence = spared }
        refreshRecord(of: device, header.payload(at: end))
      }
      header.delta -= min(header.delta, firstDelta)
      header.seal(in: buffer, at: end, seed: seed, crc)
      end += header.strideByteCount
      count += 1
    }
    if count > 0 { batch.openedAt = batch.openedAt.advanced(by: Int(firstDelta)) }
    batch.byteCount = end - SpoolLimits.pageByteCount
    batch.recordCount = count
  }

  /// When the first frame of the batch has been held long enough.
  private func heldUntil(of batch: OpenBatch) -> Instant {
    var earliest = Instant.never
    batch.forEachRecord(in: buffers[batch.buffer]) { _, header in
      guard header.type != RecordType.device.rawValue,
        let device = table.find(number: header.device)
      else { return }
      let entry = table[device]
      var end = batch.openedAt.advanced(by: Int(header.delta) + holdMilliseconds)
      if !header.sequence.isAfter(entry.heldThrough) { end = max(end, entry.heldUntil) }
      earliest = min(earliest, end)
    }
    return earliest
  }

  /// Notes that the frames of a batch are on their way to the disk, and in which segment; its records stand as if
  /// its header were at `start`.
  mutating func noteWritten(_ batch: OpenBatch, at start: Int) {
    batch.forEachRecord(in: buffers[batch.buffer], at: start) { _, header in
      guard let device = table.find(number: header.device) else { return }
      if header.type == RecordType.data.rawValue {
        segments[batch.segment].presence.insert(device)
        table[device].written = header.sequence
        table[device].writtenAfter = nil
      } else if header.type == RecordType.device.rawValue {
        table[device].isRecordWanted = false
      }
    }
  }

  /// Opens a batch that is written before `held`, whose frames go on waiting; `nil` when there is no
  /// room for both.
  mutating func openAhead(of held: OpenBatch, _ now: Instant) -> OpenBatch? {
    let byteCount = BatchHeader.paged(BatchHeader.byteCount + noteReserve)
    guard byteCount + held.byteCount <= roomForBatch else { return nil }
    // A round that ends meanwhile must not count on the records that go on waiting.
    held.forEachRecord(in: buffers[held.buffer]) { _, header in
      guard header.type == RecordType.device.rawValue,
        let device = table.find(number: header.device)
      else { return }
      table[device].recordGeneration = 1
      checkpoint.revisit(device.rawValue)
    }
    var ahead = OpenBatch(
      buffer: 1 - held.buffer, segment: held.segment, generation: held.generation,
      number: held.number, byteCount: BatchHeader.byteCount, byteCountMax: roomForBatch,
      openedAt: now, isAhead: true, offset: writeOffset)
    ahead.openedAt = timeBase(of: ahead, now)
    return ahead
  }

  /// Gives the gathering batch another number: one with its number is written before it.
  mutating func renumberGathering() {
    guard var held = gathering else { return }
    let former = held.number
    let number = nextBatch
    nextBatch &+= 1
    held.number = number
    reseal(held, buffers[held.buffer], at: SpoolLimits.pageByteCount)
    held.forEachRecord(in: buffers[held.buffer]) { _, header in
      guard let device = table.find(number: header.device) else { return }
      if header.type == RecordType.data.rawValue {
        table[device].lastBatch = number
      } else if table[device].headBatch == former {
        table[device].headBatch = number
      }
    }
    gathering = held
  }

  /// A device whose record was taken out needs another one: before its next frame, and in this round
  /// of the checkpoint.
  private mutating func forgetRecord(of device: DeviceIndex) {
    table[device].headBatch = 0
    guard table[device].recordGeneration != 0 else { return }
    table[device].recordGeneration = 1
    checkpoint.revisit(device.rawValue)
  }

  /// Writes what is true of a device now into its record that stays.
  private func refreshRecord(of device: DeviceIndex, _ payload: Range<Int>) {
    let buffer = buffers[gathering?.buffer ?? 0]
    guard var record = DeviceRecord.read(buffer, payload) else { return }
    let entry = table[device]
    record.acknowledged = entry.spared
    record.firstGeneration = entry.pin.generation
    record.firstColdGeneration = entry.coldPin.generation
    record.dropped = entry.dropped
    // One from before the operator's first drop has no room for that; another one follows it.
    if record.payloadByteCount > payload.count { record.dropped.byOperator = 0 }
    record.write(to: buffer, at: payload.lowerBound)
  }
}
