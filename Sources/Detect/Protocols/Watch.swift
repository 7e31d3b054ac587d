// Watch: Beesure, SeTracker and the pendants and watches of many brands.
//
//   [MM*ID*LEN*content]            MM two capitals or digits: 3G, SG, CS, ...
//   [MM*ID*INDEX*LEN*content]      ZJ and some others; INDEX and LEN are four hex digits
//
// Binary content is escaped (`7D 01` .. `7D 05` for `}`, `[`, `]`, `,`, `*`), and LEN counts the
// escaped bytes. LEN lies, mostly by a few bytes: it is believed where a `]` stands at the place it
// leads to and no frame ends and another begins before that; otherwise the frame ends with the first
// `]` outside of nested brackets, which texts contain.
//
// LK is login and heartbeat in one. An alarm repeats until it is answered. Voice comes in blocks.
// Ties: none with the four bytes of the start.
// Known limit: weather and addresses come from the platform only.
// Source: device-families document, section 10.

/// The Watch protocol.
public enum Watch {
  static let row = ProtocolRow(
    name: "watch",
    notes: {
      ProtocolNotes(
        title: "Watch (Beesure, SeTracker, 4P-Touch)",
        soldAs: "children's watches, SOS pendants, some P02L",
        start: "[3G* or the like",
        identity: "ten or fifteen digits in every frame",
        transports: "TCP; UDP, every datagram on its own",
        limits: "Weather and addresses are answered by the platform only.")
    },
    frameBytesMax: Limits.watchFrameBytesMax,
    head: .optional,
    defaultPolicy: .minimal,
    probe: probe, cut: cut, facts: facts, answer: answer, downCut: cut, downMeaning: downMeaning)

  // MARK: Detection and framing

  static func probe(_ bytes: Span<UInt8>, _ silence: Silence) -> ProbeAnswer {
    for i in 0..<min(bytes.count, 4) where !fitsStart(bytes[i], at: i) { return .no }
    return bytes.count >= 4 ? .yes(.certain) : .needMore(total: bytes.count + 1)
  }

  private static func fitsStart(_ byte: UInt8, at index: Int) -> Bool {
    switch index {
    case 0: byte == 0x5B
    case 3: byte == 0x2A
    default: byte >= 0x41 && byte <= 0x5A || byte >= 0x30 && byte <= 0x39
    }
  }

  /// How many of the four bytes of a start stand at `offset`; the rest may be still to come.
  private static func mayStart(_ bytes: Span<UInt8>, at offset: Int) -> Bool {
    for i in 0..<4 where offset + i < bytes.count && !fitsStart(bytes[offset + i], at: i) {
      return false
    }
    return true
  }

  private static func isStart(_ bytes: Span<UInt8>, at offset: Int) -> Bool {
    offset + 4 <= bytes.count && mayStart(bytes, at: offset)
  }

  static func cut(_ bytes: Span<UInt8>, _ silence: Silence) -> Cut {
    let padding = bytes.paddingCount()
    if padding > 0 { return .skip(byteCount: padding, .padding) }
    if bytes.count == 0 { return .needMore(total: 1) }
    guard mayStart(bytes, at: 0) else { return skipGarbage(bytes) }
    switch Header.read(bytes) {
    case .none:
      return skipGarbage(bytes)
    case .partial:
      return silence == .long ? skipGarbage(bytes) : .needMore(total: bytes.count + 1)
    case .whole(let header):
      return cutContent(bytes, silence, header)
    }
  }

  private static func cutContent(
    _ bytes: Span<UInt8>, _ silence: Silence, _ header: Header
  ) -> Cut {
    let claimed = header.contentOffset + header.claimedByteCount
    guard let bracket = closingBracket(bytes, from: header.contentOffset) else {
      if bytes.count >= Limits.watchFrameBytesMax || silence == .long { return skipGarbage(bytes) }
      return .needMore(total: bytes.count + 1)
    }
    if bracket >= claimed {
      return .frame(byteCount: bracket + 1, bracket == claimed ? [] : .lyingLength)
    }
    // A bracket before the place that LEN leads to: content, or a length that is too large.
    if isStart(bytes, at: bracket + 1) { return .frame(byteCount: bracket + 1, .lyingLength) }
    if claimed < bytes.count {
      return bytes[claimed] == 0x5D
        ? .frame(byteCount: claimed + 1, []) : .frame(byteCount: bracket + 1, .lyingLength)
    }
    if silence > .none { return .frame(byteCount: bracket + 1, .lyingLength) }
    return .needMore(total: bytes.count + 1)
  }

  /// The first `]` outside of nested brackets.
  private static func closingBracket(_ bytes: Span<UInt8>, from offset: Int) -> Int? {
    var depth = 0
    for i in offset..<min(bytes.count, Limits.watchFrameBytesMax) {
      if bytes[i] == 0x5B, depth < 3 { depth += 1 }
      if bytes[i] == 0x5D {
        if depth == 0 { return i }
        depth -= 1
      }
    }
    return nil
  }

  private static func skipGarbage(_ bytes: Span<UInt8>) -> Cut {
    var i = 1
    while i < bytes.count, !mayStart(bytes, at: i) { i += 1 }
    return .skip(byteCount: i, .garbage)
  }

  // MARK: Header

  /// Where the fields of a frame stand.
  private struct Header {
    enum Reading {
      case none, partial
      case whole(Header)
    }

    static let idOffset = 4
    static let idByteCountMax = 20

    var idByteCount = 0
    var index: UInt16?
    var claimedByteCount = 0
    var contentOffset = 0

    /// Reads the header of bytes that begin like a frame.
    static func read(_ bytes: Span<UInt8>) -> Reading {
      var header = Header()
      var i = idOffset
      while i < bytes.count, bytes[i] != 0x2A {
        if i - idOffset >= idByteCountMax || bytes[i] < 0x21 || bytes[i] == 0x5D { return .none }
        i += 1
      }
      if i >= bytes.count { return .partial }
      header.idByteCount = i - idOffset
      switch field(bytes, at: i + 1) {
      case .none: return .none
      case .partial: return .partial
      case .whole(let first):
        header.claimedByteCount = first
        header.contentOffset = i + 6
        if case .whole(let second) = field(bytes, at: i + 6) {
          header.index = UInt16(first)
          header.claimedByteCount = second
          header.contentOffset = i + 11
        } else if case .partial = field(bytes, at: i + 6) {
          return .partial
        }
        return .whole(header)
      }
    }

    private enum Field {
      case none, partial
      case whole(Int)
    }

    /// Four hexadecimal digits and `*`.
    private static func field(_ bytes: Span<UInt8>, at offset: Int) -> Field {
      var value = 0
      for i in 0..<5 {
        guard offset + i < bytes.count else { return .partial }
        let byte = bytes[offset + i]
        if i == 4 { return byte == 0x2A ? .whole(value) : .none }
        switch byte {
        case 0x30...0x39: value = value << 4 | Int(byte - 0x30)
        case 0x41...0x46: value = value << 4 | Int(byte - 0x37)
        case 0x61...0x66: value = value << 4 | Int(byte - 0x57)
        default: return .none
        }
      }
      return .none
    }
  }

  // MARK: Facts and answers

  /// The messages that are answered; their numbers are the types of answers.
  private enum Message: UInt16 {
    case link = 1
    case start, alarm, voiceQuestion, secondVoiceQuestion, voice, voiceBlock
    case other = 0x80

    /// What the content of its answer is.
    var answer: StaticString? {
      switch self {
      case .link: "LK"
      case .start: "INIT,1"
      case .alarm: "AL"
      case .voiceQuestion: "TKQ"
      case .secondVoiceQuestion: "TKQ2"
      case .voice: "TK,1"
      case .voiceBlock: "JXTKR,1"
      case .other: nil
      }
    }
  }

  static func facts(_ frame: Span<UInt8>) -> FrameFacts {
    guard case .whole(let header) = Header.read(frame) else {
      return FrameFacts(
        kind: .unknown, answer: .never, replay: .forward,
        key: AnswerKey(type: Message.other.rawValue, serial: 0))
    }
    let content = header.contentOffset
    var (kind, answer, replay, message): (FrameKind, AnswerClass, ReplayClass, Message)
    var head = HeadClaim.none
    if isWord("LK", frame, content) {
      (kind, answer, replay, message) = (.heartbeat, .required, .expires, .link)
      head = .login
    } else if isWord("INIT", frame, content) {
      (kind, answer, replay, message) = (.login, .required, .head, .start)
    } else if frame.hasText("UD", at: content) {
      (kind, answer, replay, message) = (.position, .never, .forward, .other)
    } else if frame.hasText("AL", at: content) {
      (kind, answer, replay, message) = (.alarm, .required, .forward, .alarm)
    } else if isWord("TKQ", frame, content) {
      (kind, answer, replay, message) = (.heartbeat, .required, .expires, .voiceQuestion)
    } else if isWord("TKQ2", frame, content) {
      (kind, answer, replay, message) = (.heartbeat, .required, .expires, .secondVoiceQuestion)
    } else if isWord("TK", frame, content) {
      // `TK,1` confirms a voice message of the server; longer ones are a voice message.
      (kind, answer, replay, message) =
        frame.count - content > 5
        ? (.media, .required, .block, .voice) : (.commandReply, .never, .expires, .other)
    } else if isWord("JXTK", frame, content) {
      (kind, answer, replay, message) = (.media, .required, .block, .voiceBlock)
    } else if isWord("img", frame, content) || isWord("rcapture", frame, content) {
      (kind, answer, replay, message) = (.media, .never, .block, .other)
    } else if isWord("WT", frame, content) || isWord("WAD", frame, content)
      || isWord("WG", frame, content)
    {
      (kind, answer, replay, message) = (.addressRequest, .upstream, .expires, .other)
    } else if isBareWord(frame, content) || isWord("CONFIG", frame, content)
      || isWord("TS", frame, content) || isWord("LGZONE", frame, content)
    {
      (kind, answer, replay, message) = (.commandReply, .never, .expires, .other)
    } else {
      (kind, answer, replay, message) = (.information, .never, .forward, .other)
    }
    return FrameFacts(
      kind: kind, answer: answer, replay: replay,
      key: AnswerKey(type: message.rawValue, serial: header.index ?? 0),
      identity: DeviceIdentity(
        .watch, .ascii, frame, at: Header.idOffset, count: header.idByteCount),
      head: head)
  }

  /// Whether the content at `offset` is `word`, alone or followed by a comma.
  private static func isWord(
    _ word: StaticString, _ frame: Span<UInt8>, _ offset: Int
  ) -> Bool {
    let end = offset + word.utf8CodeUnitCount
    guard frame.hasText(word, at: offset), end < frame.count else { return false }
    return frame[end] == 0x2C || frame[end] == 0x5D
  }

  /// Whether the content has no comma, as the names of commands that a device confirms.
  private static func isBareWord(_ frame: Span<UInt8>, _ offset: Int) -> Bool {
    frame.place(of: 0x2C, from: offset) == nil
  }

  /// The header of the frame, with the length and content of its answer.
  static func answer(
    _ frame: Span<UInt8>, _ facts: FrameFacts, _ context: AnswerContext, _ reply: inout Reply
  ) -> Bool {
    guard case .whole(let header) = Header.read(frame),
      let content = Message(rawValue: facts.key.type)?.answer
    else { return false }
    // Everything before the length: five bytes of digits and `*` before the content.
    let copied = header.contentOffset - 5
    let byteCount = content.utf8CodeUnitCount
    guard reply.hasRoom(copied + 6 + byteCount) else { return false }
    reply.append(frame, 0..<copied)
    reply.append("000")
    reply.append(UInt8(0x30 + byteCount))
    reply.append("*")
    reply.append(content)
    reply.append("]")
    return true
  }

  // MARK: Downlink

  static func downMeaning(_ frame: Span<UInt8>) -> DownlinkMeaning {
    guard case .whole(let header) = Header.read(frame) else { return .command }
    let content = header.contentOffset
    let contentByteCount = frame.count - content - 1
    var message: Message?
    if isWord("LK", frame, content) { message = .link }
    if isWord("AL", frame, content), contentByteCount == 2 { message = .alarm }
    if isWord("TKQ", frame, content), contentByteCount == 3 { message = .voiceQuestion }
    if isWord("TKQ2", frame, content), contentByteCount == 4 { message = .secondVoiceQuestion }
    if isWord("INIT", frame, content) { message = .start }
    if isWord("TK", frame, content), contentByteCount <= 4 { message = .voice }
    if isWord("JXTKR", frame, content) { message = .voiceBlock }
    guard let message else { return .command }
    return .answer(AnswerKey(type: message.rawValue, serial: header.index ?? 0))
  }
}
