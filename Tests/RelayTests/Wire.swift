// Frames of GT06 and Topin as devices and platforms write them, built without the code under test.

/// A frame as the far ends see it.
struct Wire: Equatable, Sendable {
  var bytes: [UInt8]

  var isLong: Bool { bytes[0] == 0x79 }
  var type: UInt8 { bytes[isLong ? 4 : 3] }
  /// Meaningful for GT06 only.
  var serial: UInt16 {
    UInt16(bytes[bytes.count - 6]) << 8 | UInt16(bytes[bytes.count - 5])
  }

  // MARK: GT06

  /// `78 78`, or `79 79` when asked for, with a right checksum.
  static func gt06(
    _ type: UInt8, _ content: [UInt8] = [], serial: UInt16, isLong: Bool = false
  ) -> Wire {
    let length = content.count + 5
    var body: [UInt8] = isLong ? [UInt8(length >> 8), UInt8(length & 0xFF)] : [UInt8(length)]
    body += [type] + content + [UInt8(serial >> 8), UInt8(serial & 0xFF)]
    let checksum = crc(body)
    let mark: UInt8 = isLong ? 0x79 : 0x78
    return Wire(
      bytes: [mark, mark] + body + [UInt8(checksum >> 8), UInt8(checksum & 0xFF), 0x0D, 0x0A])
  }

  static func login(_ imei: UInt64, serial: UInt16 = 1) -> Wire {
    gt06(0x01, bcd(imei), serial: serial)
  }

  static func heartbeat(_ serial: UInt16) -> Wire {
    gt06(0x13, [0x44, 0x01, 0x04, 0x00, 0x01], serial: serial)
  }

  static func position(_ serial: UInt16, mark: UInt32 = 0) -> Wire {
    gt06(0x12, [0x0B, 0x08, 0x1D, 0x11, 0x2E, 0x10] + marked(mark) + filler(16), serial: serial)
  }

  static func alarm(_ serial: UInt16, mark: UInt32 = 0) -> Wire {
    gt06(0x16, [0x0B, 0x0B, 0x0F, 0x0E, 0x24, 0x1D] + marked(mark) + filler(22), serial: serial)
  }

  /// A frame of type 94, which nobody answers, with `byteCount` bytes of content.
  static func information(_ serial: UInt16, byteCount: Int) -> Wire {
    gt06(0x94, filler(byteCount), serial: serial, isLong: true)
  }

  static func timeRequest(_ serial: UInt16) -> Wire { gt06(0x8A, serial: serial) }

  static func addressRequest(_ serial: UInt16) -> Wire {
    gt06(0x2A, filler(41), serial: serial)
  }

  /// What a server sends back to this frame.
  func answer(serial: UInt16? = nil, type: UInt8? = nil) -> Wire {
    Wire.gt06(type ?? self.type, serial: serial ?? self.serial)
  }

  static func command(_ text: String) -> Wire {
    gt06(0x80, [UInt8(text.utf8.count + 4), 0, 1, 2, 3] + Array(text.utf8), serial: 0)
  }

  // MARK: Topin

  static func topinLogin(_ imei: UInt64, version: UInt8 = 1) -> Wire {
    Wire(bytes: [0x78, 0x78, 0x0A, 0x01] + bcd(imei) + [version, 0x0D, 0x0A])
  }

  /// Type 10 with `mark` where the time stands, which its answer repeats.
  static func topinPosition(_ mark: UInt32) -> Wire {
    Wire(bytes: [0x78, 0x78, 0x12, 0x10, 0x0A, 0x03] + four(mark) + filler(12) + [0x0D, 0x0A])
  }

  static let topinHeartbeat = Wire(bytes: [0x78, 0x78, 0x01, 0x08, 0x0D, 0x0A])

  // MARK: Pieces

  /// CRC-16/X-25, bit by bit.
  static func crc(_ bytes: [UInt8]) -> UInt16 {
    var register: UInt16 = 0xFFFF
    for byte in bytes {
      register ^= UInt16(byte)
      for _ in 0..<8 { register = register & 1 == 1 ? register >> 1 ^ 0x8408 : register >> 1 }
    }
    return ~register
  }

  /// 15 digits behind a zero nibble.
  static func bcd(_ imei: UInt64) -> [UInt8] {
    var left = imei
    var bytes = [UInt8](repeating: 0, count: 8)
    for i in 0..<8 {
      bytes[7 - i] = UInt8(left % 10) | UInt8(left / 10 % 10) << 4
      left /= 100
    }
    return bytes
  }

  /// What `Wire.mark(in:)` finds again.
  static func marked(_ mark: UInt32) -> [UInt8] { [0xEE, 0xD1] + four(mark) }

  static func four(_ mark: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: mark >> UInt32(24 - 8 * $0)) }
  }

  private static func filler(_ count: Int) -> [UInt8] { [UInt8](repeating: 0x5A, count: count) }

  /// Cuts what a device or the relay sent into frames; `nil` and an untouched rest for half a frame.
  static func cut(_ stream: inout [UInt8]) -> Wire? {
    guard stream.count >= 5 else { return nil }
    var size = Int(stream[2]) + 5
    if stream[0] == 0x79 { size = (Int(stream[2]) << 8 | Int(stream[3])) + 6 }
    if stream[0] == 0x78, stream[3] == 0x10, stream[2] == 0x12 { size += 1 }
    if stream[0] == 0x78, stream[2] == 0 { size = 12 }
    guard stream.count >= size else { return nil }
    let frame = Wire(bytes: Array(stream[..<size]))
    stream.removeFirst(size)
    return frame
  }

  static func all(_ stream: [UInt8]) -> [Wire] {
    var rest = stream
    var frames: [Wire] = []
    while let frame = cut(&rest) { frames.append(frame) }
    return frames
  }
}
