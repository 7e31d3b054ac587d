// The payload of a device record: family 1, form 1, name bytes 1, zero 1, login bytes 2, zero 2,
// name, login.

/// The fixed part of a device record, with its counts checked against the payload.
struct DeviceRecord {
  var family: UInt8
  var form: UInt8
  var nameByteCount: Int
  var loginByteCount: Int

  init?(_ buffer: PageBuffer, _ payload: Range<Int>) {
    guard payload.count >= 8 else { return nil }
    let offset = payload.lowerBound
    family = buffer.loadUInt8(at: offset)
    form = buffer.loadUInt8(at: offset + 1)
    nameByteCount = Int(buffer.loadUInt8(at: offset + 2))
    loginByteCount = Int(buffer.loadUInt16(at: offset + 4))
    guard nameByteCount >= 1, nameByteCount <= DeviceKey.byteCountMax else { return nil }
    guard loginByteCount <= SpoolLimits.loginBytesMax else { return nil }
    guard 8 + nameByteCount + loginByteCount <= payload.count else { return nil }
  }
}
