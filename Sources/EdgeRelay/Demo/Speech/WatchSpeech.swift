// Watches: text in brackets, with the length of the content in four hex digits.
//
//   [3G*<10 digits>*<LEN>*LK]                       login and heartbeat   -> the same
//   [3G*<10 digits>*<LEN>*UD,<fix>,<number>,...]    position
//   [3G*<10 digits>*<LEN>*AL,<fix>,<number>,...]    alarm                 -> AL
//   [ZJ*<15 digits>*<INDEX>*<LEN>*...]              units that number their frames; INIT logs in
//   [3G*<10 digits>*<LEN>*UPLOAD,<number>]          a command, repeated as its own answer
//
// The first kind is vague about lengths: it says three too few, as real units do.
// Source: device-families document, section 10.

extension Speech {
  static let watch = Speech(
    name: "watch",
    login: { Watch.frame($0.number, "LK") },
    heartbeat: { Watch.frame($0.number, "LK") },
    position: { Watch.frame($0.number, Watch.report("UD,", $1)) },
    alarm: { Alarm(bytes: Watch.frame($0.number, Watch.report("AL,", $1)), key: 0) },
    isAlarmNamed: false,
    commandReply: { speaker, flag in
      var words = Text("UPLOAD,")
      words.append(UInt64(flag))
      return Watch.frame(speaker.number, words)
    },
    cutDown: Watch.cut,
    hear: { Watch.hear(Watch.parts($0), key: 0) },
    cutUp: Watch.cut,
    read: { bytes in
      let parts = Watch.parts(bytes)
      guard parts.count == 4 else { return Telling(content: .broken) }
      return Telling(
        content: Watch.content(parts[3]), number: Speaker.number(of: parts[1][...], behind: "88"))
    },
    answer: { bytes, _, _ in
      let parts = Watch.parts(bytes)
      guard let word = parts.last?.parts(at: 0x2C).first else { return [] }
      return Watch.bracketed(
        [parts[0], parts[1], Watch.length(word.count), word])
    },
    command: { number, flag in
      var words = Text("UPLOAD,")
      words.append(UInt64(flag))
      return Watch.bracketed([
        Text("3G").bytes, Speaker.name("88", number), Watch.length(words.count), words.bytes,
      ])
    })

  static let watchZJ = Speech(
    name: "watch-zj",
    login: { Watch.numbered(&$0, "INIT,13305086666,0,T15") },
    heartbeat: { Watch.numbered(&$0, "LK,0,0,99") },
    position: { Watch.numbered(&$0, Watch.report("UD,", $1)) },
    alarm: { speaker, sequence in
      let bytes = Watch.numbered(&speaker, Watch.report("AL,", sequence))
      return Alarm(bytes: bytes, key: UInt32(speaker.serial))
    },
    isAlarmNamed: true,
    commandReply: { speaker, flag in
      var words = Text("UPLOAD,")
      words.append(UInt64(flag))
      return Watch.numbered(&speaker, words)
    },
    cutDown: Watch.cut,
    hear: { bytes in
      let parts = Watch.parts(bytes)
      guard parts.count == 5, let index = WireText.hexNumber(parts[2][...]) else {
        return .nonsense
      }
      return Watch.hear(parts, key: index)
    },
    cutUp: Watch.cut,
    read: { bytes in
      let parts = Watch.parts(bytes)
      guard parts.count == 5, WireText.hexNumber(parts[3][...]) == UInt32(parts[4].count) else {
        return Telling(content: .broken)
      }
      return Telling(
        content: Watch.content(parts[4]),
        number: Speaker.number(of: parts[1][...], behind: "0141110"))
    },
    answer: { bytes, _, _ in
      let parts = Watch.parts(bytes)
      guard let word = parts.last?.parts(at: 0x2C).first else { return [] }
      let said = word + (word.first == 0x49 ? Text(",1").bytes : [])
      return Watch.bracketed([parts[0], parts[1], parts[2], Watch.length(said.count), said])
    },
    command: { number, flag in
      var words = Text("UPLOAD,")
      words.append(UInt64(flag))
      return Watch.bracketed([
        Text("ZJ").bytes, Speaker.name("0141110", number), Text("0001").bytes,
        Watch.length(words.count), words.bytes,
      ])
    })
}

private enum Watch {
  static func bracketed(_ parts: [[UInt8]]) -> [UInt8] {
    var bytes: [UInt8] = [0x5B]
    for (i, part) in parts.enumerated() { bytes += i == 0 ? part : [0x2A] + part }
    return bytes + [0x5D]
  }

  static func length(_ count: Int) -> [UInt8] {
    var text = Text()
    text.append(hex: UInt8(count >> 8))
    text.append(hex: UInt8(count & 0xFF))
    return text.bytes
  }

  static func frame(_ number: Int, _ content: Text) -> [UInt8] {
    let isLong = content.count > 3
    return bracketed([
      Text("3G").bytes, Speaker.name("88", number), length(content.count - (isLong ? 3 : 0)),
      content.bytes,
    ])
  }

  static func frame(_ number: Int, _ content: Literal) -> [UInt8] {
    frame(number, Text(content))
  }

  static func numbered(_ speaker: inout Speaker, _ content: Text) -> [UInt8] {
    bracketed([
      Text("ZJ").bytes, Speaker.name("0141110", speaker.number),
      length(Int(speaker.nextSerial())), length(content.count), content.bytes,
    ])
  }

  static func numbered(_ speaker: inout Speaker, _ content: Literal) -> [UInt8] {
    numbered(&speaker, Text(content))
  }

  /// The number of steps is the report's.
  static func report(_ word: Literal, _ sequence: UInt32) -> Text {
    var text = Text(word)
    text.append("020126,030405,A,22.570733,N,113.8626083,E,0.00,249.5,0.0,6,100,60,")
    text.append(UInt64(sequence))
    text.append(",0,00000010,0,0")
    return text
  }

  @Sendable static func cut(_ bytes: [UInt8], _ start: Int) -> WireCut {
    guard bytes.count > start else { return .needMore }
    return bytes[start] == 0x5B ? WireText.cut(bytes, from: start, through: 0x5D) : .garbage
  }

  /// What stands between the asterisks.
  static func parts(_ bytes: [UInt8]) -> [[UInt8]] {
    WireText.fields(bytes.dropFirst().dropLast(), 0x2A)
  }

  static func hear(_ parts: [[UInt8]], key: UInt32) -> Heard {
    guard parts.count >= 4, let content = parts.last,
      WireText.hexNumber(parts[parts.count - 2][...]) == UInt32(content.count)
    else { return .nonsense }
    if content.spells("LK") || content.spells("INIT,1") { return .welcome }
    if content.spells("AL") { return .alarm(key) }
    let fields = content.parts(at: 0x2C)
    guard fields.count == 2, fields[0].spells("UPLOAD"),
      let flag = WireText.number(fields[1][...])
    else { return .nonsense }
    return .command(UInt32(flag))
  }

  static func content(_ content: [UInt8]) -> Telling.Content {
    let fields = content.parts(at: 0x2C)
    guard let word = fields.first else { return .broken }
    if word.spells("LK") || word.spells("INIT") { return .login }
    if word.spells("UPLOAD"), fields.count == 2, let flag = WireText.number(fields[1][...]) {
      return .commandReply(UInt32(flag))
    }
    guard fields.count == 19, let tag = WireText.number(fields[14][...]).map({ UInt32($0) }) else {
      return .broken
    }
    return word.spells("UD") ? .position(tag) : .alarm(tag)
  }
}
