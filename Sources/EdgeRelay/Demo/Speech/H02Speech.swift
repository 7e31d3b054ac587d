// H02, text and binary in one session, without a login.
//
//   *HQ,<10 digits>,HTBT,100#                     heartbeat    -> the same
//   *HQ,<10 digits>,V1,<fix>,FFFFFBFF,<number>#   alarm        -> *HQ,<id>,V4,V1,<time>#
//   24 | id 5 | time 3 | date 3 | fix 17 | 3      position, 32 bytes; the last 3 carry the number
//   *HQ,<id>,S20,<number>,1,1#                    a command    -> *HQ,<id>,V4,S20,DONE,<number>#
//
// Nothing in a binary frame says how long it is. Its second byte is 41, the letter A.
// Source: device-families document, section 8.

extension Speech {
  static let h02 = Speech(
    name: "h02",
    login: nil,
    heartbeat: { H02.text($0.number, Text("HTBT,100")) },
    position: { speaker, sequence in
      let time: [UInt8] = [0x03, 0x04, 0x05, 0x02, 0x01, 0x26]
      let fix: [UInt8] = [
        0x22, 0x34, 0x40, 0x26, 0x00, 0x11, 0x35, 0x43, 0x27, 0x7E, 0x00, 0x00, 0x98, 0xFF, 0xE7,
        0xFB, 0xFF,
      ]
      var tag: [UInt8] = []
      WireBytes.append(sequence, to: &tag)
      return [0x24] + WireBytes.packed(Speaker.name(H02.prefix, speaker.number)) + time + fix
        + tag.dropFirst()
    },
    alarm: { speaker, sequence in
      var words = Text("V1,030405,A,2240.5518,N,11358.3238,E,0.00,0,020126,FFFFFBFF,")
      words.append(UInt64(sequence))
      return Alarm(bytes: H02.text(speaker.number, words), key: 0)
    },
    isAlarmNamed: false,
    commandReply: { speaker, flag in
      var words = Text("V4,S20,DONE,")
      words.append(UInt64(flag), digits: 6)
      return H02.text(speaker.number, words)
    },
    cutDown: { bytes, start in
      guard bytes.count > start else { return .needMore }
      return bytes[start] == 0x2A ? WireText.cut(bytes, from: start, through: 0x23) : .garbage
    },
    hear: { bytes in
      let fields = WireText.fields(bytes.dropLast(), 0x2C)
      guard fields.count >= 3 else { return .nonsense }
      if fields[2].spells("HTBT") { return .alive }
      if fields[2].spells("V4") { return fields.count == 5 ? .alarm(0) : .nonsense }
      guard fields[2].spells("S20"), fields.count == 6,
        let flag = WireText.number(fields[3][...])
      else { return .nonsense }
      return .command(UInt32(flag))
    },
    cutUp: { bytes, start in
      guard bytes.count > start else { return .needMore }
      if bytes[start] == 0x2A { return WireText.cut(bytes, from: start, through: 0x23) }
      guard bytes[start] == 0x24 else { return .garbage }
      return bytes.count >= start + H02.binaryByteCount
        ? .frame(byteCount: H02.binaryByteCount) : .needMore
    },
    read: { bytes in
      if bytes[0] == 0x24 {
        return Telling(
          content: .position(WireBytes.number32(bytes, 28) & 0xFF_FFFF),
          number: Speaker.number(of: WireBytes.digits(bytes[1..<6])[...], behind: H02.prefix))
      }
      let fields = WireText.fields(bytes.dropLast(), 0x2C)
      guard fields.count >= 4, let last = fields.last else { return Telling(content: .broken) }
      let tag = WireText.number(last[...]).map { UInt32($0) }
      let content: Telling.Content? =
        switch fields[2][0] {
        case 0x48: .heartbeat
        case 0x56 where fields[2][1] == 0x31: tag.map { .alarm($0) }
        case 0x56: tag.map { .commandReply($0) }
        default: .nonsense
        }
      return Telling(
        content: content ?? .broken, number: Speaker.number(of: fields[1][...], behind: H02.prefix))
    },
    answer: { bytes, _, _ in
      if bytes[0] == 0x24 { return [] }
      let fields = WireText.fields(bytes.dropLast(), 0x2C)
      if fields[2][0] == 0x48 { return bytes }
      guard fields[2].spells("V1") else { return [] }
      return fields[0] + [0x2C] + fields[1] + Text(",V4,V1,20260102030405#").bytes
    },
    command: { number, flag in
      var words = Text("S20,")
      words.append(UInt64(flag), digits: 6)
      words.append(",1,1")
      return H02.text(number, words)
    })
}

private enum H02 {
  static let prefix: Literal = "41"
  static let binaryByteCount = 32

  static func text(_ number: Int, _ words: Text) -> [UInt8] {
    Text("*HQ,").bytes + Speaker.name(prefix, number) + [0x2C] + words.bytes + [0x23]
  }
}
