// Coban GPS103: text with the IMEI in every frame, and delimiters that may be missing.
//
//   ##,imei:<15 digits>,A;                          login, answered LOAD, resent until then
//   <15 digits>;                                    heartbeat, answered ON
//   imei:<15 digits>,L,*                            login of units that write `*` for `;`
//   imei:<15 digits>,<keyword>,<local time>,...;    everything else
//
// A frame ends with `;`, `*` or a line end, which stays with it, or where the next `##,imei:` or
// `imei:` begins. A login and a heartbeat may lack any end: then a brief silence ends them, and a
// long one ends any other rest. The answers have no terminator either, and glue to commands:
//
//   LOADON**,imei:<15 digits>,<code>[,parameter][;]
//
// Known deviations: logins with more than 15 digits (the first 15 count), phone fields with
// anything in them, `...,*` forms.
// Ties: a bare line of 15 digits is also how T55 units begin; an answer ON is ignored there.
// Known limit: address requests cannot be told from positions and are forwarded like them.
// Source: device-families document, section 7.

/// The Coban GPS103 protocol.
public enum Coban {
  static let row = ProtocolRow(
    name: "coban",
    notes: {
      ProtocolNotes(
        title: "Coban GPS103",
        soldAs: "GPS103, TK102B, TK103A, TK103B, many units labelled GT02A",
        start: "##,imei: or imei: or 15 digits",
        identity: "IMEI in every frame",
        transports: "TCP; UDP, every datagram on its own",
        limits: """
          Address requests look like positions and are forwarded like them; the platform's text \
          reaches the device only while both are connected.
          """)
    },
    frameBytesMax: Limits.cobanFrameBytesMax,
    head: .optional,
    defaultPolicy: .generous,
    probe: probe, cut: cut, facts: facts, answer: answer, downCut: downCut,
    downMeaning: downMeaning)

  private static let imeiDigitCount = 15
  private static let loginStart: StaticString = "##,imei:"
  private static let dataStart: StaticString = "imei:"

  // MARK: Detection and framing

  static func probe(_ bytes: Span<UInt8>, _ silence: Silence) -> ProbeAnswer {
    guard bytes.count > 0 else { return .needMore(total: 1) }
    if bytes[0] == 0x23 {
      guard bytes.mayBecomeText(loginStart, at: 0) else { return .no }
      return bytes.count >= loginStart.utf8CodeUnitCount
        ? .yes(.certain) : .needMore(total: bytes.count + 1)
    }
    if bytes[0] == 0x69 { return probeData(bytes) }
    return probeHeartbeat(bytes, silence)
  }

  private static func probeData(_ bytes: Span<UInt8>) -> ProbeAnswer {
    let start = dataStart.utf8CodeUnitCount
    guard bytes.mayBecomeText(dataStart, at: 0) else { return .no }
    if bytes.count <= start { return .needMore(total: bytes.count + 1) }
    let digits = bytes.digitCount(at: start)
    if start + digits == bytes.count, digits <= imeiDigitCount {
      return .needMore(total: bytes.count + 1)
    }
    return digits == imeiDigitCount && bytes[start + digits] == 0x2C ? .yes(.certain) : .no
  }

  private static func probeHeartbeat(_ bytes: Span<UInt8>, _ silence: Silence) -> ProbeAnswer {
    let digits = bytes.digitCount(at: 0)
    if digits > imeiDigitCount { return .no }
    if digits == bytes.count {
      if digits == imeiDigitCount, silence > .none { return .yes(.certain) }
      return .needMore(total: bytes.count + 1)
    }
    if digits < imeiDigitCount { return .no }
    switch bytes[digits] {
    case 0x3B, 0x0D, 0x0A: return .yes(.certain)
    default:
      guard bytes.mayBecomeText(dataStart, at: digits) else { return .no }
      return bytes.hasText(dataStart, at: digits)
        ? .yes(.certain) : .needMore(total: bytes.count + 1)
    }
  }

  static func cut(_ bytes: Span<UInt8>, _ silence: Silence) -> Cut {
    let padding = bytes.paddingCount()
    if padding > 0 { return .skip(byteCount: padding, .padding) }
    if bytes.count == 0 { return .needMore(total: 1) }
    if bytes[0] >= 0x30, bytes[0] <= 0x39 { return cutHeartbeat(bytes, silence) }
    let start: StaticString = bytes[0] == 0x23 ? loginStart : dataStart
    guard bytes.mayBecomeText(start, at: 0) else { return skipGarbage(bytes, silence) }
    if bytes.count < start.utf8CodeUnitCount {
      return silence == .long ? skipGarbage(bytes, silence) : .needMore(total: bytes.count + 1)
    }
    var i = start.utf8CodeUnitCount
    while i < min(bytes.count, Limits.cobanFrameBytesMax) {
      if isEnd(bytes[i]) { return .frame(byteCount: i + 1, []) }
      if isStart(bytes, at: i) { return .frame(byteCount: i, []) }
      i += 1
    }
    if i == Limits.cobanFrameBytesMax { return skipGarbage(bytes, silence) }
    let isWhole = silence == .brief && isWholeLogin(bytes) || silence == .long
    return isWhole ? .frame(byteCount: bytes.count, []) : .needMore(total: bytes.count + 1)
  }

  private static func cutHeartbeat(_ bytes: Span<UInt8>, _ silence: Silence) -> Cut {
    let digits = bytes.digitCount(at: 0)
    if digits == bytes.count, digits <= imeiDigitCount {
      if digits == imeiDigitCount, silence > .none { return .frame(byteCount: digits, []) }
      return silence == .long ? skipGarbage(bytes, silence) : .needMore(total: bytes.count + 1)
    }
    guard digits == imeiDigitCount else { return skipGarbage(bytes, silence) }
    if bytes[digits] == 0x3B || bytes[digits] == 0x0A {
      return .frame(byteCount: digits + 1, [])
    }
    if bytes[digits] == 0x0D {
      if digits + 1 < bytes.count {
        return .frame(byteCount: digits + (bytes[digits + 1] == 0x0A ? 2 : 1), [])
      }
      return silence > .none
        ? .frame(byteCount: digits + 1, []) : .needMore(total: bytes.count + 1)
    }
    if isStart(bytes, at: digits) { return .frame(byteCount: digits, []) }
    let mayBecomeStart =
      bytes.mayBecomeText(dataStart, at: digits) || bytes.mayBecomeText(loginStart, at: digits)
    if mayBecomeStart, silence < .long { return .needMore(total: bytes.count + 1) }
    return skipGarbage(bytes, silence)
  }

  /// Skips to the next start, or behind the next delimiter or blank.
  ///
  /// A run of digits is a heartbeat only where a frame may begin. So what has not ended keeps the
  /// last byte that is no digit, from which the next look goes on as this one would have.
  private static func skipGarbage(_ bytes: Span<UInt8>, _ silence: Silence) -> Cut {
    var i = 1
    var kept = 0
    while i < bytes.count {
      if mayPrecede(bytes[i - 1]) || isStart(bytes, at: i) {
        return .skip(byteCount: i, .garbage)
      }
      let isTail = i + loginStart.utf8CodeUnitCount > bytes.count
      if isTail, bytes[i] == 0x23 || bytes[i] == 0x69,
        bytes.mayBecomeText(loginStart, at: i) || bytes.mayBecomeText(dataStart, at: i)
      {
        return .skip(byteCount: i, .garbage)
      }
      if bytes[i] < 0x30 || bytes[i] > 0x39 { kept = i }
      i += 1
    }
    if silence == .long || mayPrecede(bytes[i - 1]) { return .skip(byteCount: i, .garbage) }
    // More digits than an IMEI has are no heartbeat wherever they begin.
    kept = max(kept, i - imeiDigitCount - 1)
    return kept > 0 ? .skip(byteCount: kept, .garbage) : .needMore(total: bytes.count + 1)
  }

  /// Whether a frame may begin behind this byte: an end, or what is skipped between frames.
  private static func mayPrecede(_ byte: UInt8) -> Bool {
    isEnd(byte) || byte == 0x0D || byte == 0x00 || byte == 0x20
  }

  private static func isEnd(_ byte: UInt8) -> Bool {
    byte == 0x3B || byte == 0x0A || byte == 0x2A
  }

  private static func isStart(_ bytes: Span<UInt8>, at offset: Int) -> Bool {
    bytes.hasText(dataStart, at: offset) || bytes.hasText(loginStart, at: offset)
  }

  /// Whether the bytes are `##,imei:`, fifteen digits or more, and `,A`.
  private static func isWholeLogin(_ bytes: Span<UInt8>) -> Bool {
    let start = loginStart.utf8CodeUnitCount
    guard bytes.hasText(loginStart, at: 0) else { return false }
    let digits = bytes.digitCount(at: start)
    return digits >= imeiDigitCount && start + digits + 2 == bytes.count
      && bytes.hasText(",A", at: start + digits)
  }

  // MARK: Facts and answers

  /// The messages that are told apart; their numbers are the types of answers.
  private enum Message: UInt16 {
    case login = 1
    case heartbeat, position, alarm, help, status, photo, commandReply
  }

  static func facts(_ frame: Span<UInt8>) -> FrameFacts {
    let (message, imeiOffset) = message(of: frame)
    var facts =
      switch message {
      case .login: FrameFacts(.login, .required, .head, type: message.rawValue)
      case .heartbeat: FrameFacts(.heartbeat, .required, .expires, type: message.rawValue)
      case .position: FrameFacts(.position, .never, .forward, type: message.rawValue)
      case .alarm: FrameFacts(.alarm, .never, .forward, type: message.rawValue)
      case .help: FrameFacts(.alarm, .optional, .forward, type: message.rawValue)
      case .status: FrameFacts(.status, .never, .forward, type: message.rawValue)
      case .photo: FrameFacts(.media, .never, .block, type: message.rawValue)
      case .commandReply: FrameFacts(.commandReply, .never, .expires, type: message.rawValue)
      }
    if frame.digitCount(at: imeiOffset) >= imeiDigitCount {
      facts.identity = DeviceIdentity(.coban, .ascii, frame, at: imeiOffset, count: imeiDigitCount)
    }
    return facts
  }

  private static func message(of frame: Span<UInt8>) -> (Message, imeiOffset: Int) {
    if frame.hasText(loginStart, at: 0) { return (.login, loginStart.utf8CodeUnitCount) }
    guard frame.hasText(dataStart, at: 0) else { return (.heartbeat, 0) }
    let imeiOffset = dataStart.utf8CodeUnitCount
    let keyword = (frame.place(of: 0x2C, from: imeiOffset) ?? frame.count) + 1
    let end = frame.place(of: 0x2C, from: keyword) ?? frame.count
    return (message(ofKeyword: frame, keyword, byteCount: end - keyword), imeiOffset)
  }

  private static func message(
    ofKeyword frame: Span<UInt8>, _ offset: Int, byteCount: Int
  ) -> Message {
    // How units with the `*` form log in; servers answer it like a login.
    if byteCount == 1, frame[offset] == 0x4C { return .login }
    if frame.hasText("help me", at: offset) { return .help }
    if frame.hasText("vr,", at: offset) || frame.hasText("vt", at: offset)
      || frame.hasText("wt", at: offset)
    {
      return .photo
    }
    if frame.hasText("acc o", at: offset) || frame.hasText("OBD", at: offset)
      || frame.hasText("DTC", at: offset) || frame.hasText("rfid", at: offset)
    {
      return .status
    }
    if frame.hasText("low battery", at: offset) || frame.hasText("move", at: offset)
      || frame.hasText("speed", at: offset) || frame.hasText("stockade", at: offset)
      || frame.hasText("ac alarm", at: offset) || frame.hasText("door alarm", at: offset)
      || frame.hasText("sensor alarm", at: offset) || frame.hasText("oil", at: offset)
    {
      return .alarm
    }
    // The codes of commands: a letter and `t`, or 100 to 199.
    if byteCount == 2, frame[offset + 1] == 0x74, frame[offset] >= 0x61, frame[offset] <= 0x7A {
      return .commandReply
    }
    if byteCount == 3, frame[offset] == 0x31, frame.digitCount(at: offset) == 3 {
      return .commandReply
    }
    return .position
  }

  static func answer(
    _ frame: Span<UInt8>, _ facts: FrameFacts, _ context: AnswerContext, _ reply: inout Reply
  ) -> Bool {
    switch Message(rawValue: facts.key.type) {
    case .login:
      reply.append("LOAD")
    case .heartbeat:
      reply.append("ON")
    case .help:
      let imeiOffset = dataStart.utf8CodeUnitCount
      guard frame.digitCount(at: imeiOffset) >= imeiDigitCount else { return false }
      reply.append("**,imei:")
      reply.append(frame, imeiOffset..<imeiOffset + imeiDigitCount)
      reply.append(",E;")
    case .position, .alarm, .status, .photo, .commandReply, nil:
      return false
    }
    return true
  }

  // MARK: Downlink

  static func downCut(_ bytes: Span<UInt8>, _ silence: Silence) -> Cut {
    var padding = bytes.paddingCount()
    while padding < bytes.count, bytes[padding] == 0x3B || isLineEnd(bytes[padding]) {
      padding += 1
    }
    if padding > 0 { return .skip(byteCount: padding, .padding) }
    if bytes.count == 0 { return .needMore(total: 1) }
    if bytes.hasText("LOAD", at: 0) { return .frame(byteCount: 4, []) }
    if bytes.hasText("ON", at: 0) { return .frame(byteCount: 2, []) }
    if bytes.hasText("**,", at: 0) { return cutCommand(bytes, silence) }
    if isDownStartPart(bytes, at: 0), silence < .long { return .needMore(total: bytes.count + 1) }
    var i = 1
    while i < bytes.count, !isDownStart(bytes, at: i), !isDownStartPart(bytes, at: i) { i += 1 }
    return .skip(byteCount: i, .garbage)
  }

  private static func cutCommand(_ bytes: Span<UInt8>, _ silence: Silence) -> Cut {
    var i = 3
    while i < min(bytes.count, Limits.cobanFrameBytesMax) {
      if bytes[i] == 0x3B { return .frame(byteCount: i + 1, []) }
      if bytes.hasText("LOAD", at: i) || bytes.hasText("**,", at: i) {
        return .frame(byteCount: i, [])
      }
      i += 1
    }
    if i == Limits.cobanFrameBytesMax || silence > .none && !isCommandPart(bytes) {
      return .frame(byteCount: i, [])
    }
    if silence == .long { return .skip(byteCount: i, .garbage) }
    return .needMore(total: bytes.count + 1)
  }

  /// Whether a command that nothing has ended breaks off before it says anything: in its name, or behind it.
  private static func isCommandPart(_ bytes: Span<UInt8>) -> Bool {
    let name = 3 + dataStart.utf8CodeUnitCount
    guard bytes.mayBecomeText(dataStart, at: 3) else { return false }
    if bytes.count <= name { return true }
    let end = name + bytes.digitCount(at: name)
    return end == bytes.count || end + 1 == bytes.count && bytes[end] == 0x2C
  }

  private static func isDownStart(_ bytes: Span<UInt8>, at offset: Int) -> Bool {
    bytes.hasText("LOAD", at: offset) || bytes.hasText("ON", at: offset)
      || bytes.hasText("**,", at: offset)
  }

  /// Whether the bytes from `offset` to the end are the beginning of something, but not all of it.
  private static func isDownStartPart(_ bytes: Span<UInt8>, at offset: Int) -> Bool {
    bytes.count - offset < 4
      && (bytes.mayBecomeText("LOAD", at: offset)
        || bytes.count - offset < 2 && bytes.mayBecomeText("ON", at: offset)
        || bytes.count - offset < 3 && bytes.mayBecomeText("**,", at: offset))
  }

  private static func isLineEnd(_ byte: UInt8) -> Bool { byte == 0x0D || byte == 0x0A }

  static func downMeaning(_ frame: Span<UInt8>) -> DownlinkMeaning {
    if frame.hasText("LOAD", at: 0) {
      return .answer(AnswerKey(type: Message.login.rawValue, serial: 0))
    }
    if frame.hasText("ON", at: 0) {
      return .answer(AnswerKey(type: Message.heartbeat.rawValue, serial: 0))
    }
    return .command
  }
}
