// One record of a batch, little-endian, padded with zeros to a multiple of 4:
//
//    0  bytes     2   of the payload
//    2  type      1   RecordType
//    3  flags     1   1 = the frame is worthless when late
//    4  device    4   number of the device; zero where a record belongs to none
//    8  sequence  4   per device, from 1
//   12  delta     2   milliseconds after the batch's first record, or after the last `time` record
//   14  boot      2   number of the machine's boot
//   16  crc       4   CRC-32C of (generation xor salt) 4, batch 4, bytes 0 ..< 16, payload
//   20  payload
//
// Types from 80 hex on may be skipped by a reader that does not know them, others may not.
// Source: spool document, section 2.3.

/// What a record says.
enum RecordType: UInt8 {
  /// A frame as received.
  case data = 1
  /// A frame moved to a cold segment: the milliseconds it was stored at, 4 bytes, and the frame.
  case relocated = 2
  /// Deliveries: pairs of device number and the last sequence delivered, four bytes each.
  case acknowledgements = 3
  /// Frames given up: DropNote.
  case drop = 4
  /// A device's name, its cursors, and the login its following records were received under:
  /// DeviceRecord. Stands before the device's first frame of every batch, so that a batch can be
  /// written to another segment as it is, again whenever the login has changed, and once in every
  /// round of the checkpoint.
  case device = 5
  /// Milliseconds of the machine's boot, modulo 2^32, 4 bytes: what the times of the following records
  /// count from.
  case time = 6
  /// What tells the boot of this record's number from others, 8 bytes, as in page 0; zero is unknown.
  /// Stands in the first batch that a start writes to a segment of an earlier boot.
  case boot = 0x80
}

/// The header of a record.
struct RecordHeader: Equatable {
  static let byteCount = 20

  var payloadByteCount: Int
  var type: UInt8
  var flags: UInt8
  var device: UInt32
  var sequence: SequenceNumber
  var delta: UInt16
  var boot: UInt16

  /// The flag of a frame that is worthless when late.
  static let expiresFlag: UInt8 = 1

  /// Whether the payload is a frame.
  var isFrame: Bool { type == RecordType.data.rawValue || type == RecordType.relocated.rawValue }

  /// Bytes from the record's start to the next record's.
  var strideByteCount: Int { Self.stride(payloadByteCount) }

  static func stride(_ payloadByteCount: Int) -> Int {
    (byteCount + payloadByteCount + 3) / 4 * 4
  }

  /// The payload of the record at `offset`.
  func payload(at offset: Int) -> Range<Int> {
    offset + Self.byteCount..<offset + Self.byteCount + payloadByteCount
  }

  /// The seed of a record's checksum.
  static func seed(generation: UInt32, batch: UInt32, salt: UInt32) -> UInt64 {
    UInt64(batch) << 32 | UInt64(generation ^ salt)
  }

  /// Writes header and checksum around the payload that stands behind it already.
  func seal(in buffer: PageBuffer, at offset: Int, seed: UInt64, _ crc: CRC32C) {
    buffer.store(UInt16(payloadByteCount), at: offset)
    buffer.store(type, at: offset + 2)
    buffer.store(flags, at: offset + 3)
    buffer.store(device, at: offset + 4)
    buffer.store(sequence.rawValue, at: offset + 8)
    buffer.store(delta, at: offset + 12)
    buffer.store(boot, at: offset + 14)
    buffer.store(Self.checksum(buffer, offset, payloadByteCount, seed, crc), at: offset + 16)
  }

  /// The record at `offset`, or `nil` when it does not validate or does not end before `end`.
  static func read(
    _ buffer: PageBuffer, at offset: Int, end: Int, seed: UInt64, _ crc: CRC32C
  ) -> RecordHeader? {
    guard offset + byteCount <= end else { return nil }
    let payloadByteCount = Int(buffer.loadUInt16(at: offset))
    guard offset + stride(payloadByteCount) <= end else { return nil }
    let stored = buffer.loadUInt32(at: offset + 16)
    guard stored == checksum(buffer, offset, payloadByteCount, seed, crc) else { return nil }
    return parse(buffer, at: offset)
  }

  /// The header fields at `offset`, unchecked.
  static func parse(_ buffer: PageBuffer, at offset: Int) -> RecordHeader {
    RecordHeader(
      payloadByteCount: Int(buffer.loadUInt16(at: offset)),
      type: buffer.loadUInt8(at: offset + 2),
      flags: buffer.loadUInt8(at: offset + 3),
      device: buffer.loadUInt32(at: offset + 4),
      sequence: SequenceNumber(buffer.loadUInt32(at: offset + 8)),
      delta: buffer.loadUInt16(at: offset + 12),
      boot: buffer.loadUInt16(at: offset + 14))
  }

  private static func checksum(
    _ buffer: PageBuffer, _ offset: Int, _ payloadByteCount: Int, _ seed: UInt64, _ crc: CRC32C
  ) -> UInt32 {
    let head = crc.update(crc.start(seed), buffer, offset..<offset + 16)
    let payload = offset + byteCount..<offset + byteCount + payloadByteCount
    return crc.finish(crc.update(head, buffer, payload))
  }
}
