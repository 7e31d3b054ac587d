// Topin: GT06's marks without serial and checksum; answers repeat the time of a position.
//
//   78 78 | LEN 1 | TYPE 1 | content | 0D 0A       LEN is 0D in logins, and counts the content in 08-11
//
// A position is answered by its time alone, so its time is its sequence number: seconds since midnight.
// Source: device-families document, section 4.

extension Speech {
  static let topin = Speech(
    name: "topin",
    login: { Topin.mark(0x0D, 0x01) + GT06Wire.imei($0.number) + [0x28, 0x0D, 0x0A] },
    heartbeat: { _ in
      Topin.mark(0x08, 0x13) + [0x00, 0x42, 0x52, 0x28, 0x08, 0x7F, 0x01, 0x0D, 0x0A]
    },
    position: { Topin.fix(0x08, $1) },
    alarm: { Alarm(bytes: Topin.fix(0x10, $1), key: $1 % Topin.timeCount) },
    isAlarmNamed: true,
    commandReply: { Topin.mark(0x03, 0x98) + Topin.interval($1) },
    cutDown: { bytes, start in
      guard bytes.count >= start + 4 else { return .needMore }
      guard bytes[start] == 0x78, bytes[start + 1] == 0x78 else { return .garbage }
      let size =
        switch bytes[start + 3] {
        case 0x01, 0x13: 6
        case 0x10: 12
        case 0x97, 0x98: 8
        default: 0
        }
      if size == 0 { return .garbage }
      return bytes.count >= start + size ? .frame(byteCount: size) : .needMore
    },
    hear: { bytes in
      guard WireBytes.endsLine(bytes) else { return .nonsense }
      return switch (bytes[2], bytes[3]) {
      case (0x01, 0x01): .welcome
      case (0x01, 0x13): .alive
      case (0x00, 0x10): Topin.key(bytes).map { .alarm($0) } ?? .nonsense
      case (0x03, 0x97): .command(UInt32(WireBytes.number16(bytes, 4)))
      case (0x03, 0x98): .courtesy
      default: .nonsense
      }
    },
    cutUp: { bytes, start in
      guard bytes.count >= start + 4 else { return .needMore }
      guard bytes[start] == 0x78, bytes[start + 1] == 0x78 else { return .garbage }
      let size =
        switch bytes[start + 3] {
        case 0x01: 15
        case 0x08, 0x10: 24
        case 0x13: 13
        case 0x98: 8
        default: 0
        }
      if size == 0 { return .garbage }
      return bytes.count >= start + size ? .frame(byteCount: size) : .needMore
    },
    read: { bytes in
      guard WireBytes.endsLine(bytes) else { return Telling(content: .broken) }
      return switch bytes[3] {
      case 0x01: Telling(content: .login, number: GT06Wire.number(ofIMEI: bytes[4..<12]))
      case 0x08: Telling(content: .position(WireBytes.sequence(bytes, at: 11)))
      case 0x10: Telling(content: .alarm(WireBytes.sequence(bytes, at: 11)))
      case 0x13: Telling(content: .heartbeat)
      default: Telling(content: .commandReply(UInt32(WireBytes.number16(bytes, 4))))
      }
    },
    answer: { bytes, _, _ in
      switch bytes[3] {
      case 0x01, 0x13: Topin.mark(0x01, bytes[3]) + [0x0D, 0x0A]
      case 0x10: Topin.mark(0x00, 0x10) + bytes[4..<10] + [0x0D, 0x0A]
      case 0x98: bytes
      default: []
      }
    },
    command: { Topin.mark(0x03, 0x97) + Topin.interval($1) })
}

private enum Topin {
  /// Times of a day.
  static let timeCount: UInt32 = 86_400

  static func mark(_ length: UInt8, _ type: UInt8) -> [UInt8] { [0x78, 0x78, length, type] }

  /// A position: time, satellites, coordinates, speed, course.
  static func fix(_ type: UInt8, _ sequence: UInt32) -> [UInt8] {
    let second = sequence % timeCount
    let time: [UInt8] = [
      0x1A, 0x01, 0x02, UInt8(second / 3_600), UInt8(second / 60 % 60), UInt8(second % 60),
    ]
    return mark(0x12, type) + time + [0x9C] + WireBytes.coordinates(sequence)
      + [0x1F, 0x34, 0x60, 0x0D, 0x0A]
  }

  /// The time of day in an answer.
  static func key(_ bytes: [UInt8]) -> UInt32? {
    guard bytes[4] == 0x1A, bytes[5] == 0x01, bytes[6] == 0x02 else { return nil }
    return UInt32(bytes[7]) * 3_600 + UInt32(bytes[8]) * 60 + UInt32(bytes[9])
  }

  static func interval(_ flag: UInt32) -> [UInt8] {
    var bytes: [UInt8] = []
    WireBytes.append(UInt16(truncatingIfNeeded: flag), to: &bytes)
    return bytes + [0x0D, 0x0A]
  }
}
