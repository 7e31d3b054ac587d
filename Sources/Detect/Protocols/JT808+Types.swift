// The messages of JT/T 808, the relay's answers, and its own authentication.
//
// Every message but queries and confirmations is answered with 8001 and result 0, because units
// repeat, or switch features off, when they are told otherwise. The answer has the terminal number
// and the layout of the request. Source: device-families document, sections 9.5 to 9.7.

extension JT808 {
  /// What the relay calls a registration that it has answered itself.
  private static let authenticationCode: StaticString = "RELAY0001"

  private struct Rule {
    let kind: FrameKind
    let answer: AnswerClass
    let replay: ReplayClass
    var head = HeadClaim.none
  }

  private static func rule(of message: JT808Message) -> Rule {
    switch message.id {
    case 0x0001: Rule(kind: .commandReply, answer: .never, replay: .expires)
    case 0x0002, 0x0506: Rule(kind: .heartbeat, answer: .required, replay: .expires)
    case 0x0003: Rule(kind: .status, answer: .required, replay: .forward)
    case 0x0004, 0x0109: Rule(kind: .timeRequest, answer: .local, replay: .expires)
    case 0x0005: Rule(kind: .unknown, answer: .upstream, replay: .expires)
    case 0x0100: Rule(kind: .login, answer: .required, replay: .head, head: .login)
    case 0x0102: Rule(kind: .login, answer: .required, replay: .head, head: .renewal)
    case 0x0104, 0x1300: Rule(kind: .commandReply, answer: .never, replay: .expires)
    case 0x0107: Rule(kind: .information, answer: .optional, replay: .expires)
    case 0x0200, 0x0210, 0x0704: Rule(kind: .position, answer: .required, replay: .forward)
    case 0x0201, 0x0310: Rule(kind: .position, answer: .never, replay: .forward)
    case 0x0701: Rule(kind: .information, answer: .never, replay: .forward)
    case 0x0702: Rule(kind: .information, answer: .optional, replay: .forward)
    case 0x0801, 0x8888: Rule(kind: .media, answer: .required, replay: .block)
    case 0x1007: Rule(kind: .timeRequest, answer: .required, replay: .expires)
    case 0x2070: Rule(kind: .information, answer: .never, replay: .forward)
    case 0x5501, 0x5502:
      Rule(
        kind: .position, answer: message.wantsVendorAnswer ? .optional : .never,
        replay: .forward)
    case 0x6006: Rule(kind: .text, answer: .required, replay: .expires)
    case 0x8000...: Rule(kind: .unknown, answer: .never, replay: .forward)
    default: Rule(kind: .information, answer: .required, replay: .forward)
    }
  }

  /// Reads a whole frame, with or without the mark before it.
  private static func message(_ frame: Span<UInt8>) -> JT808Message? {
    let end = frame.count - 1
    guard end >= 0, frame[end] == 0x7E || frame[end] == 0xE7 else { return nil }
    let start = frame[0] == frame[end] ? 0 : -1
    let message = JT808Message(frame, from: start, to: end)
    if message?.oddities.isEmpty == true { return message }
    if let raw = JT808Message(frame, from: start, to: end, isRaw: true), raw.oddities.isEmpty {
      return raw
    }
    return message
  }

  static func facts(_ frame: Span<UInt8>) -> FrameFacts {
    guard let message = message(frame) else {
      return FrameFacts(
        kind: .text, answer: .never, replay: .forward, key: AnswerKey(type: 0, serial: 0))
    }
    // The answers to requests for the time do not repeat the serial number.
    let hasSerial = message.id != 0x0004 && message.id != 0x0109
    let key = AnswerKey(type: message.id, serial: hasSerial ? message.serial : 0)
    guard message.oddities.isEmpty else {
      return FrameFacts(kind: .unknown, answer: .never, replay: .forward, key: key)
    }
    let rule = rule(of: message)
    var facts = FrameFacts(
      kind: rule.kind, answer: rule.answer, replay: rule.replay, key: key,
      identity: message.identity, naming: message.isNamed ? .certain : .provisional,
      head: rule.head)
    if message.id == 0x0801, message.isFirstBlock, message.keptBodyByteCount >= 4 {
      let at = message.bodyOffset
      facts.transferNumber =
        UInt32(message.be16(at: at)) << 16 | UInt32(message.be16(at: at + 2))
    }
    return facts
  }

  // MARK: Answers

  static func answer(
    _ frame: Span<UInt8>, _ facts: FrameFacts, _ context: AnswerContext, _ reply: inout Reply
  ) -> Bool {
    guard let message = message(frame) else { return false }
    switch message.id {
    case 0x0100:
      var body = JT808Writer(answering: message, id: 0x8100)
      body.append(be16: message.serial)
      body.append(0)
      body.append(authenticationCode)
      return body.write(to: &reply)
    case 0x0004:
      guard let time = context.time else { return false }
      var body = JT808Writer(answering: message, id: 0x8004)
      body.append(bcd: time.year % 100)
      body.append(bcd: time.month)
      body.append(bcd: time.day)
      body.append(bcd: time.hour)
      body.append(bcd: time.minute)
      body.append(bcd: time.second)
      return body.write(to: &reply)
    case 0x0109:
      guard let time = context.time else { return false }
      var body = JT808Writer(answering: message, id: 0x8109)
      body.append(be16: UInt16(truncatingIfNeeded: time.year))
      body.append(UInt8(time.month))
      body.append(UInt8(time.day))
      body.append(UInt8(time.hour))
      body.append(UInt8(time.minute))
      body.append(UInt8(time.second))
      body.append(0)
      return body.write(to: &reply)
    case 0x5501, 0x5502:
      var body = JT808Writer(answering: message, id: 0x4401)
      body.append(be16: message.id)
      body.append(0)
      return body.write(to: &reply)
    case 0x0801:
      guard writeGeneralAnswer(message, &reply) else { return false }
      let number = facts.transferNumber != 0 ? facts.transferNumber : context.transferNumber
      guard message.isLastBlock, number != 0 else { return true }
      var body = JT808Writer(answering: message, id: 0x8800)
      body.append(be16: UInt16(truncatingIfNeeded: number >> 16))
      body.append(be16: UInt16(truncatingIfNeeded: number))
      body.append(0)
      return body.write(to: &reply)
    default:
      return writeGeneralAnswer(message, &reply)
    }
  }

  /// 8001: serial and id of the message, result 0.
  private static func writeGeneralAnswer(_ message: JT808Message, _ reply: inout Reply) -> Bool {
    var body = JT808Writer(answering: message, id: 0x8001)
    body.append(be16: message.serial)
    body.append(be16: message.id)
    body.append(0)
    return body.write(to: &reply)
  }

  // MARK: Downlink

  static func downMeaning(_ frame: Span<UInt8>) -> DownlinkMeaning {
    guard let message = message(frame) else { return .command }
    let at = message.bodyOffset
    switch message.id {
    case 0x8001 where message.keptBodyByteCount >= 4:
      return .answer(AnswerKey(type: message.be16(at: at + 2), serial: message.be16(at: at)))
    case 0x8100 where message.keptBodyByteCount >= 2:
      return .answer(AnswerKey(type: 0x0100, serial: message.be16(at: at)))
    case 0x8004: return .answer(AnswerKey(type: 0x0004, serial: 0))
    case 0x8109: return .answer(AnswerKey(type: 0x0109, serial: 0))
    case 0x8800: return .answer(AnswerKey(type: 0x0801, serial: 0))
    case 0x4401 where message.keptBodyByteCount >= 2:
      return .answer(AnswerKey(type: message.be16(at: at), serial: 0))
    default: return .command
    }
  }

  /// The relay's own authentication, with the code that the platform gave for the registration.
  ///
  /// The edition of 2019 wants the code's length before it, and an IMEI and a software version
  /// behind it; the terminal number stands for the IMEI.
  static func secondHead(
    _ head: Span<UInt8>, _ answer: Span<UInt8>, _ reply: inout Reply
  ) -> Bool {
    guard let registration = message(head), registration.id == 0x0100,
      let response = message(answer), response.id == 0x8100, response.oddities.isEmpty
    else { return false }
    let at = response.bodyOffset
    let codeByteCount = response.bodyByteCount - 3
    guard codeByteCount > 0, codeByteCount <= response.keptBodyByteCount - 3, codeByteCount <= 48,
      response[at + 2] == 0
    else { return false }
    var body = JT808Writer(answering: registration, id: 0x0102)
    if registration.hasVersion { body.append(UInt8(codeByteCount)) }
    for i in 0..<codeByteCount { body.append(response[at + 3 + i]) }
    if registration.hasVersion {
      for i in 0..<15 {
        // The last fifteen of the twenty digits.
        let digit = i + 5
        let byte = registration[registration.terminalOffset + digit / 2]
        body.append(0x30 + (digit % 2 == 0 ? byte >> 4 : byte & 0x0F))
      }
      for _ in 0..<20 { body.append(0) }
    }
    return body.write(to: &reply)
  }
}
