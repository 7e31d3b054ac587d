// Reads one segment's records in order, verifying everything; recovery, sweep and eviction share
// it.
//
//   position          the next page that may hold a batch header
//   recordPosition    the next record of the current batch, `batchEnd` where the batch's bytes end
//   buffer            a window of the segment that always holds the current batch whole
//
// A batch that does not validate is skipped page by page: what follows may be sound. Inside a batch
// a bad record is salvaged around, in steps of four bytes, unless the batch may be the torn end of
// the log: no valid one behind it in its segment, and beyond `provenThrough`, what the next segment's first
// batch knew to be durable. What follows a bad record there was never answered, and is left out to
// keep the device's order. Every walk of a segment decides this alike, and for want of proof decides
// against what follows, so that sequence numbers given out anew after a torn batch never meet its
// remains.
// Invariants: bufferStart <= position; every returned payload lies inside the buffer.
// Source: spool document, section 2.9.

/// A verified record; the payload is in the walker's buffer.
struct WalkedRecord: Sendable {
  var header: RecordHeader
  var payload: Range<Int>
  var batch: UInt32
  var place: LogPosition
  /// Monotonic milliseconds of the record's boot, modulo 2^32.
  var monotonicMilliseconds: UInt32

  var isFrame: Bool { header.isFrame }
}

/// Walks the batches of a segment.
struct SegmentWalker {
  private(set) var segment = 0
  private(set) var generation: UInt32 = 0
  private(set) var lastBatch: UInt32 = 0
  private(set) var durableThrough: UInt32 = 0
  private(set) var oldestGeneration: UInt32 = 0
  /// Valid batches since `open`, and valid records in the last of them.
  private(set) var batchCount = 0
  private(set) var recordCount = 0
  /// Where the last of them ends, with its last page.
  private(set) var endOffset = 0
  /// Whether the last batch ended in records that were never durable.
  private(set) var isTorn = false
  /// Bytes of known batches that did not validate, since they were last asked for.
  private var damagedByteCount = 0
  /// Where they stand, the first ones since `open`.
  private(set) var damagedRegions: [DamagedRegion] = []

  let buffer: PageBuffer
  private let crc: CRC32C
  private let segmentByteCount: Int
  private var bufferStart = 0
  private var bufferCount = 0
  private var position = 0
  private var recordPosition = 0
  private var batchEnd = 0
  private var recordsLeft = 0
  private var seed: UInt64 = 0
  private var batchMilliseconds: UInt32 = 0
  private var batchStart = 0
  private var provenThrough: UInt32 = 0
  /// Whether the current batch is known to have been durable.
  private var isProven = false
  /// Bytes without a valid batch since the last valid one, and those left out of that one as torn;
  /// damage if another one follows.
  private var doubtfulByteCount = 0
  private var doubtfulStart = 0
  /// Whether a tail slot is read: what stands behind it says nothing of it.
  private(set) var isInTailSlot = false
  /// Where what is walked ends: the segment, or the tail slot.
  private var end = 0

  init(segmentByteCount: Int, crc: CRC32C) {
    buffer = PageBuffer(
      byteCount: min(SpoolLimits.batchBytesMax, segmentByteCount) + SpoolLimits.pageByteCount)
    self.segmentByteCount = segmentByteCount
    self.crc = crc
  }

  /// Starts at a batch of a segment, by default the first, or at a tail slot; `offset` is a multiple of
  /// the page size.
  ///
  /// `provenThrough` is the number of a batch known to be durable from elsewhere; zero knows none.
  @inline(never)
  mutating func open(
    segment: Int, generation: UInt32, provenThrough: UInt32,
    offset: Int = SpoolLimits.reservedPageCount * SpoolLimits.pageByteCount
  ) {
    self.segment = segment
    self.generation = generation
    self.provenThrough = provenThrough
    isTorn = false
    bufferStart = 0
    bufferCount = 0
    position = offset
    endOffset = offset
    recordsLeft = 0
    doubtfulByteCount = 0
    damagedByteCount = 0
    damagedRegions = []
    lastBatch = 0
    durableThrough = 0
    batchCount = 0
    recordCount = 0
    isInTailSlot = offset < SpoolLimits.reservedPageCount * SpoolLimits.pageByteCount
    end = isInTailSlot ? offset + SpoolLimits.pageByteCount : segmentByteCount
  }

  /// The offset behind the last page looked at.
  var nextOffset: Int { position }

  /// How many bytes did not validate since the last call, or since `open`.
  mutating func takeDamage() -> Int {
    let count = damagedByteCount
    damagedByteCount = 0
    return count
  }

  /// The next record of a batch that starts before `limit`, or `nil` when there is none.
  ///
  /// Copied into its five callers it would be an eightieth of the program.
  @inline(never)
  mutating func next<D: Disk & ~Copyable>(
    _ disk: inout D, limit: Int
  ) throws(DiskError) -> WalkedRecord? {
    let limit = min(limit, end)
    while true {
      if recordsLeft > 0 {
        if let record = try nextInBatch(&disk) { return record }
        continue
      }
      if position + BatchHeader.byteCount > limit { return nil }
      try openBatch(&disk, limit)
    }
  }

  private mutating func openBatch<D: Disk & ~Copyable>(
    _ disk: inout D, _ limit: Int
  ) throws(DiskError) {
    let page = SpoolLimits.pageByteCount
    try fill(&disk, position, page, limit)
    let offset = position - bufferStart
    guard let header = BatchHeader.read(buffer, at: offset, generation: generation, crc),
      position + header.pagedByteCount <= limit
    else {
      doubt(position, byteCount: page)
      position += page
      return
    }
    try fill(&disk, position, header.pagedByteCount, limit)
    if doubtfulByteCount > 0 { noteDamage(doubtfulStart..<position, doubtfulByteCount) }
    doubtfulByteCount = 0
    isTorn = false
    seed = header.seed
    lastBatch = header.batch
    batchCount += 1
    isProven = false
    recordCount = 0
    durableThrough = header.durableThrough
    oldestGeneration = header.oldestGeneration
    // What is in a tail slot has its place behind the other batches.
    batchStart = max(position, SpoolLimits.reservedPageCount * SpoolLimits.pageByteCount)
    batchMilliseconds = header.monotonicMilliseconds
    recordPosition = position + BatchHeader.byteCount
    batchEnd = position + header.byteCount
    recordsLeft = header.recordCount
    position += header.pagedByteCount
    endOffset = position
  }

  private mutating func nextInBatch<D: Disk & ~Copyable>(
    _ disk: inout D
  ) throws(DiskError) -> WalkedRecord? {
    let offset = recordPosition - bufferStart
    let end = batchEnd - bufferStart
    if let header = RecordHeader.read(buffer, at: offset, end: end, seed: seed, crc) {
      recordPosition += header.strideByteCount
      recordsLeft -= 1
      recordCount += 1
      let payload = offset + RecordHeader.byteCount
      var record = WalkedRecord(
        header: header, payload: payload..<payload + header.payloadByteCount, batch: lastBatch,
        place: LogPosition(generation: generation, offset: UInt32(batchStart)),
        monotonicMilliseconds: batchMilliseconds &+ UInt32(header.delta))
      if header.type == RecordType.time.rawValue, record.payload.count >= 4 {
        batchMilliseconds = buffer.loadUInt32(at: payload)
      }
      if header.type == RecordType.relocated.rawValue, record.payload.count >= 4 {
        record.monotonicMilliseconds = buffer.loadUInt32(at: payload)
        record.payload = payload + 4..<record.payload.upperBound
      }
      return record
    }
    if !isProven, lastBatch > provenThrough, try !isFollowedByBatch(&disk) {
      isTorn = true
      doubt(recordPosition, byteCount: batchEnd - recordPosition)
      recordsLeft = 0
      return nil
    }
    isProven = true
    let next = recordPosition + 4
    let isLast = next + RecordHeader.byteCount > batchEnd
    noteDamage(recordPosition..<(isLast ? max(recordPosition, batchEnd) : next), 4)
    recordPosition = next
    if isLast { recordsLeft = 0 }
    return nil
  }

  /// Notes bytes that are damage if a valid batch follows.
  private mutating func doubt(_ start: Int, byteCount: Int) {
    if doubtfulByteCount == 0 { doubtfulStart = start }
    doubtfulByteCount += byteCount
  }

  private mutating func noteDamage(_ range: Range<Int>, _ byteCount: Int) {
    damagedByteCount += byteCount
    // Behind a batch's last record, in place of one that was lost before.
    if range.isEmpty { return }
    if let last = damagedRegions.last, last.range.upperBound == range.lowerBound {
      damagedRegions[damagedRegions.count - 1].range = last.range.lowerBound..<range.upperBound
    } else if damagedRegions.count < SpoolLimits.damagedRegionsMax {
      damagedRegions.append(
        DamagedRegion(segment: segment, generation: generation, range: range))
    }
  }

  /// Whether a valid batch of this generation stands somewhere behind the current one: it was begun
  /// when this one was durable. Batches between the two may be damaged.
  private mutating func isFollowedByBatch<D: Disk & ~Copyable>(
    _ disk: inout D
  ) throws(DiskError) -> Bool {
    if isInTailSlot { return false }
    let page = SpoolLimits.pageByteCount
    // Behind the window, so that the current batch stays whole in it.
    let spare = buffer.byteCount - page
    bufferCount = min(bufferCount, spare)
    var offset = position
    while offset + page <= segmentByteCount {
      try disk.readPatiently(segment: segment, offset: offset, into: buffer, at: spare, count: page)
      if BatchHeader.read(buffer, at: spare, generation: generation, crc) != nil { return true }
      offset += page
    }
    return false
  }

  /// Makes `buffer` hold `count` bytes of the segment from `offset` on, and nothing from `limit`
  /// on, which may be written later.
  private mutating func fill<D: Disk & ~Copyable>(
    _ disk: inout D, _ offset: Int, _ count: Int, _ limit: Int
  ) throws(DiskError) {
    if offset >= bufferStart, offset + count <= bufferStart + bufferCount { return }
    // The last page of the window is kept for a look behind a batch of the largest size.
    let window = buffer.byteCount - SpoolLimits.pageByteCount
    let readCount = min(window, limit - offset)
    bufferStart = offset
    bufferCount = 0
    try disk.readPatiently(segment: segment, offset: offset, into: buffer, at: 0, count: readCount)
    bufferCount = readCount
  }
}
