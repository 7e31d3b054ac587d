// TK103 with parentheses. The field behind the parenthesis names newer units; in older ones it is a
// running number, and only the login says who speaks.
//
//   (<field 12>BP05<IMEI 15><fix>)      login         -> (<field>AP05)
//   (<field 12>BP00<IMEI 15>HSO)        heartbeat     -> (<field>AP01HSO), opens a session too
//   (<field 12>BR00<fix>)               position
//   (<field 12>BO01<code><fix>)         alarm         -> (<field>AS01<code>)
//
// A report's sequence number is the odometer at the end of the fix, an alarm's code the number modulo
// seven.
// Source: device-families document, section 6.

extension Speech {
  /// Units whose field is `0` and the end of their IMEI.
  static let tk103 = paren("tk103", TK103.field)

  /// Units whose field is another one in every frame.
  static let tk103Old = paren("tk103-old") { speaker in
    var text = Text("2601")
    text.append(UInt64(speaker.nextSerial()), digits: 8)
    return text.bytes
  }

  @inline(never)
  private static func paren(
    _ name: Literal, _ field: @escaping @Sendable (inout Speaker) -> [UInt8]
  ) -> Speech {
    Speech(
      name: name,
      login: { TK103.frame(field(&$0), "BP05", TK103.imei($0.number) + TK103.fix(0)) },
      heartbeat: { TK103.frame(field(&$0), "BP00", TK103.imei($0.number) + Text("HSO").bytes) },
      position: { TK103.frame(field(&$0), "BR00", TK103.fix($1)) },
      alarm: { speaker, sequence in
        let code = UInt8(sequence % 7)
        return Alarm(
          bytes: TK103.frame(field(&speaker), "BO01", [0x30 + code] + TK103.fix(sequence)),
          key: UInt32(code))
      },
      isAlarmNamed: true,
      commandReply: { speaker, flag in
        var text = Text()
        text.append(UInt64(flag), digits: 8)
        return TK103.frame(field(&speaker), "BR05", text.bytes)
      },
      cutDown: TK103.cut,
      hear: { bytes in
        let body = bytes.dropFirst(17).dropLast()
        switch TK103.word(bytes) {
        case 0x4150_3035 where body.isEmpty: return .welcome
        case 0x4150_3031 where Array(body).spells("HSO"): return .alive
        case 0x4153_3031: return WireText.number(body).map { .alarm(UInt32($0)) } ?? .nonsense
        case 0x4152_3030: return WireText.number(body).map { .command(UInt32($0)) } ?? .nonsense
        default: return .nonsense
        }
      },
      cutUp: TK103.cut,
      read: { bytes in
        let body = Array(bytes.dropFirst(17).dropLast())
        // Older units: nobody, where the field is a running number.
        let named = Speaker.number(of: bytes[1..<13], behind: "0000")
        switch TK103.word(bytes) {
        case 0x4250_3035, 0x4250_3030:
          return Telling(
            content: .login, number: Speaker.number(of: body.prefix(15), behind: "8990000"))
        case 0x4252_3030:
          return Telling(
            content: TK103.sequence(body).map { .position($0) } ?? .broken, number: named)
        case 0x424F_3031:
          return Telling(content: TK103.sequence(body).map { .alarm($0) } ?? .broken, number: named)
        case 0x4252_3035:
          let flag = WireText.number(body[...]).map { UInt32($0) }
          return Telling(content: flag.map { .commandReply($0) } ?? .broken, number: named)
        default: return Telling(content: .nonsense, number: named)
        }
      },
      answer: { bytes, _, _ in
        let field = Array(bytes[1..<13])
        switch TK103.word(bytes) {
        case 0x4250_3035: return TK103.frame(field, "AP05", [])
        case 0x4250_3030: return TK103.frame(field, "AP01", Text("HSO").bytes)
        case 0x424F_3031: return TK103.frame(field, "AS01", [bytes[17]])
        default: return []
        }
      },
      command: { number, flag in
        var text = Text()
        text.append(UInt64(flag), digits: 8)
        return TK103.frame(Speaker.name("0000", number), "AR00", text.bytes)
      })
  }
}

private enum TK103 {
  @Sendable static func field(_ speaker: inout Speaker) -> [UInt8] {
    Speaker.name("0000", speaker.number)
  }

  static func imei(_ number: Int) -> [UInt8] { Speaker.name("8990000", number) }

  static func frame(_ field: [UInt8], _ word: Literal, _ body: [UInt8]) -> [UInt8] {
    [0x28] + field + Text(word).bytes + body + [0x29]
  }

  @Sendable static func cut(_ bytes: [UInt8], _ start: Int) -> WireCut {
    guard bytes.count > start else { return .needMore }
    return bytes[start] == 0x28 ? WireText.cut(bytes, from: start, through: 0x29) : .garbage
  }

  /// The four letters behind the field, as a number; zero where the frame is too short.
  static func word(_ frame: [UInt8]) -> UInt32 {
    frame.count >= 18 ? WireBytes.number32(frame, 13) : 0
  }

  static func fix(_ sequence: UInt32) -> [UInt8] {
    var text = Text("260102A2234.0297N11405.9101E000.0030405248.6700000000L")
    for shift in [24, 16, 8, 0] { text.append(hex: UInt8(truncatingIfNeeded: sequence >> shift)) }
    return text.bytes
  }

  static func sequence(_ body: [UInt8]) -> UInt32? {
    guard let place = body.lastIndex(of: 0x4C) else { return nil }
    return WireText.hexNumber(body[(place + 1)...])
  }
}
