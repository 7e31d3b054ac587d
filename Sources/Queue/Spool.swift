// The disk queue: frames in, frames out in order per device, nothing lost that was durable.
//
//   append -> [gathering batch] -> commitIfDue -> [batch under way] -> commitFinished -> durable
//   durable -> nextStored (the sweep) -> upstream session -> acknowledge -> reclaim
//
// Two buffers: one gathers while the other is under way. One commit at a time; batch k+1 is not
// started before batch k is durable, which is what makes `durableThrough` true. A failed commit is
// never synced again: its batch is sealed anew and written to another segment.
//
// Segments are used in a ring by generation. The oldest is free again when no device's first
// undelivered frame can lie in it; when there is none to free, the oldest is evicted and every frame
// in it that was not delivered is counted as dropped, on disk as well.
//
// Memory: two batch buffers, one read window, and O(devices + segments).
// Not here yet, and part of the format already: tail slots, checkpoint, relocation (docs/SPOOL.md).
// Source: spool document, section 2.

/// What became of a frame that was to be stored.
public enum AppendResult: Equatable, Sendable {
  /// It is durable once `batch` is; `generation` says where, for `acknowledge`.
  case stored(SequenceNumber, batch: UInt32, generation: UInt32)
  /// No room before the commit under way has ended: offer it again then.
  case full
}

/// A batch being gathered or written.
struct OpenBatch {
  var buffer: Int
  var segment: Int
  var generation: UInt32
  var number: UInt32
  /// Bytes used, header included.
  var byteCount: Int
  var byteCountMax: Int
  var recordCount = 0
  var openedAt: Instant
  /// Where it is being written; meaningless before the commit starts.
  var offset = 0
}

/// What the spool knows of one segment file.
struct SegmentState {
  enum Use: Equatable {
    case free
    case used
    /// Belongs to a version this one does not know: neither read nor written.
    case foreign
  }

  var use = Use.free
  var generation: UInt32 = 0
  /// Devices whose first undelivered frame may lie here.
  var pinCount = 0
  /// Bytes from the start that may be read back.
  var durableByteCount = 0
  /// Batches up to this number were durable, known from the next segment.
  var provenThrough = UInt32.max
}

/// A disk-backed queue of frames, ordered per device.
public struct Spool<D: Disk & ~Copyable>: ~Copyable {
  public var disk: D
  public let geometry: SpoolGeometry
  var table: DeviceTable
  var segments: [SegmentState]
  /// Used segments, oldest generation first.
  var order: [Int] = []
  let crc = CRC32C()
  let buffers: InlineArray<2, PageBuffer>
  var gathering: OpenBatch?
  var underWay: OpenBatch?
  /// When a batch whose commit failed is to be written again.
  var retryAt = Instant.never
  var writeSegment = -1
  var writeOffset = 0
  var writesHeader = false
  var nextGeneration: UInt32 = 1
  var nextBatch: UInt32 = 1
  var uuidLow: UInt64
  var uuidHigh: UInt64
  var start: UInt16 = 1
  var dirtyDevices: [DeviceIndex] = []
  var acknowledgementsDueAt = Instant.never
  /// Devices with frames given up whose record is still to be written.
  var droppingDevices: [DeviceIndex] = []
  var walker: SegmentWalker
  var sweep = SweepState()

  /// Every batch up to this number is durable.
  public private(set) var durableThrough: UInt32 = 0
  /// Commits that failed since the last one that did not.
  public private(set) var failedCommitCount = 0
  public internal(set) var counters = SpoolCounters()

  /// A spool over `disk`, empty until `recover` has read what is there.
  ///
  /// `secret` keys the device table and names a new spool; it comes from the system's random source.
  public init(disk: consuming D, geometry: SpoolGeometry, deviceCountMax: Int, secret: UInt64) {
    self.disk = disk
    self.geometry = geometry
    table = DeviceTable(capacity: deviceCountMax, secret: secret)
    segments = [SegmentState](repeating: SegmentState(), count: geometry.segmentCount)
    order.reserveCapacity(geometry.segmentCount)
    let bufferByteCount = SpoolLimits.batchBytesMax + SpoolLimits.pageByteCount
    buffers = [PageBuffer(byteCount: bufferByteCount), PageBuffer(byteCount: bufferByteCount)]
    walker = SegmentWalker(segmentByteCount: geometry.segmentByteCount, crc: crc)
    uuidLow = secret
    uuidHigh = secret &* 0x9E37_79B9_7F4A_7C15
    dirtyDevices.reserveCapacity(deviceCountMax)
  }

  // MARK: Appending

  /// Takes a frame of `device` into the batch being gathered.
  public mutating func append(
    _ device: DeviceIndex, _ frame: Span<UInt8>, now: Instant
  ) -> AppendResult {
    require(frame.count <= SpoolLimits.payloadBytesMax)
    let headByteCount = RecordHeader.stride(deviceRecordByteCount(device))
    let needed = headByteCount + RecordHeader.stride(frame.count)
    guard var batch = openBatch(needed, now) else { return .full }
    if table[device].headGeneration != batch.generation {
      appendDeviceRecord(device, &batch, now)
    }
    let sequence = table[device].last.next
    let payload = RecordHeader.byteCount + position(in: batch)
    buffers[batch.buffer].store(frame, at: payload)
    seal(.data, frame.count, table[device].number, sequence, &batch, now)
    table[device].last = sequence
    table[device].lastBatch = batch.number
    if table[device].pin == 0 { setPin(device, batch.generation) }
    gathering = batch
    counters.appendedFrameCount += 1
    return .stored(sequence, batch: batch.number, generation: batch.generation)
  }

  /// Sets the login that the device's following frames belong to.
  public mutating func setLogin(_ device: DeviceIndex, _ login: Span<UInt8>) {
    require(login.count <= SpoolLimits.payloadBytesMax / 2)
    if Self.equal(table[device].login, login) { return }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(login.count)
    for i in 0..<login.count { bytes.append(login[i]) }
    table[device].login = bytes
    table[device].headGeneration = 0
  }

  static func equal(_ a: [UInt8], _ b: Span<UInt8>) -> Bool {
    guard a.count == b.count else { return false }
    for i in 0..<b.count where a[i] != b[i] { return false }
    return true
  }

  /// The batch being gathered with room for `needed` more bytes, opened if there is none.
  private mutating func openBatch(_ needed: Int, _ now: Instant) -> OpenBatch? {
    if let batch = gathering {
      return batch.byteCount + needed <= batch.byteCountMax ? batch : nil
    }
    let room = geometry.segmentByteCount - writeOffset
    let wanted = BatchHeader.paged(BatchHeader.byteCount + needed + acknowledgementReserve)
    if writeSegment < 0 || room < wanted || segments[writeSegment].use != .used {
      // A commit under way still counts on the present segment: wait for it.
      if underWay != nil { return nil }
      guard rollSegment() else { return nil }
    }
    let byteCountMax =
      min(SpoolLimits.batchBytesMax, geometry.segmentByteCount - writeOffset)
      - acknowledgementReserve
    guard BatchHeader.byteCount + needed <= byteCountMax else { return nil }
    let batch = OpenBatch(
      buffer: underWay.map { 1 - $0.buffer } ?? 0,
      segment: writeSegment,
      generation: segments[writeSegment].generation,
      number: nextBatch,
      byteCount: BatchHeader.byteCount,
      byteCountMax: byteCountMax,
      openedAt: now)
    nextBatch &+= 1
    gathering = batch
    return batch
  }

  /// Bytes kept free in every batch for what a commit adds.
  private var acknowledgementReserve: Int {
    RecordHeader.stride(SpoolLimits.acknowledgementsPerBatchMax * 8)
      + SpoolLimits.acknowledgementsPerBatchMax / 8 * RecordHeader.stride(DropNote.byteCount)
  }

  private func position(in batch: OpenBatch) -> Int {
    SpoolLimits.pageByteCount + batch.byteCount
  }

  /// Writes the header and checksum of a record whose payload is in place, and counts it in.
  private func seal(
    _ type: RecordType, _ payloadByteCount: Int, _ device: UInt32, _ sequence: SequenceNumber,
    _ batch: inout OpenBatch, _ now: Instant
  ) {
    let buffer = buffers[batch.buffer]
    let offset = position(in: batch)
    let header = RecordHeader(
      payloadByteCount: payloadByteCount, type: type.rawValue, device: device, sequence: sequence,
      delta: UInt16(clamping: now.since(batch.openedAt)), start: start)
    let end = offset + RecordHeader.byteCount + payloadByteCount
    buffer.zero(end..<offset + header.strideByteCount)
    header.seal(
      in: buffer, at: offset,
      seed: RecordHeader.seed(generation: batch.generation, batch: batch.number), crc)
    batch.byteCount += header.strideByteCount
    batch.recordCount += 1
  }

  private func deviceRecordByteCount(_ device: DeviceIndex) -> Int {
    8 + table[device].key.count + table[device].login.count
  }

  private mutating func appendDeviceRecord(
    _ device: DeviceIndex, _ batch: inout OpenBatch, _ now: Instant
  ) {
    let buffer = buffers[batch.buffer]
    let payload = position(in: batch) + RecordHeader.byteCount
    let key = table[device].key
    buffer.store(key.family, at: payload)
    buffer.store(key.form, at: payload + 1)
    buffer.store(UInt8(key.count), at: payload + 2)
    buffer.store(UInt8(0), at: payload + 3)
    buffer.store(UInt16(table[device].login.count), at: payload + 4)
    buffer.store(UInt16(0), at: payload + 6)
    key.withBytes { buffer.store($0, at: payload + 8) }
    buffer.store(table[device].login.span, at: payload + 8 + key.count)
    seal(
      .device, deviceRecordByteCount(device), table[device].number, table[device].last, &batch, now)
    table[device].headGeneration = batch.generation
  }

  // MARK: Committing

  /// Starts the commit that is due, if any; its result is to be given to `commitFinished`.
  public mutating func commitIfDue(now: Instant, isForced: Bool = false) {
    if underWay != nil {
      guard now >= retryAt else { return }
      retryFailedCommit()
      return
    }
    if gathering == nil, now >= acknowledgementsDueAt || isForced && hasNotes {
      _ = openBatch(0, now)
    }
    guard var batch = gathering else { return }
    let isDue = now >= batch.openedAt.advanced(by: SpoolLimits.commitDelay)
    guard isDue || isForced || batch.byteCount > batch.byteCountMax / 2 else { return }
    appendNotes(&batch, now)
    gathering = nil
    if batch.recordCount == 0 { return }
    start(&batch, now)
  }

  /// The next instant at which `commitIfDue` or `sweepStep` has something to do by itself.
  public var nextDeadline: Instant {
    let sweepAt = sweep.hasUnreadable && !sweep.isRunning ? sweep.resumeAt : .never
    if underWay != nil { return min(retryAt, sweepAt) }
    let notesAt = min(acknowledgementsDueAt, sweepAt)
    guard let batch = gathering else { return notesAt }
    return min(batch.openedAt.advanced(by: SpoolLimits.commitDelay), notesAt)
  }

  /// Whether anything appended or acknowledged is not durable yet.
  public var hasUncommitted: Bool {
    underWay != nil || gathering != nil || hasNotes
  }

  /// Whether acknowledgements or drops are still to be written.
  private var hasNotes: Bool { !dirtyDevices.isEmpty || !droppingDevices.isEmpty }

  /// Takes the result of the commit under way; `nil` means that it is durable.
  public mutating func commitFinished(_ error: DiskError?, now: Instant) {
    guard let batch = underWay else { return }
    if error == nil {
      underWay = nil
      failedCommitCount = 0
      durableThrough = batch.number
      segments[batch.segment].durableByteCount =
        batch.offset + BatchHeader.paged(batch.byteCount)
      counters.commitCount += 1
      counters.writtenByteCount += UInt64(BatchHeader.paged(batch.byteCount))
      sweep.mayHaveWork = true
      reclaim()
    } else {
      failedCommitCount += 1
      counters.failedCommitCount += 1
      retryAt = now.advanced(by: SpoolLimits.failedCommitDelay)
    }
  }

  private mutating func start(_ batch: inout OpenBatch, _ now: Instant) {
    // A failed commit may have moved the log to another segment since this batch was opened.
    if batch.segment != writeSegment || writeOffset + BatchHeader.paged(batch.byteCount)
      > geometry.segmentByteCount
    {
      if writeOffset + BatchHeader.paged(batch.byteCount) > geometry.segmentByteCount {
        guard rollSegment() else {
          gathering = batch
          return
        }
      }
      move(&batch)
    }
    batch.offset = writeOffset
    let buffer = buffers[batch.buffer]
    let base = SpoolLimits.pageByteCount
    let paged = BatchHeader.paged(batch.byteCount)
    BatchHeader(
      generation: batch.generation, batch: batch.number, byteCount: batch.byteCount,
      recordCount: batch.recordCount, durableThrough: durableThrough,
      monotonicMilliseconds: UInt32(truncatingIfNeeded: batch.openedAt.milliseconds)
    ).write(to: buffer, at: base, crc)
    buffer.zero(base + batch.byteCount..<base + paged)
    if writesHeader {
      SegmentHeader(
        uuidLow: uuidLow, uuidHigh: uuidHigh, generation: batch.generation, start: start,
        segmentByteCount: geometry.segmentByteCount,
        createdMilliseconds: UInt64(max(0, now.milliseconds))
      ).write(to: buffer, at: 0, crc)
    }
    underWay = batch
    retryAt = .never
    writeOffset += paged
    disk.startCommit(
      CommitOrder(
        segment: batch.segment, offset: batch.offset, byteCount: paged,
        writesHeader: writesHeader, buffer: buffer))
    writesHeader = false
  }

  /// Writes the batch whose commit failed to a fresh segment.
  private mutating func retryFailedCommit() {
    guard var batch = underWay else { return }
    retryAt = .never
    underWay = nil
    // What the failed segment holds beyond its last good batch is not to be read.
    guard rollSegment() else {
      underWay = batch
      retryAt = batch.openedAt
      return
    }
    move(&batch)
    start(&batch, batch.openedAt)
  }

  /// Seals a batch's records anew for the present write segment.
  private func move(_ batch: inout OpenBatch) {
    batch.segment = writeSegment
    batch.generation = segments[writeSegment].generation
    let buffer = buffers[batch.buffer]
    let seed = RecordHeader.seed(generation: batch.generation, batch: batch.number)
    var offset = SpoolLimits.pageByteCount + BatchHeader.byteCount
    for _ in 0..<batch.recordCount {
      let header = RecordHeader.parse(buffer, at: offset)
      header.seal(in: buffer, at: offset, seed: seed, crc)
      offset += header.strideByteCount
    }
  }

  /// Puts acknowledgements and drops into the batch that is about to be written.
  private mutating func appendNotes(_ batch: inout OpenBatch, _ now: Instant) {
    let buffer = buffers[batch.buffer]
    while dropFits(batch), let device = droppingDevices.popLast() {
      let entry = table[device]
      DropNote(
        device: entry.number, first: entry.pendingDropFirst, last: entry.acknowledged,
        count: UInt32(clamping: entry.pendingDropCount), reason: entry.pendingDropReason
      ).write(to: buffer, at: position(in: batch) + RecordHeader.byteCount)
      seal(.drop, DropNote.byteCount, entry.number, entry.acknowledged, &batch, now)
      table[device].pendingDropCount = 0
    }
    let count = min(dirtyDevices.count, SpoolLimits.acknowledgementsPerBatchMax)
    if count > 0 {
      var payload = position(in: batch) + RecordHeader.byteCount
      for i in 0..<count {
        let device = dirtyDevices[i]
        table[device].isAcknowledgementDirty = false
        buffer.store(table[device].number, at: payload)
        buffer.store(table[device].acknowledged.rawValue, at: payload + 4)
        payload += 8
      }
      // From the front, so that no device's acknowledgement waits behind newer ones for ever.
      dirtyDevices.removeFirst(count)
      seal(.acknowledgements, count * 8, 0, SequenceNumber(0), &batch, now)
    }
    acknowledgementsDueAt =
      dirtyDevices.isEmpty && droppingDevices.isEmpty
      ? .never : now.advanced(by: SpoolLimits.acknowledgementDelay)
  }

  private func dropFits(_ batch: OpenBatch) -> Bool {
    batch.byteCount + RecordHeader.stride(DropNote.byteCount)
      + RecordHeader.stride(SpoolLimits.acknowledgementsPerBatchMax * 8)
      <= min(SpoolLimits.batchBytesMax, geometry.segmentByteCount - writeOffset)
  }

  /// Called by recovery, which knows the log's past.
  mutating func resume(durableThrough: UInt32, nextBatch: UInt32, generation: UInt32, start: UInt16)
  {
    self.durableThrough = durableThrough
    self.nextBatch = nextBatch
    nextGeneration = generation
    self.start = start
  }
}
