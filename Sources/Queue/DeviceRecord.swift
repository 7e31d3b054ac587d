// The payload of a device record, little-endian:
//
//    0  family        1
//    1  form          1
//    2  name bytes    1   zero: the number is taken, and nobody knows any more by whom
//    3  zero          1
//    4  login bytes   2
//    6  zero          2
//    8  acknowledged  4   newest sequence delivered or given up
//   12  first         4   generation of the segment that the first undelivered frame lies in, or an
//                         earlier one; zero where there is no such frame
//   16  firstCold     4   the same among the cold segments
//   20  evicted       4   frames given up because the ring was full, since the device is known
//   24  damaged       4   frames given up because they did not validate
//   28  name, login
//    +  operator      4   frames given up by the operator; missing where there are none
//
// The record's own sequence is the device's newest frame before it. All of it is true at the record's
// place in the log; what follows in the log only adds to it.

/// The fixed part of a device record.
struct DeviceRecord: Equatable {
  static let byteCount = 28

  var family: UInt8
  var form: UInt8
  var nameByteCount: Int
  var loginByteCount: Int
  var acknowledged: SequenceNumber
  var firstGeneration: UInt32
  var firstColdGeneration: UInt32
  var dropped: DropCounts

  /// Bytes of the whole payload.
  var payloadByteCount: Int {
    Self.payloadByteCount(name: nameByteCount, login: loginByteCount, dropped)
  }

  static func payloadByteCount(name: Int, login: Int, _ dropped: DropCounts) -> Int {
    byteCount + name + login + (dropped.byOperator == 0 ? 0 : 4)
  }

  func write(to buffer: PageBuffer, at offset: Int) {
    buffer.store(family, at: offset)
    buffer.store(form, at: offset + 1)
    buffer.store(UInt8(nameByteCount), at: offset + 2)
    buffer.store(UInt8(0), at: offset + 3)
    buffer.store(UInt16(loginByteCount), at: offset + 4)
    buffer.store(UInt16(0), at: offset + 6)
    buffer.store(acknowledged.rawValue, at: offset + 8)
    buffer.store(firstGeneration, at: offset + 12)
    buffer.store(firstColdGeneration, at: offset + 16)
    buffer.store(dropped.evicted, at: offset + 20)
    buffer.store(dropped.damaged, at: offset + 24)
    if dropped.byOperator > 0 {
      buffer.store(dropped.byOperator, at: offset + payloadByteCount - 4)
    }
  }

  /// The record in `payload`, or `nil` when its counts do not fit it.
  static func read(_ buffer: PageBuffer, _ payload: Range<Int>) -> DeviceRecord? {
    guard payload.count >= byteCount else { return nil }
    let offset = payload.lowerBound
    var record = DeviceRecord(
      family: buffer.loadUInt8(at: offset),
      form: buffer.loadUInt8(at: offset + 1),
      nameByteCount: Int(buffer.loadUInt8(at: offset + 2)),
      loginByteCount: Int(buffer.loadUInt16(at: offset + 4)),
      acknowledged: SequenceNumber(buffer.loadUInt32(at: offset + 8)),
      firstGeneration: buffer.loadUInt32(at: offset + 12),
      firstColdGeneration: buffer.loadUInt32(at: offset + 16),
      dropped: DropCounts(
        evicted: buffer.loadUInt32(at: offset + 20), damaged: buffer.loadUInt32(at: offset + 24)))
    guard record.nameByteCount <= DeviceKey.byteCountMax else { return nil }
    guard record.loginByteCount <= SpoolLimits.loginBytesMax else { return nil }
    let end = record.payloadByteCount
    guard end <= payload.count else { return nil }
    if end + 4 <= payload.count {
      record.dropped.byOperator = buffer.loadUInt32(at: offset + end)
    }
    return record
  }

  /// Where the name stands in `payload`.
  func name(in payload: Range<Int>) -> Range<Int> {
    let start = payload.lowerBound + Self.byteCount
    return start..<start + nameByteCount
  }

  /// Where the login stands in `payload`.
  func login(in payload: Range<Int>) -> Range<Int> {
    let start = payload.lowerBound + Self.byteCount + nameByteCount
    return start..<start + loginByteCount
  }
}
