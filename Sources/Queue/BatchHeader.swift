// What one commit writes, on a 4 KiB boundary, little-endian:
//
//    0  magic           4   "BTC1"
//    4  generation      4   of the segment, so that an earlier life's batch never counts
//    8  batch           4   number, growing by one over all main segments; in a cold one from 1
//   12  bytes           4   header and records, without the padding to the next page
//   16  records         2
//   18  flags           2   zero
//   20  durableThrough  4   every batch up to this number was durable when this one was started
//   24  monotonic       4   milliseconds of the machine's boot, of the first record, modulo 2^32
//   28  salt            4   of the start that wrote it, mixed into its records' checksums
//   32  previous        4   generation of the segment before this one in the log, as in page 0
//   36  replay          4   every device's record stands in this generation or a later one; zero:
//                           not known
//   40  oldest          4   generation of the oldest main segment that held anything undelivered
//   44  crc             4   CRC-32C of eight zero bytes and bytes 0 ..< 44
//
// A batch is complete when all its records are valid; there is no checksum over the whole.
// Source: spool document, section 2.3.

/// The header of a batch.
struct BatchHeader: Equatable {
  static let byteCount = 48
  static let magic: UInt32 = 0x3143_5442

  var generation: UInt32
  var batch: UInt32
  /// Bytes of header and records.
  var byteCount: Int
  var recordCount: Int
  var durableThrough: UInt32
  var monotonicMilliseconds: UInt32
  /// Random per start: a start that knows nothing of a batch torn before it may number its own alike.
  var salt: UInt32
  var previousGeneration: UInt32
  /// The checkpoint: a start may read from this generation on; zero is none.
  var replayGeneration: UInt32
  /// Main segments before this one were done with, or moved, when this batch was started.
  var oldestGeneration: UInt32

  /// What the checksums of the batch's records start with.
  var seed: UInt64 { RecordHeader.seed(generation: generation, batch: batch, salt: salt) }

  /// Bytes the batch takes in its segment.
  var pagedByteCount: Int { Self.paged(byteCount) }

  static func paged(_ byteCount: Int) -> Int {
    let page = SpoolLimits.pageByteCount
    return (byteCount + page - 1) / page * page
  }

  func write(to buffer: PageBuffer, at offset: Int, _ crc: CRC32C) {
    buffer.store(Self.magic, at: offset)
    buffer.store(generation, at: offset + 4)
    buffer.store(batch, at: offset + 8)
    buffer.store(UInt32(byteCount), at: offset + 12)
    buffer.store(UInt16(recordCount), at: offset + 16)
    buffer.store(UInt16(0), at: offset + 18)
    buffer.store(durableThrough, at: offset + 20)
    buffer.store(monotonicMilliseconds, at: offset + 24)
    buffer.store(salt, at: offset + 28)
    buffer.store(previousGeneration, at: offset + 32)
    buffer.store(replayGeneration, at: offset + 36)
    buffer.store(oldestGeneration, at: offset + 40)
    buffer.store(crc.checksum(seed: 0, buffer, offset..<offset + 44), at: offset + 44)
  }

  /// Of the batches at the beginning of a segment that `buffer` holds, the first one of its newest use;
  /// one in a tail slot only if there is no other.
  static func newest(atStartOf buffer: PageBuffer, _ crc: CRC32C) -> BatchHeader? {
    var newest: BatchHeader?
    for tailPage in 0..<SpoolLimits.reservedPageCount {
      let page = tailPage == 0 ? SpoolLimits.reservedPageCount : tailPage
      let offset = page * SpoolLimits.pageByteCount
      guard let found = read(buffer, at: offset, generation: nil, crc) else { continue }
      if Generation.age(found.generation) > Generation.age(newest?.generation ?? 0) {
        newest = found
      }
    }
    return newest
  }

  /// The header at `offset`, or `nil` when there is no valid one of this generation; a `nil`
  /// generation stands for any.
  @inline(never)
  static func read(
    _ buffer: PageBuffer, at offset: Int, generation: UInt32?, _ crc: CRC32C
  ) -> BatchHeader? {
    guard buffer.loadUInt32(at: offset) == magic else { return nil }
    let found = buffer.loadUInt32(at: offset + 4)
    guard found == generation ?? found, Generation.age(found) < Generation.ageMax else {
      return nil
    }
    let stored = buffer.loadUInt32(at: offset + 44)
    guard stored == crc.checksum(seed: 0, buffer, offset..<offset + 44) else { return nil }
    let byteCount = Int(buffer.loadUInt32(at: offset + 12))
    guard byteCount >= Self.byteCount, byteCount <= SpoolLimits.batchBytesMax else { return nil }
    return BatchHeader(
      generation: found,
      batch: buffer.loadUInt32(at: offset + 8),
      byteCount: byteCount,
      recordCount: Int(buffer.loadUInt16(at: offset + 16)),
      durableThrough: buffer.loadUInt32(at: offset + 20),
      monotonicMilliseconds: buffer.loadUInt32(at: offset + 24),
      salt: buffer.loadUInt32(at: offset + 28),
      previousGeneration: buffer.loadUInt32(at: offset + 32),
      replayGeneration: buffer.loadUInt32(at: offset + 36),
      oldestGeneration: buffer.loadUInt32(at: offset + 40))
  }
}
