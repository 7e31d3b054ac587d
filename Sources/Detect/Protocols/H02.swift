// H02, as CanTrack and a great many others write it: text and binary in one session.
//
//   *HQ,<id>,<type>,...#                     HQ, hq, TH, ...; id of 10 or 15 digits, or none
//   24 | id 5 (BCD) | hh mm ss dd mm yy | ...                      32, 45, 46 or 48 bytes
//   24 | id 8 (BCD, 15 digits and a filler) | hh mm ss dd mm yy | ...          42 or 45 bytes
//   58 | as the short form                                         a variant of `24`
//
// There is no checksum and no escape. A binary frame does not say how long it is: it ends where the
// next frame plausibly begins at one of the sizes in use, or with a brief silence at one of them. A run
// that fits no size goes up as one piece after a long one, because cutting it wrong would lose bytes.
//
// Ids of both forms are compared as digits, so that a unit that mixes them is one device. Servers
// answer positions V1 although no paper asks for it; that is optional, and done unless switched off.
// Ties: `*ET,` (easytrack) has the same outer form; it is forwarded and never answered.
// Known limit: a text that quotes a command with `#` is cut there.
// Source: device-families document, section 8.

/// The H02 protocol, text and binary.
public enum H02 {
  static let row = ProtocolRow(
    name: "h02",
    notes: {
      ProtocolNotes(
        title: "H02 (CanTrack and others, text and binary)",
        soldAs: "CanTrack GT02, GT06, TK100, TK100B, TK103, P02L and many more",
        start: "*HQ, or the like, 24, or 58",
        identity: "10 or 15 digits in every frame; frames without belong to the session",
        transports: "TCP; UDP, every datagram on its own",
        limits: "Addresses are sent by the platform only; a text with `#` inside is cut there.")
    },
    frameBytesMax: Limits.h02FrameBytesMax,
    head: .optional,
    defaultPolicy: .generous,
    probe: probe, cut: cut, facts: facts, answer: answer, downCut: downCut,
    downMeaning: downMeaning)

  // MARK: Detection

  /// How much of a frame's beginning is there.
  private enum Start { case no, partial, whole }

  static func probe(_ bytes: Span<UInt8>, _ silence: Silence) -> ProbeAnswer {
    switch start(bytes, at: 0) {
    case .no: .no
    case .partial: .needMore(total: bytes.count + 1)
    case .whole: .yes(.certain)
    }
  }

  private static func start(_ bytes: Span<UInt8>, at offset: Int) -> Start {
    guard offset < bytes.count else { return .partial }
    switch bytes[offset] {
    case 0x2A: return textStart(bytes, at: offset)
    case 0x24:
      let short = binaryStart(bytes, at: offset, idByteCount: 5)
      if short == .whole { return .whole }
      let long = binaryStart(bytes, at: offset, idByteCount: 8)
      return long == .no ? short : short == .partial ? .partial : long
    case 0x58: return binaryStart(bytes, at: offset, idByteCount: 5)
    default: return .no
    }
  }

  /// `*`, two letters, a comma, an id of digits, a comma.
  private static func textStart(_ bytes: Span<UInt8>, at offset: Int) -> Start {
    for i in 1...3 {
      guard offset + i < bytes.count else { return .partial }
      let byte = bytes[offset + i]
      let isLetter = byte >= 0x41 && byte <= 0x5A || byte >= 0x61 && byte <= 0x7A
      if i == 3 ? byte != 0x2C : !isLetter { return .no }
    }
    let digits = bytes.digitCount(at: offset + 4)
    if digits > DeviceIdentity.byteCountMax { return .no }
    guard offset + 4 + digits < bytes.count else { return .partial }
    return bytes[offset + 4 + digits] == 0x2C ? .whole : .no
  }

  /// The mark, an id in BCD, and a time of day and date in BCD that exist.
  private static func binaryStart(
    _ bytes: Span<UInt8>, at offset: Int, idByteCount: Int
  ) -> Start {
    for i in 1...idByteCount + 6 {
      guard offset + i < bytes.count else { return .partial }
      let byte = bytes[offset + i]
      // The last nibble of the long id is a filler.
      let isFiller = idByteCount == 8 && i == 8
      guard byte >> 4 <= 9, isFiller || byte & 0x0F <= 9 else { return .no }
      let value = Int(byte >> 4) * 10 + Int(byte & 0x0F)
      let fits =
        switch i - idByteCount {
        case 1: value < 24
        case 2, 3: value < 60
        case 4: value <= 31
        case 5: value <= 12
        default: true
        }
      if !fits { return .no }
    }
    return .whole
  }

  // MARK: Framing

  static func cut(_ bytes: Span<UInt8>, _ silence: Silence) -> Cut {
    let padding = bytes.paddingCount()
    if padding > 0 { return .skip(byteCount: padding, .padding) }
    if bytes.count == 0 { return .needMore(total: 1) }
    switch start(bytes, at: 0) {
    case .no: return skipGarbage(bytes)
    case .partial:
      return silence == .long ? skipGarbage(bytes) : .needMore(total: bytes.count + 1)
    case .whole: return bytes[0] == 0x2A ? cutText(bytes, silence) : cutBinary(bytes, silence)
    }
  }

  private static func cutText(_ bytes: Span<UInt8>, _ silence: Silence) -> Cut {
    if let end = bytes.place(of: 0x23, from: 4), end < Limits.h02FrameBytesMax {
      return .frame(byteCount: end + 1, [])
    }
    if bytes.count >= Limits.h02FrameBytesMax || silence == .long { return skipGarbage(bytes) }
    return .needMore(total: bytes.count + 1)
  }

  /// The sizes of binary frames in use, in the order in which they are tried.
  private static let binarySizes: InlineArray<5, Int> = [32, 45, 42, 46, 48]

  private static func cutBinary(_ bytes: Span<UInt8>, _ silence: Silence) -> Cut {
    for place in binarySizes.indices {
      let size = binarySizes[place]
      if size == 42, binaryStart(bytes, at: 0, idByteCount: 5) == .whole { continue }
      if bytes.count < size {
        if silence == .none { return .needMore(total: bytes.count + 1) }
        continue
      }
      if bytes.count == size {
        return silence == .none
          ? .needMore(total: bytes.count + 1) : .frame(byteCount: size, [])
      }
      if bytes[size] == 0x0D || bytes[size] == 0x0A { return .frame(byteCount: size, []) }
      switch start(bytes, at: size) {
      case .whole: return .frame(byteCount: size, [])
      case .partial where silence == .none: return .needMore(total: bytes.count + 1)
      case .partial, .no: continue
      }
    }
    return cutRun(bytes, silence)
  }

  /// A run that fits no size ends where the next frame begins, or with a long silence: after a brief one
  /// it is more likely to be half a frame, whose rest is on its way.
  private static func cutRun(_ bytes: Span<UInt8>, _ silence: Silence) -> Cut {
    let end = min(bytes.count, Limits.h02FrameBytesMax)
    var i = 12
    while i < end {
      switch start(bytes, at: i) {
      case .whole: return .frame(byteCount: i, .lyingLength)
      case .partial where silence != .long && end == bytes.count:
        return .needMore(total: bytes.count + 1)
      case .partial, .no: i += 1
      }
    }
    if silence != .long, end < Limits.h02FrameBytesMax {
      return .needMore(total: bytes.count + 1)
    }
    return .frame(byteCount: end, .lyingLength)
  }

  private static func skipGarbage(_ bytes: Span<UInt8>) -> Cut {
    var i = 1
    while i < bytes.count, start(bytes, at: i) == .no { i += 1 }
    return .skip(byteCount: i, .garbage)
  }

  // MARK: Facts

  /// The types that are answered, or that answers name; their numbers are the types of answers.
  private enum Message: UInt16 {
    case link = 1
    case heartbeat, position, neighbours, iccid, status
    case other = 0x80
  }

  static func facts(_ frame: Span<UInt8>) -> FrameFacts {
    guard frame[0] == 0x2A else { return binaryFacts(frame) }
    let typeOffset = typeOffset(frame)
    var facts = textFacts(frame, typeOffset)
    facts.identity = DeviceIdentity(.h02, .ascii, frame, at: 4, count: typeOffset - 5)
    return facts
  }

  /// Where the type of a text frame begins: behind the second comma.
  private static func typeOffset(_ frame: Span<UInt8>) -> Int {
    min(4 + frame.digitCount(at: 4) + 1, frame.count)
  }

  private static func textFacts(_ frame: Span<UInt8>, _ offset: Int) -> FrameFacts {
    if frame.hasText("*ET", at: 0) {
      return FrameFacts(.position, .never, .forward, type: Message.other.rawValue)
    }
    if isField("V1", frame, offset) {
      return FrameFacts(.position, .optional, .forward, type: Message.position.rawValue)
    }
    if isField("NBR", frame, offset) {
      return FrameFacts(.position, .required, .forward, type: Message.neighbours.rawValue)
    }
    if isField("V0", frame, offset) {
      return FrameFacts(.heartbeat, .required, .expires, type: Message.link.rawValue, head: .login)
    }
    if isField("HTBT", frame, offset) {
      return FrameFacts(
        .heartbeat, .required, .expires, type: Message.heartbeat.rawValue, head: .login)
    }
    if isField("VI1", frame, offset) {
      return FrameFacts(.position, .upstream, .forward, type: Message.other.rawValue)
    }
    if isField("ALRM", frame, offset) {
      return FrameFacts(.alarm, .never, .forward, type: Message.other.rawValue)
    }
    if isField("ICCID", frame, offset) {
      return FrameFacts(.information, .optional, .expires, type: Message.iccid.rawValue)
    }
    if isField("LINK", frame, offset) {
      return FrameFacts(.status, .never, .expires, type: Message.status.rawValue)
    }
    if isField("XT", frame, offset) {
      return FrameFacts(.heartbeat, .never, .expires, type: Message.other.rawValue)
    }
    if isField("SMS", frame, offset) {
      return FrameFacts(.text, .never, .expires, type: Message.other.rawValue)
    }
    if isField("V4", frame, offset) {
      // A confirmation that also says where the device is keeps its meaning.
      return FrameFacts(
        .commandReply, .never, holdsPosition(frame) ? .forward : .expires,
        type: Message.other.rawValue)
    }
    if offset < frame.count, frame[offset] == 0x23 {
      return FrameFacts(.unknown, .never, .expires, type: Message.other.rawValue)
    }
    return FrameFacts(.position, .never, .forward, type: Message.other.rawValue)
  }

  /// Whether the field at `offset` is `word`.
  private static func isField(
    _ word: StaticString, _ frame: Span<UInt8>, _ offset: Int
  ) -> Bool {
    let end = offset + word.utf8CodeUnitCount
    guard frame.hasText(word, at: offset), end < frame.count else { return false }
    return frame[end] == 0x2C || frame[end] == 0x23
  }

  private static func holdsPosition(_ frame: Span<UInt8>) -> Bool {
    for i in 0..<frame.count where frame.hasText(",A,", at: i) || frame.hasText(",V,", at: i) {
      return true
    }
    return false
  }

  private static func binaryFacts(_ frame: Span<UInt8>) -> FrameFacts {
    var facts = FrameFacts(.position, .never, .forward, type: Message.other.rawValue)
    let isShort = binaryStart(frame, at: 0, idByteCount: 5) == .whole
    let digitCount = isShort ? 10 : 15
    guard frame.count > (digitCount + 1) / 2 else { return facts }
    var digits = InlineArray<16, UInt8>(repeating: 0)
    for i in 0..<digitCount {
      let byte = frame[1 + i / 2]
      digits[i] = 0x30 + (i % 2 == 0 ? byte >> 4 : byte & 0x0F)
    }
    facts.identity = DeviceIdentity(.h02, .ascii, digits.span, at: 0, count: digitCount)
    return facts
  }

  // MARK: Answers

  static func answer(
    _ frame: Span<UInt8>, _ facts: FrameFacts, _ context: AnswerContext, _ reply: inout Reply
  ) -> Bool {
    let typeOffset = typeOffset(frame)
    guard let message = Message(rawValue: facts.key.type), reply.hasRoom(typeOffset + 32) else {
      return false
    }
    switch message {
    case .heartbeat:
      guard reply.hasRoom(frame.count) else { return false }
      reply.append(frame, 0..<frame.count)
    case .link:
      reply.append(frame, 0..<typeOffset)
      reply.append("V0#")
    case .iccid:
      reply.append(frame, 0..<typeOffset)
      reply.append("ICCID#")
    case .position, .neighbours:
      guard let time = context.time else { return false }
      reply.append(frame, 0..<typeOffset)
      reply.append(message == .position ? "V4,V1," : "V4,NBR,")
      reply.append(decimal: time.year, digitCount: 4)
      reply.append(decimal: time.month, digitCount: 2)
      reply.append(decimal: time.day, digitCount: 2)
      reply.append(decimal: time.hour, digitCount: 2)
      reply.append(decimal: time.minute, digitCount: 2)
      reply.append(decimal: time.second, digitCount: 2)
      reply.append("#")
    case .status, .other:
      return false
    }
    return true
  }

  // MARK: Downlink

  static func downCut(_ bytes: Span<UInt8>, _ silence: Silence) -> Cut {
    let padding = bytes.paddingCount()
    if padding > 0 { return .skip(byteCount: padding, .padding) }
    if bytes.count == 0 { return .needMore(total: 1) }
    guard bytes[0] == 0x2A else {
      return .skip(byteCount: bytes.place(of: 0x2A, from: 1) ?? bytes.count, .garbage)
    }
    if let end = bytes.place(of: 0x23, from: 1), end < Limits.h02FrameBytesMax {
      return .frame(byteCount: end + 1, [])
    }
    if bytes.count >= Limits.h02FrameBytesMax || silence == .long {
      return .skip(byteCount: bytes.place(of: 0x2A, from: 1) ?? bytes.count, .garbage)
    }
    return .needMore(total: bytes.count + 1)
  }

  static func downMeaning(_ frame: Span<UInt8>) -> DownlinkMeaning {
    let offset = typeOffset(frame)
    var message: Message?
    if isField("V0", frame, offset) { message = .link }
    if isField("HTBT", frame, offset) { message = .heartbeat }
    if isField("ICCID", frame, offset) { message = .iccid }
    if isField("R12", frame, offset) { message = .other }
    if isField("V4", frame, offset) {
      if isField("V1", frame, offset + 3) { message = .position }
      if isField("NBR", frame, offset + 3) { message = .neighbours }
      if isField("LINK", frame, offset + 3) { message = .status }
    }
    guard let message else { return .command }
    return .answer(AnswerKey(type: message.rawValue, serial: 0))
  }
}
