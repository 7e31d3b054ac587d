// TK103, parentheses: Haicom, VjoyCar and clones.
//
//   (<field><command><body>)         field 11 to 15 characters, command B, a letter and two digits
//   (<digits>,<command>,<body>)      the comma form: 11 to 15 digits, ZC.., DW.., BP05
//   [begin]..[end]                   what a comma-form device is told, downlink only
//
// Text between `$` may contain `)` and line ends: a `)` ends the frame only where the number of `$`
// before it is even. There is no checksum and no escape.
//
// The field is a trap. Newer firmware writes `0` and the last eleven digits of the IMEI, always the
// same. Old firmware writes a running number or the time, and says who it is only in the body of
// BP05 and BP00, as fifteen digits. So where those end like the field, the field is the name, which
// the unit also has when it begins with another frame; where they do not, they are the name
// themselves. A field that is an IMEI is a name; any other names a session that has none yet.
// Answers repeat the field as it came.
//
// BP05 is the login and holds a position, so it is kept and stored.
// Ties: none known within the 21 bytes that decide. JT/T 808 padlocks send `(` texts, but only in
// sessions of that family.
// Known limit: BP05 in the comma form is not answered, as servers leave it.
// Source: device-families document, section 6.

/// The TK103 protocol with parentheses.
public enum TK103 {
  static let row = ProtocolRow(
    name: "tk103",
    notes: {
      ProtocolNotes(
        title: "TK103 (parentheses; Haicom, VjoyCar)",
        soldAs: "TK103, TK103-2B, GT02A and GT06 labels, VjoyCar units",
        start: "( and 11 to 15 characters",
        identity: """
          fifteen digits in the body of BP05 and BP00, else the field after the parenthesis; frames \
          of old firmware belong to the session
          """,
        transports: "TCP; UDP, where old firmware belongs to whoever the source address named last",
        limits: """
          Old firmware that does not repeat BP05 after a reconnection is known by its running number.
          """)
    },
    frameBytesMax: Limits.tk103FrameBytesMax,
    head: .optional,
    defaultPolicy: .minimal,
    probe: probe, cut: cut, facts: facts, answer: answer, downCut: downCut,
    downMeaning: downMeaning)

  private static let fieldCounts = 11...15
  private static let commandByteCount = 4

  // MARK: Detection

  static func probe(_ bytes: Span<UInt8>, _ silence: Silence) -> ProbeAnswer {
    guard bytes.count > 0 else { return .needMore(total: 1) }
    guard bytes[0] == 0x28 else { return .no }
    var mayFollow = false
    for count in fieldCounts {
      let plain = match(bytes, count, isComma: false, 0x42)
      let comma = match(bytes, count, isComma: true, 0x42)
      if plain == .whole || comma == .whole { return .yes(.certain) }
      if plain == .partial || comma == .partial { mayFollow = true }
    }
    return mayFollow ? .needMore(total: bytes.count + 1) : .no
  }

  private enum Match { case no, partial, whole }

  /// Whether a field of `fieldCount` characters and a command follow the parenthesis; commands of
  /// the plain form begin with `letter`.
  private static func match(
    _ bytes: Span<UInt8>, _ fieldCount: Int, isComma: Bool, _ letter: UInt8
  ) -> Match {
    let end = isComma ? fieldCount + 7 : fieldCount + 5
    for i in 1..<end {
      guard i < bytes.count else { return .partial }
      let byte = bytes[i]
      if i <= fieldCount {
        let fits =
          isComma
          ? isDigit(byte)
          : byte != 0x28 && byte != 0x29 && byte != 0x2C && byte != 0x0D && byte != 0x0A
        if !fits { return .no }
        continue
      }
      let place = i - fieldCount - 1
      let fits =
        isComma
        ? fitsCommaCommand(byte, place)
        : place == 0 ? byte == letter : place == 1 ? isCapital(byte) : isDigit(byte)
      if !fits { return .no }
    }
    return .whole
  }

  /// `,`, two capitals, a digit, a digit or capital, `,` or `)`.
  private static func fitsCommaCommand(_ byte: UInt8, _ place: Int) -> Bool {
    switch place {
    case 0: byte == 0x2C
    case 1, 2: isCapital(byte)
    case 3: isDigit(byte)
    case 4: isDigit(byte) || isCapital(byte)
    default: byte == 0x2C || byte == 0x29
    }
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
  private static func isCapital(_ byte: UInt8) -> Bool { byte >= 0x41 && byte <= 0x5A }

  // MARK: Framing

  static func cut(_ bytes: Span<UInt8>, _ silence: Silence) -> Cut {
    let padding = bytes.paddingCount()
    if padding > 0 { return .skip(byteCount: padding, .padding) }
    if bytes.count == 0 { return .needMore(total: 1) }
    if bytes[0] != 0x28 { return skipTo(0x28, bytes) }
    return cutParentheses(bytes, silence)
  }

  private static func cutParentheses(_ bytes: Span<UInt8>, _ silence: Silence) -> Cut {
    var isInText = false
    for i in 1..<max(1, min(bytes.count, Limits.tk103FrameBytesMax)) {
      if bytes[i] == 0x24 { isInText.toggle() }
      if bytes[i] == 0x29, !isInText { return .frame(byteCount: i + 1, []) }
    }
    let isOver = bytes.count >= Limits.tk103FrameBytesMax || silence == .long
    return isOver ? skipTo(0x28, bytes) : .needMore(total: bytes.count + 1)
  }

  private static func skipTo(_ mark: UInt8, _ bytes: Span<UInt8>) -> Cut {
    .skip(byteCount: bytes.place(of: mark, from: 1) ?? bytes.count, .garbage)
  }

  // MARK: Facts

  /// The commands that are answered; their numbers are the types of answers.
  private enum Message: UInt16 {
    case login = 1
    case handshake, alarm
    case other = 0x80
  }

  /// Where field, command and body of a frame stand.
  private struct Parts {
    var fieldCount: Int
    var command: Int
    var body: Int
    var isComma: Bool

    /// Looks for a command that begins with `letter`, behind twelve characters first.
    static func read(_ frame: Span<UInt8>, _ letter: UInt8) -> Parts? {
      for attempt in 0..<fieldCounts.count {
        let count = attempt == 0 ? 12 : attempt == 1 ? 11 : 11 + attempt
        if match(frame, count, isComma: false, letter) == .whole {
          return Parts(fieldCount: count, command: count + 1, body: count + 5, isComma: false)
        }
        if match(frame, count, isComma: true, letter) == .whole {
          return Parts(fieldCount: count, command: count + 2, body: count + 6, isComma: true)
        }
      }
      return nil
    }
  }

  static func facts(_ frame: Span<UInt8>) -> FrameFacts {
    guard let parts = Parts.read(frame, 0x42) else {
      return FrameFacts(
        kind: .unknown, answer: .never, replay: .forward,
        key: AnswerKey(type: Message.other.rawValue, serial: 0))
    }
    var facts = facts(frame, parts)
    let opens = frame.hasText("BP05", at: parts.command) || frame.hasText("BP00", at: parts.command)
    let hasNumber = opens && !parts.isComma && frame.digitCount(at: parts.body) >= 15
    let isRepeated = opens && repeatsField(frame, parts)
    if hasNumber, !endsAlike(frame, parts) {
      facts.identity = DeviceIdentity(.tk103, .ascii, frame, at: parts.body, count: 15)
    } else {
      facts.identity = DeviceIdentity(.tk103, .ascii, frame, at: 1, count: parts.fieldCount)
      let isIMEI = parts.fieldCount == 15 && frame.digitCount(at: 1) >= 15
      let isNumber = isIMEI || parts.isComma || hasNumber || isRepeated
      facts.naming = isNumber ? .certain : .provisional
    }
    return facts
  }

  /// Whether the body begins with the field: a running number would not be said twice.
  private static func repeatsField(_ frame: Span<UInt8>, _ parts: Parts) -> Bool {
    guard parts.body + parts.fieldCount <= frame.count else { return false }
    for i in 0..<parts.fieldCount where frame[parts.body + i] != frame[1 + i] { return false }
    return true
  }

  /// Whether the field ends like the fifteen digits in the body: eleven characters, but for the last,
  /// because some units write a zero for the check digit.
  private static func endsAlike(_ frame: Span<UInt8>, _ parts: Parts) -> Bool {
    for i in 2...11 where frame[parts.command - i] != frame[parts.body + 15 - i] { return false }
    return true
  }

  private static func facts(_ frame: Span<UInt8>, _ parts: Parts) -> FrameFacts {
    let at = parts.command
    if parts.isComma {
      return FrameFacts(.position, .never, .forward, type: Message.other.rawValue)
    }
    if frame.hasText("BP05", at: at) {
      return FrameFacts(.position, .required, .forward, type: Message.login.rawValue, head: .login)
    }
    if frame.hasText("BP00", at: at) {
      return FrameFacts(
        .heartbeat, .required, .expires, type: Message.handshake.rawValue, head: .login)
    }
    if frame.hasText("BO01", at: at) {
      return FrameFacts(.alarm, .required, .forward, type: Message.alarm.rawValue)
    }
    if frame.hasText("BR05", at: at) || frame.hasText("BT", at: at) || frame.hasText("BU", at: at)
      || frame.hasText("BS0", at: at) || frame.hasText("BX", at: at)
    {
      return FrameFacts(.commandReply, .never, .expires, type: Message.other.rawValue)
    }
    if frame.hasText("BR", at: at) || frame.hasText("BP", at: at) || frame.hasText("BZ", at: at) {
      return FrameFacts(.position, .never, .forward, type: Message.other.rawValue)
    }
    return FrameFacts(.information, .never, .forward, type: Message.other.rawValue)
  }

  // MARK: Answers

  static func answer(
    _ frame: Span<UInt8>, _ facts: FrameFacts, _ context: AnswerContext, _ reply: inout Reply
  ) -> Bool {
    guard let parts = Parts.read(frame, 0x42) else { return false }
    reply.append("(")
    reply.append(frame, 1..<1 + parts.fieldCount)
    switch Message(rawValue: facts.key.type) {
    case .login: reply.append("AP05")
    case .handshake: reply.append("AP01HSO")
    case .alarm:
      // The code is the first digit of the body.
      guard parts.body < frame.count, isDigit(frame[parts.body]) else { return false }
      reply.append("AS01")
      reply.append(frame[parts.body])
    case .other, nil: return false
    }
    reply.append(")")
    return true
  }

  // MARK: Downlink

  static func downCut(_ bytes: Span<UInt8>, _ silence: Silence) -> Cut {
    let padding = bytes.paddingCount()
    if padding > 0 { return .skip(byteCount: padding, .padding) }
    if bytes.count == 0 { return .needMore(total: 1) }
    if bytes[0] == 0x28 { return cutParentheses(bytes, silence) }
    if bytes[0] == 0x5B { return cutBegin(bytes, silence) }
    if bytes.mayBecomeText("ok", at: 0) || bytes.mayBecomeText("OK", at: 0) {
      if bytes.count >= 2 { return .frame(byteCount: 2, []) }
      if silence < .long { return .needMore(total: 2) }
    }
    var i = 1
    while i < bytes.count, bytes[i] != 0x28, bytes[i] != 0x5B, bytes[i] | 0x20 != 0x6F { i += 1 }
    return .skip(byteCount: i, .garbage)
  }

  private static func cutBegin(_ bytes: Span<UInt8>, _ silence: Silence) -> Cut {
    if bytes.mayBecomeText("[begin]", at: 0) {
      for i in 0..<min(bytes.count, Limits.tk103FrameBytesMax) where bytes.hasText("[end]", at: i) {
        return .frame(byteCount: i + 5, [])
      }
      if bytes.count < Limits.tk103FrameBytesMax, silence < .long {
        return .needMore(total: bytes.count + 1)
      }
    }
    return .skip(byteCount: 1, .garbage)
  }

  static func downMeaning(_ frame: Span<UInt8>) -> DownlinkMeaning {
    if frame.count == 2 { return answer(.other) }
    guard frame[0] == 0x28, let parts = Parts.read(frame, 0x41), !parts.isComma else {
      return .command
    }
    if frame.hasText("AP05)", at: parts.command) { return answer(.login) }
    if frame.hasText("AP01HSO)", at: parts.command) { return answer(.handshake) }
    if frame.hasText("AS01", at: parts.command), frame.count <= parts.body + 2 {
      return answer(.alarm)
    }
    return .command
  }

  private static func answer(_ message: Message) -> DownlinkMeaning {
    .answer(AnswerKey(type: message.rawValue, serial: 0))
  }
}
