// GT06 as the two ends of the demonstration speak it, written apart from the relay's own parser, so
// that a mistake there cannot hide itself here.
//
//   78 78 | LEN 1 | TYPE 1 | content | SERIAL 2 | CRC 2 | 0D 0A     size = LEN + 5
//   79 79 | LEN 2 | TYPE 1 | content | SERIAL 2 | CRC 2 | 0D 0A     size = LEN + 6
//
// LEN counts TYPE .. CRC. CRC-16/X-25 over LEN .. SERIAL, here bit by bit. Big-endian throughout.
// Strict: a frame with another shape is garbage, one with a wrong checksum is marked.
// Source: device-families document, sections 3.2, 3.5 and 3.6.

/// Frame types and how frames are built and cut.
enum TrackerWire {
  static let login: UInt8 = 0x01
  static let localPosition: UInt8 = 0x12
  static let heartbeat: UInt8 = 0x13
  static let commandReply: UInt8 = 0x15
  static let localAlarm: UInt8 = 0x16
  static let longCommandReply: UInt8 = 0x21
  static let position: UInt8 = 0x22
  static let alarm: UInt8 = 0x26
  static let command: UInt8 = 0x80
  static let timeRequest: UInt8 = 0x8A

  static func isPosition(_ type: UInt8) -> Bool { type == localPosition || type == position }
  static func isAlarm(_ type: UInt8) -> Bool { type == localAlarm || type == alarm }

  // MARK: Building

  /// A short frame around `content`, at most 250 bytes.
  static func frame(_ type: UInt8, _ content: [UInt8], serial: UInt16) -> [UInt8] {
    precondition(content.count <= 250)
    var bytes: [UInt8] = [0x78, 0x78, UInt8(content.count + 5), type]
    bytes += content
    append(serial, to: &bytes)
    append(checksum(bytes, 2..<bytes.count), to: &bytes)
    bytes += [0x0D, 0x0A]
    return bytes
  }

  /// The answer servers and relays give: type and serial of the frame, nothing else.
  static func answer(to type: UInt8, serial: UInt16) -> [UInt8] {
    frame(type, [], serial: serial)
  }

  /// A command, or with type `commandReply` the device's reply to one.
  static func text(_ type: UInt8, flag: UInt32, _ text: [UInt8], serial: UInt16) -> [UInt8] {
    var content: [UInt8] = [UInt8(text.count + 4)]
    append(flag, to: &content)
    content += text
    content += [0x00, 0x02]
    return frame(type, content, serial: serial)
  }

  /// The eight bytes of an IMEI whose BCD digits are the nibbles of `imei`.
  static func bytes(ofIMEI imei: UInt64) -> [UInt8] {
    var bytes: [UInt8] = []
    for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: imei >> UInt64(56 - shift * 8))) }
    return bytes
  }

  static func append(_ value: UInt16, to bytes: inout [UInt8]) {
    bytes.append(UInt8(value >> 8))
    bytes.append(UInt8(value & 0xFF))
  }

  static func append(_ value: UInt32, to bytes: inout [UInt8]) {
    append(UInt16(value >> 16), to: &bytes)
    append(UInt16(value & 0xFFFF), to: &bytes)
  }

  // MARK: Cutting

  /// What stands at `start` of `bytes`.
  static func cut(_ bytes: [UInt8], from start: Int) -> WireCut {
    let count = bytes.count - start
    guard count >= 2 else { return .needMore }
    let mark = bytes[start]
    guard mark == 0x78 || mark == 0x79, bytes[start + 1] == mark else { return .garbage }
    let isLong = mark == 0x79
    guard count >= 4 else { return .needMore }
    let length = isLong ? Int(number16(bytes, start + 2)) : Int(bytes[start + 2])
    guard length >= 5, length <= 4_096 else { return .garbage }
    let size = length + (isLong ? 6 : 5)
    guard count >= size else { return .needMore }
    let end = start + size
    guard bytes[end - 2] == 0x0D, bytes[end - 1] == 0x0A else { return .garbage }
    let typeOffset = isLong ? 4 : 3
    return .frame(
      WireFrame(
        bytes: Array(bytes[start..<end]), type: bytes[start + typeOffset],
        serial: number16(bytes, end - 6), contentOffset: typeOffset + 1,
        isIntact: checksum(bytes, start + 2..<end - 4) == number16(bytes, end - 4)))
  }

  /// CRC-16/X-25: polynomial 8408 reflected, start FFFF, final xor FFFF.
  static func checksum(_ bytes: [UInt8], _ range: Range<Int>) -> UInt16 {
    var register: UInt16 = 0xFFFF
    for i in range {
      register ^= UInt16(bytes[i])
      for _ in 0..<8 {
        register = register & 1 == 1 ? register >> 1 ^ 0x8408 : register >> 1
      }
    }
    return ~register
  }

  static func number16(_ bytes: [UInt8], _ offset: Int) -> UInt16 {
    UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1])
  }

  static func number32(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
    UInt32(number16(bytes, offset)) << 16 | UInt32(number16(bytes, offset + 2))
  }
}

/// What the start of a byte stream is.
enum WireCut {
  case needMore
  /// The first byte belongs to no frame.
  case garbage
  case frame(WireFrame)
}

/// One whole frame.
struct WireFrame {
  var bytes: [UInt8]
  var type: UInt8
  var serial: UInt16
  var contentOffset: Int
  /// Whether its checksum is right.
  var isIntact: Bool

  var content: ArraySlice<UInt8> { bytes[contentOffset..<bytes.count - 6] }
}
