// Coban GPS103: text that ends with a semicolon, and answers that end with nothing.
//
//   ##,imei:<15>,A;                         login        -> LOAD
//   <15>;                                   heartbeat    -> ON
//   imei:<15>,tracker,<time>,<phone>,...;   position
//   imei:<15>,help me,<time>,<phone>,...;   alarm        -> **,imei:<15>,E; from the relay
//   **,imei:<15>,C,<number>s;               a command    -> imei:<15>,kt,<time>,<number>,...;
//
// A report's sequence number stands in its phone number. Servers differ in whether they answer an
// alarm; this platform does not, because what it answered would reach the device as a command.
// Source: device-families document, section 7.

extension Speech {
  static let coban = Speech(
    name: "coban",
    login: { Coban.frame("##,imei:", $0.number, ",A;") },
    heartbeat: { Coban.frame("", $0.number, ";") },
    position: { Coban.report($0.number, ",tracker,", $1) },
    alarm: { Alarm(bytes: Coban.report($0.number, ",help me,", $1), key: 0) },
    isAlarmNamed: false,
    commandReply: { Coban.report($0.number, ",kt,", $1) },
    cutDown: { bytes, start in
      guard bytes.count > start else { return .needMore }
      switch WireText.has("LOAD", in: bytes, at: start) {
      case true?: return .frame(byteCount: 4)
      case nil: return .needMore
      case false?: break
      }
      switch WireText.has("ON", in: bytes, at: start) {
      case true?: return .frame(byteCount: 2)
      case nil: return .needMore
      case false?: break
      }
      return bytes[start] == 0x2A ? WireText.cut(bytes, from: start, through: 0x3B) : .garbage
    },
    hear: { bytes in
      if bytes.count == 4 { return .welcome }
      if bytes.count == 2 { return .alive }
      let fields = WireText.fields(bytes.dropLast(), 0x2C)
      guard fields.count >= 3 else { return .nonsense }
      if fields[2].spells("E") { return .alarm(0) }
      guard fields.count == 4, fields[2].spells("C"),
        let flag = WireText.number(fields[3].dropLast())
      else { return .nonsense }
      return .command(UInt32(flag))
    },
    cutUp: { bytes, start in
      guard bytes.count > start else { return .needMore }
      let isStart =
        bytes[start] == 0x23 || bytes[start] == 0x69
        || bytes[start] >= 0x30 && bytes[start] <= 0x39
      return isStart ? WireText.cut(bytes, from: start, through: 0x3B) : .garbage
    },
    read: { bytes in
      let fields = WireText.fields(bytes.dropLast(), 0x2C)
      if fields.count == 1 {
        return Telling(
          content: .heartbeat, number: Speaker.number(of: fields[0][...], behind: Coban.prefix))
      }
      if bytes[0] == 0x23 {
        return Telling(
          content: .login, number: Speaker.number(of: fields[1].dropFirst(5), behind: Coban.prefix))
      }
      let number = Speaker.number(of: fields[0].dropFirst(5), behind: Coban.prefix)
      guard fields.count >= 4, let tag = WireText.number(fields[3][...]).map({ UInt32($0) }) else {
        return Telling(content: .broken)
      }
      let content: Telling.Content =
        switch fields[1].first {
        case 0x74: .position(tag)
        case 0x68: .alarm(tag)
        case 0x6B: .commandReply(tag)
        default: .nonsense
        }
      return Telling(content: content, number: number)
    },
    answer: { bytes, _, _ in
      switch bytes[0] {
      case 0x23: Text("LOAD").bytes
      case 0x69: []
      default: Text("ON").bytes
      }
    },
    command: { number, flag in
      var text = Text("**,imei:")
      text.append(Speaker.name(Coban.prefix, number))
      text.append(",C,", UInt64(flag))
      text.append("s;")
      return text.bytes
    })
}

private enum Coban {
  static let prefix: Literal = "8990000"

  static func frame(_ start: Literal, _ number: Int, _ end: Literal) -> [UInt8] {
    Text(start).bytes + Speaker.name(prefix, number) + Text(end).bytes
  }

  static func report(_ number: Int, _ keyword: Literal, _ tag: UInt32) -> [UInt8] {
    var text = Text()
    text.append(frame("imei:", number, keyword))
    text.append("260102030405,")
    text.append(UInt64(tag), digits: 10)
    text.append(",F,030405.000,A,2234.4026,N,11354.3277,E,0.00,;")
    return text.bytes
  }
}
