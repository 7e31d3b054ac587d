// GT06 frames as the two ends of the demonstration build and cut them.
//
//   78 78 | LEN 1 | TYPE 1 | content | SERIAL 2 | CRC 2 | 0D 0A     size = LEN + 5
//   79 79 | LEN 2 | TYPE 1 | content | SERIAL 2 | CRC 2 | 0D 0A     size = LEN + 6
//
// LEN counts TYPE .. CRC. CRC-16/X-25 over LEN .. SERIAL, here bit by bit. Big-endian throughout.
// Source: device-families document, sections 3.2, 3.5 and 3.6.

/// Frame types and how frames are built and cut.
enum GT06Wire {
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

  // MARK: Building

  /// A short frame around `content`, at most 250 bytes.
  static func frame(_ type: UInt8, _ content: [UInt8], serial: UInt16) -> [UInt8] {
    precondition(content.count <= 250)
    var bytes: [UInt8] = [0x78, 0x78, UInt8(content.count + 5), type]
    bytes += content
    WireBytes.append(serial, to: &bytes)
    WireBytes.append(checksum(bytes, 2..<bytes.count), to: &bytes)
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
    WireBytes.append(flag, to: &content)
    content += text
    content += [0x00, 0x02]
    return frame(type, content, serial: serial)
  }

  /// The login of a tracker.
  static func loginFrame(_ number: Int, serial: UInt16) -> [UInt8] {
    frame(login, imei(number), serial: serial)
  }

  /// The eight bytes of a tracker's IMEI.
  static func imei(_ number: Int) -> [UInt8] {
    WireBytes.packed(Speaker.name("8990000", number))
  }

  /// The tracker whose IMEI stands in eight bytes.
  static func number(ofIMEI bytes: ArraySlice<UInt8>) -> Int? {
    Speaker.number(of: WireBytes.digits(bytes)[...], behind: "08990000")
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
    let length = isLong ? Int(WireBytes.number16(bytes, start + 2)) : Int(bytes[start + 2])
    guard length >= 5, length <= 4_096 else { return .garbage }
    let size = length + (isLong ? 6 : 5)
    guard count >= size else { return .needMore }
    let end = start + size
    guard bytes[end - 2] == 0x0D, bytes[end - 1] == 0x0A else { return .garbage }
    return .frame(byteCount: size)
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
}

/// One whole GT06 frame.
struct GT06Frame {
  let bytes: [UInt8]
  let type: UInt8
  let serial: UInt16
  /// Where the content begins.
  let contentOffset: Int

  /// A frame that `GT06Wire.cut` found; `nil` when its checksum is wrong.
  init?(_ bytes: [UInt8]) {
    let end = bytes.count
    guard GT06Wire.checksum(bytes, 2..<end - 4) == WireBytes.number16(bytes, end - 4) else {
      return nil
    }
    self.bytes = bytes
    contentOffset = bytes[0] == 0x79 ? 5 : 4
    type = bytes[contentOffset - 1]
    serial = WireBytes.number16(bytes, end - 6)
  }

  var content: ArraySlice<UInt8> { bytes[contentOffset..<bytes.count - 6] }

  /// The four bytes at an offset of the content; zero where it is shorter.
  func number32(_ offset: Int) -> UInt32 {
    content.count >= offset + 4 ? WireBytes.number32(bytes, contentOffset + offset) : 0
  }
}
