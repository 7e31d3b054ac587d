// JT/T 808: registration, then authentication with the code it gave; everything is answered by serial.
//
//   7E | escaped( id 2, properties 2, [version 1], terminal 6 or 10, serial 2, body, xor 1 ) | 7E
//
//   0100 register   -> 8100 with a code     0102 authenticate -> 8001, result 1 for a wrong code
//   0002 heartbeat  -> 8001                 0200 report       -> 8001
//   0201 position asked for, not answered   8300 text         -> 0001 with its serial
//
// A report's sequence number is its mileage, item 01. The platform has codes of its own, so that a
// session with the relay's code is refused.
// Source: device-families document, section 9.

extension Speech {
  static let jt808 = jt808("jt808", JT808Layout.old)
  static let jt808New = jt808("jt808-2019", JT808Layout.new)

  @inline(never)
  private static func jt808(_ name: Literal, _ layout: JT808Layout) -> Speech {
    Speech(
      name: name,
      login: { speaker in
        let isKnown = !speaker.code.isEmpty
        return layout.message(
          isKnown ? 0x0102 : 0x0100, speaker.number, speaker.nextSerial(),
          isKnown ? layout.authentication(speaker.code) : layout.registration)
      },
      heartbeat: { layout.message(0x0002, $0.number, $0.nextSerial(), []) },
      position: { speaker, sequence in
        layout.message(
          0x0201, speaker.number, speaker.nextSerial(), [0, 1] + JT808Layout.report(sequence))
      },
      alarm: { speaker, sequence in
        let serial = speaker.nextSerial()
        let bytes = layout.message(0x0200, speaker.number, serial, JT808Layout.report(sequence))
        return Alarm(bytes: bytes, key: UInt32(serial))
      },
      isAlarmNamed: true,
      commandReply: { speaker, flag in
        var body: [UInt8] = []
        WireBytes.append(UInt16(truncatingIfNeeded: flag), to: &body)
        return layout.message(
          0x0001, speaker.number, speaker.nextSerial(), body + [0x83, 0x00, 0x00])
      },
      cutDown: JT808Layout.cut,
      hear: { bytes in
        guard let message = JT808Parts(bytes, layout) else { return .nonsense }
        let body = message.body
        switch message.id {
        case 0x8100 where body.count > 3 && body[2] == 0: return .code(Array(body[3...]))
        case 0x8300: return .command(UInt32(message.serial))
        case 0x8001 where body.count == 5: break
        default: return .nonsense
        }
        switch WireBytes.number16(body, 2) {
        case 0x0102: return body[4] == 0 ? .welcome : .refusal
        case 0x0002: return .alive
        case 0x0200 where body[4] == 0: return .alarm(UInt32(WireBytes.number16(body, 0)))
        default: return .nonsense
        }
      },
      cutUp: JT808Layout.cut,
      read: { bytes in
        guard let message = JT808Parts(bytes, layout) else { return Telling(content: .broken) }
        let body = message.body
        let tag = body.count >= 4 ? WireBytes.number32(body, body.count - 4) : 0
        let content: Telling.Content =
          switch message.id {
          case 0x0100: .registration
          case 0x0102: .authentication(layout.code(in: body))
          case 0x0002: .heartbeat
          case 0x0200: .alarm(tag)
          case 0x0201: .position(tag)
          case 0x0001 where body.count == 5: .commandReply(UInt32(WireBytes.number16(body, 0)))
          default: .nonsense
          }
        return Telling(content: content, number: message.number)
      },
      answer: { bytes, isWelcome, _ in
        guard let message = JT808Parts(bytes, layout), let number = message.number else {
          return []
        }
        var body: [UInt8] = []
        WireBytes.append(message.serial, to: &body)
        switch message.id {
        case 0x0100:
          body += [0x00] + JT808Layout.code(of: number)
          return layout.message(0x8100, number, 0, body)
        case 0x0102, 0x0002, 0x0200:
          WireBytes.append(message.id, to: &body)
          WireBytes.append(isWelcome ? 0 : 1 as UInt8, to: &body)
          return layout.message(0x8001, number, 0, body)
        default: return []
        }
      },
      command: { number, flag in
        let text = Text("CXZT").bytes
        return layout.message(
          0x8300, number, UInt16(truncatingIfNeeded: flag), [0x07] + text)
      })
  }
}

/// How messages of one edition are written.
struct JT808Layout: Sendable {
  static let old = JT808Layout(isNew: false)
  static let new = JT808Layout(isNew: true)

  /// Whether the header has a version, and ten bytes for the terminal number.
  let isNew: Bool

  var prefix: Literal { isNew ? "000008990000" : "0139" }

  func message(_ id: UInt16, _ number: Int, _ serial: UInt16, _ body: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    WireBytes.append(id, to: &bytes)
    WireBytes.append(UInt16(body.count) | (isNew ? 0x4000 : 0), to: &bytes)
    if isNew { WireBytes.append(1 as UInt8, to: &bytes) }
    bytes += WireBytes.packed(Speaker.name(prefix, number))
    WireBytes.append(serial, to: &bytes)
    bytes += body
    WireBytes.append(bytes.reduce(0) { $0 ^ $1 } as UInt8, to: &bytes)
    var wire: [UInt8] = [0x7E]
    for byte in bytes {
      switch byte {
      case 0x7E: wire += [0x7D, 0x02]
      case 0x7D: wire += [0x7D, 0x01]
      default: WireBytes.append(byte, to: &wire)
      }
    }
    return wire + [0x7E]
  }

  @inline(never)
  var registration: [UInt8] {
    let places: [UInt8] = [0x00, 0x2C, 0x01, 0x2F]
    return places + [UInt8](repeating: 0x37, count: isNew ? 71 : 20) + [0x01]
      + Text("B88888").bytes
  }

  @inline(never)
  func authentication(_ code: [UInt8]) -> [UInt8] {
    if !isNew { return code }
    return [UInt8(code.count)] + code + [UInt8](repeating: 0x30, count: 15)
      + [UInt8](repeating: 0x31, count: 20)
  }

  func code(in body: [UInt8]) -> [UInt8] {
    if !isNew { return body }
    guard let count = body.first, body.count > Int(count) else { return [] }
    return Array(body[1...Int(count)])
  }

  /// The code that the platform gives a device.
  static func code(of number: Int) -> [UInt8] { Speaker.name("PLATFORM", number) }

  /// Alarm and status, coordinates, height, speed, course, time, mileage.
  static func report(_ sequence: UInt32) -> [UInt8] {
    let bytes: [UInt8] = [
      0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x03, 0x02, 0x06, 0xCD, 0x1F, 0x06, 0xC4, 0x00,
      0x00,
      0x00, 0x12, 0x00, 0x00, 0x00, 0x5A, 0x26, 0x01, 0x02, 0x03, 0x04, 0x05, 0x01, 0x04,
    ]
    var mileage: [UInt8] = []
    WireBytes.append(sequence, to: &mileage)
    return bytes + mileage
  }

  @Sendable static func cut(_ bytes: [UInt8], _ start: Int) -> WireCut {
    guard bytes.count > start else { return .needMore }
    guard bytes[start] == 0x7E else { return .garbage }
    guard let end = bytes[(start + 1)...].firstIndex(of: 0x7E) else { return .needMore }
    return .frame(byteCount: end + 1 - start)
  }
}

/// One message, unescaped.
private struct JT808Parts {
  let id: UInt16
  /// The tracker it is of or for, if it is one of ours.
  let number: Int?
  let serial: UInt16
  let body: [UInt8]

  /// `nil` when checksum, length or edition are wrong.
  init?(_ wire: [UInt8], _ layout: JT808Layout) {
    var bytes: [UInt8] = []
    var isEscaped = false
    for byte in wire.dropFirst().dropLast() {
      if isEscaped {
        WireBytes.append(byte == 0x02 ? 0x7E : 0x7D as UInt8, to: &bytes)
      } else if byte != 0x7D {
        WireBytes.append(byte, to: &bytes)
      }
      isEscaped = !isEscaped && byte == 0x7D
    }
    let header = layout.isNew ? 17 : 12
    guard bytes.count > header, bytes.reduce(0, { $0 ^ $1 }) == 0 else { return nil }
    let properties = WireBytes.number16(bytes, 2)
    guard (properties & 0x4000 != 0) == layout.isNew,
      Int(properties & 0x03FF) == bytes.count - header - 1
    else { return nil }
    id = WireBytes.number16(bytes, 0)
    number = Speaker.number(
      of: WireBytes.digits(bytes[(layout.isNew ? 5 : 4)..<header - 2])[...], behind: layout.prefix)
    serial = WireBytes.number16(bytes, header - 2)
    body = Array(bytes[header..<bytes.count - 1])
  }
}
