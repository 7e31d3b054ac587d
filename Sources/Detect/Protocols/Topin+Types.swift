// The message types of Topin, its answers, and what its server sends.
//
// Source: device-families document, section 4, tables 5 and 6. The answer to 13 never repeats the
// frame's content as some servers do: `78 78 02 13 mm` would set the reporting interval.

extension Topin {
  private enum AnswerShape { case one, timeEcho, clock, echo }

  static func facts(_ frame: Span<UInt8>) -> FrameFacts {
    if frame[0] == 0x68 {
      return FrameFacts(
        kind: .media, answer: .never, replay: .block, key: AnswerKey(type: 0x6868, serial: 0))
    }
    let type = frame[3]
    let hasData = frame.count > 6
    let (kind, answer, replay): (FrameKind, AnswerClass, ReplayClass)
    switch type {
    case 0x01: (kind, answer, replay) = (.login, .required, .head)
    case 0x08 where !hasData: (kind, answer, replay) = (.heartbeat, .never, .expires)
    case 0x08, 0x09: (kind, answer, replay) = (.position, .never, .forward)
    case 0x10, 0x11: (kind, answer, replay) = (.position, .required, .forward)
    case 0x17, 0x18, 0x19, 0x1A, 0x69: (kind, answer, replay) = (.position, .required, .forward)
    case 0x13: (kind, answer, replay) = (.status, .required, .expires)
    case 0x30: (kind, answer, replay) = (.timeRequest, .local, .expires)
    case 0x57, 0x58, 0x67: (kind, answer, replay) = (.addressRequest, .upstream, .expires)
    case 0x65: (kind, answer, replay) = (.media, .never, .block)
    case 0x98: (kind, answer, replay) = (.status, .required, .forward)
    case 0x86, 0x94, 0x99, 0x41, 0x42, 0x43: (kind, answer, replay) = (.alarm, .never, .forward)
    case 0x14, 0x15, 0x56, 0x80, 0x81, 0x82, 0x83:
      (kind, answer, replay) = (.status, .never, .forward)
    default: (kind, answer, replay) = (.unknown, .never, .forward)
    }
    var facts = FrameFacts(
      kind: kind, answer: answer, replay: replay,
      key: AnswerKey(type: UInt16(type), serial: 0))
    // Positions and Wi-Fi frames are answered with their own time, which a stump does not have.
    if shape(type) == .timeEcho, frame.count < timeOffset + timeByteCount + 2 {
      facts.answer = .never
    }
    if kind == .login, frame.count >= loginByteCounts.0 {
      facts.identity = DeviceIdentity(.topin, .imei8, frame, at: imeiOffset, count: imeiByteCount)
    }
    return facts
  }

  static func answer(
    _ frame: Span<UInt8>, _ facts: FrameFacts, _ context: AnswerContext, _ reply: inout Reply
  ) -> Bool {
    let type = UInt8(facts.key.type & 0xFF)
    switch shape(type) {
    case .one:
      reply.append(be16: 0x7878)
      reply.append(0x01)
      reply.append(type)
      reply.append(be16: 0x0D0A)
    case .timeEcho:
      appendTimeEcho(frame, &reply)
    case .clock:
      guard let time = context.time else { return false }
      reply.append(be16: 0x7878)
      reply.append(0x07)
      reply.append(type)
      reply.append(be16: UInt16(time.year))
      reply.append(UInt8(time.month))
      reply.append(UInt8(time.day))
      reply.append(UInt8(time.hour))
      reply.append(UInt8(time.minute))
      reply.append(UInt8(time.second))
      reply.append(be16: 0x0D0A)
    case .echo:
      guard frame.count <= Reply.byteCountMax else { return false }
      reply.append(frame, 0..<frame.count)
    }
    return true
  }

  static func neutralAnswer(
    _ frame: Span<UInt8>, _ facts: FrameFacts, _ reply: inout Reply
  ) -> Bool { false }

  /// `78 78 00 TYPE` and the six time bytes of the frame.
  static func appendTimeEcho(_ frame: Span<UInt8>, _ reply: inout Reply) {
    reply.append(be16: 0x7878)
    reply.append(0x00)
    reply.append(frame[3])
    reply.append(frame, timeOffset..<timeOffset + timeByteCount)
    reply.append(be16: 0x0D0A)
  }

  private static func shape(_ type: UInt8) -> AnswerShape {
    switch type {
    case 0x10, 0x11, 0x17, 0x18, 0x19, 0x1A, 0x69: .timeEcho
    case 0x30: .clock
    case 0x98: .echo
    default: .one
    }
  }

  // MARK: Downlink

  /// Cuts the upstream's bytes. Widely used servers copy the request's LEN into their answers, so
  /// the answers are known by where their stop bytes stand before LEN is believed.
  static func downCut(_ bytes: Span<UInt8>, _ silence: Silence) -> Cut {
    if bytes.hasMark(0x68, at: 0) {
      // A request for a recording block is a header alone.
      return bytes.count < 6 ? .needMore(total: 6) : .frame(byteCount: 6, [])
    }
    guard bytes.hasMark(0x78, at: 0) else { return cut(bytes, silence) }
    if bytes.count < 4 { return .needMore(total: 4) }
    let type = bytes[3]
    let answerSizes: ClosedRange<Int>
    switch shape(type) {
    case .timeEcho: answerSizes = 12...12
    case .one where type == 0x01 || type == 0x13: answerSizes = 6...7
    case .clock: answerSizes = 13...13
    case .one, .echo: answerSizes = Int(bytes[2]) + 5...Int(bytes[2]) + 5
    }
    for size in answerSizes {
      if bytes.count < size { return .needMore(total: size) }
      if bytes.hasStop(at: size - 2) { return .frame(byteCount: size, []) }
    }
    let size = Int(bytes[2]) + 5
    if bytes.count < size, silence < .long { return .needMore(total: size) }
    if bytes.hasStop(at: size - 2) { return .frame(byteCount: size, []) }
    return StartMarks.cutByStop(bytes, silence, byteCountMax: Limits.topinFrameBytesMax)
  }

  static func downMeaning(_ frame: Span<UInt8>) -> DownlinkMeaning {
    guard frame[0] == 0x78 else { return .command }
    let type = frame[3]
    let isAnswer: Bool
    switch type {
    case 0x01: isAnswer = frame.count <= 7
    case 0x10, 0x11, 0x17, 0x18, 0x19, 0x1A, 0x69: isAnswer = frame.count == 12
    case 0x13: isAnswer = frame.count == 6
    case 0x30: isAnswer = frame.count == 13
    case 0x98: isAnswer = true
    default: isAnswer = false
    }
    return isAnswer ? .answer(AnswerKey(type: UInt16(type), serial: 0)) : .command
  }
}
