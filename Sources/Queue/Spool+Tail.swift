// Tail slots: small commits share a page.
//
//   first small commit   [a]        -> slot A          the batch has a number and a place, and is open
//   the next ones        [a b]      -> slot B          the same batch, longer; the one before stays whole
//                        [a b c]    -> slot A
//   one that fills it    [a b c d]  -> its place behind the batches before it
//
// So a frame now and then takes its bytes and no page of its own, and no more is written than with a page
// for each. What a commit adds stands behind what the others have written, unchanged, so that a slot
// that is torn holds the beginning of what it held or was to hold.
// A segment that is left takes no tail along: it goes in front of the first batch of the next segment, as
// a batch whose commit failed would. Until that is durable the slot counts: a start puts it back.
// Frames in a tail are durable and cannot be swept. When a session wants them, the tail is written home.
// Invariants: a batch that is gathered while there is a tail, or while one is being written, has its
// number; `tail` is nil while a batch with its records is under way.
// Source: spool document, section 2.4.

extension Spool where D: ~Copyable {
  /// The batch that what is appended now will become part of, if part of it is in a tail slot.
  var openTail: OpenBatch? {
    if let tail { return tail }
    guard let underWay, underWay.isTail else { return nil }
    return underWay
  }

  /// The number that a batch opened now has.
  mutating func takeNumber() -> UInt32 {
    if let number = openTail?.number { return number }
    let number = nextBatch
    nextBatch &+= 1
    return number
  }

  /// What the times of an empty batch's records are to count from.
  func timeBase(of batch: OpenBatch, _ now: Instant) -> Instant {
    guard let tail = openTail, tail.number == batch.number, !batch.isRelocation,
      tail.openedAt <= now, now.since(tail.openedAt) < Int64(SpoolLimits.tailBaseAgeMax)
    else { return now }
    return tail.openedAt
  }

  /// Whether a batch goes to a tail slot, in front of which the present tail is put.
  func fitsTail(_ batch: OpenBatch, _ now: Instant) -> Bool {
    let front = tail.map { $0.byteCount - BatchHeader.byteCount + Self.timeByteCount } ?? 0
    return now < tailDueAt && front + batch.byteCount <= tailByteCountMax
  }

  /// Bytes kept free in every batch.
  var tailReserve: Int { tailByteCountMax > 0 ? SpoolLimits.tailReserve : 0 }

  static var timeByteCount: Int { RecordHeader.stride(4) }

  /// Puts the tail in front of a batch's records.
  mutating func putTail(before batch: inout OpenBatch) {
    guard let tail else { return }
    put(tail, tailBuffer, at: 0, before: &batch)
    self.tail = nil
    tailDueAt = .never
  }

  /// Puts the records of a batch with the same number, whose header is at `start` of `source`, in front of
  /// another one's.
  mutating func put(
    _ front: OpenBatch, _ source: PageBuffer, at start: Int, before batch: inout OpenBatch
  ) {
    let buffer = buffers[batch.buffer]
    let first = SpoolLimits.pageByteCount + BatchHeader.byteCount
    let frontByteCount = front.byteCount - BatchHeader.byteCount
    let needsTime = batch.recordCount > 0 && batch.firstTime != front.openedAt
    let added = frontByteCount + (needsTime ? Self.timeByteCount : 0)
    buffer.move(from: first, to: first + added, count: batch.byteCount - BatchHeader.byteCount)
    let records = start + BatchHeader.byteCount..<start + front.byteCount
    source.withBytes(records) { buffer.store($0, at: first) }
    if needsTime {
      let offset = first + frontByteCount
      buffer.store(
        UInt32(truncatingIfNeeded: batch.firstTime.milliseconds),
        at: offset + RecordHeader.byteCount)
      RecordHeader(
        payloadByteCount: 4, type: RecordType.time.rawValue, flags: 0, device: 0,
        sequence: SequenceNumber(0), delta: 0, boot: boot
      ).seal(in: buffer, at: offset, seed: seed(of: batch), crc)
    }
    if batch.recordCount == 0 { batch.openedAt = front.openedAt }
    batch.headerTime = front.firstTime
    batch.byteCount += added
    batch.recordCount += front.recordCount + (needsTime ? 1 : 0)
  }

  /// Keeps what was written to a tail slot.
  mutating func keepTail(_ batch: OpenBatch) {
    let start = SpoolLimits.pageByteCount
    buffers[batch.buffer].withBytes(start..<start + batch.byteCount) { tailBuffer.store($0, at: 0) }
    tail = batch
  }

  /// Seals the tail anew for the segment that is written now: it goes in front of its first batch.
  mutating func moveTail() {
    guard var batch = tail else { return }
    batch.segment = writeSegment
    batch.generation = segments[writeSegment].generation
    batch.offset = writeOffset
    reseal(batch, tailBuffer, at: 0)
    tail = batch
  }

  /// Whether any frame of a batch that is about to be written is one that a session waits for.
  func isAwaited(_ batch: OpenBatch) -> Bool {
    var isAwaited = false
    batch.forEachRecord(in: buffers[batch.buffer]) { _, header in
      guard header.type == RecordType.data.rawValue, let device = table.find(number: header.device)
      else { return }
      if table[device].interest != .idle, header.sequence.isAfter(table[device].sent) {
        isAwaited = true
      }
    }
    return isAwaited
  }

  // MARK: At a start

  /// What a segment's tail slots say.
  struct TailImage {
    var offset: Int
    var batch: UInt32
    var recordCount: Int
    var oldestGeneration: UInt32
    var isTorn: Bool
  }

  /// The tail slot of a segment with the most of its newest batch.
  mutating func newestTail(of slot: Int) throws(DiskError) -> TailImage? {
    var newest: TailImage?
    for page in 1..<SpoolLimits.reservedPageCount {
      let offset = page * SpoolLimits.pageByteCount
      openTailSlot(slot, offset)
      while try walker.next(&disk, limit: geometry.segmentByteCount) != nil {}
      guard walker.batchCount > 0 else { continue }
      let found = TailImage(
        offset: offset, batch: walker.lastBatch, recordCount: walker.recordCount,
        oldestGeneration: walker.oldestGeneration, isTorn: walker.isTorn)
      guard let other = newest else {
        newest = found
        continue
      }
      // One that was written again as it was may know better what was moved.
      if (found.batch, found.recordCount, found.oldestGeneration)
        > (other.batch, other.recordCount, other.oldestGeneration)
      {
        newest = found
      }
    }
    return newest
  }

  mutating func openTailSlot(_ slot: Int, _ offset: Int) {
    walker.open(
      segment: slot, generation: segments[slot].generation, provenThrough: 0, offset: offset)
  }

  /// Takes the tail up again that a slot holds, so that the next batch takes it along.
  mutating func resumeTail(_ slot: Int, _ image: TailImage) {
    let page = SpoolLimits.pageByteCount
    do {
      try disk.readPatiently(
        segment: slot, offset: image.offset, into: tailBuffer, at: 0, count: page)
    } catch {
      return
    }
    guard
      let header = BatchHeader.read(
        tailBuffer, at: 0, generation: segments[slot].generation, crc)
    else { return }
    // Its times are of an earlier start, and nothing counts on from them.
    var batch = OpenBatch(
      buffer: 0, segment: slot, generation: header.generation, number: header.batch,
      byteCount: BatchHeader.byteCount, byteCountMax: page, openedAt: Instant(milliseconds: -1),
      offset: image.offset)
    batch.headerTime = Instant(milliseconds: Int64(header.monotonicMilliseconds))
    for _ in 0..<image.recordCount {
      // Of a spool that is at work, the slot may have been written meanwhile.
      guard
        let record = RecordHeader.read(
          tailBuffer, at: batch.byteCount, end: min(header.byteCount, page), seed: header.seed, crc)
      else { break }
      batch.byteCount += record.strideByteCount
      batch.recordCount += 1
      guard record.type == RecordType.data.rawValue,
        let device = table.find(number: record.device),
        record.sequence.isAfter(table[device].acknowledged),
        table[device].lastBatch != header.batch
      else { continue }
      table[device].lastBatch = header.batch
      table[device].lastBatchFirst = record.sequence
    }
    tail = batch
  }
}
