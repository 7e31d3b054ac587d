// The message types of GT06: what each is, whether it is answered, and how long it is worth
// keeping.
//
// The table is section 3.5 of the device-families document. Types that are also downlink types (15,
// 17, 1A, 21, 80, 81, 82, 8B, 96, 97, 9A, 9B, FD, FE) are never answered: a device would read the
// answer as an empty command. An unknown type is optional after `78 78` and never after `79 79`.
// Where the document leaves 17 between an address question and a position (F or X), it is kept:
// delivering a question late harms nobody, losing a position does.

extension GT06 {
  /// The shape of the answer to a frame.
  enum AnswerShape {
    /// `78 78 05 TYPE SERIAL CRC 0D 0A`.
    case short
    /// `79 79 00 05 TYPE SERIAL CRC 0D 0A`.
    case long
    /// `78 78 0B 8A YY MM DD hh mm ss SERIAL CRC 0D 0A`.
    case time
    /// `78 78 00 TYPE time(6) 0D 0A`, the answer to a Wi-Fi frame of the Topin form.
    case wifi
  }

  struct TypeRule {
    let kind: FrameKind
    let answer: AnswerClass
    let replay: ReplayClass
    let shape: AnswerShape

    init(
      _ kind: FrameKind, _ answer: AnswerClass, _ replay: ReplayClass, _ shape: AnswerShape = .short
    ) {
      self.kind = kind
      self.answer = answer
      self.replay = replay
      self.shape = shape
    }
  }

  static func rule(isLong: Bool, type: UInt8) -> TypeRule {
    if isLong {
      switch type {
      case 0x32: return TypeRule(.position, .required, .forward, .long)
      case 0x33: return TypeRule(.alarm, .required, .forward, .long)
      case 0x41: return TypeRule(.media, .required, .block, .long)
      case 0x70: return TypeRule(.position, .required, .forward)
      case 0xF1, 0xF2: return TypeRule(.status, .required, .forward)
      case 0x38, 0x61: return TypeRule(.position, .optional, .forward)
      case 0x65, 0x66, 0x8C: return TypeRule(.information, .optional, .forward)
      case 0x36: return TypeRule(.media, .upstream, .block)
      case 0x21: return TypeRule(.commandReply, .never, .expires)
      case 0x94: return TypeRule(.information, .never, .forward)
      case 0x9B: return TypeRule(.information, .never, .forward)
      case 0x80, 0x81, 0x82: return TypeRule(.unknown, .never, .expires)
      default: return TypeRule(.unknown, .never, .forward)
      }
    }
    switch type {
    case 0x01: return TypeRule(.login, .required, .head)
    case 0x13, 0x23, 0x36: return TypeRule(.heartbeat, .required, .expires)
    case 0x16, 0x19, 0x26, 0x27, 0x39, 0xA3, 0xA4, 0xA5:
      return TypeRule(.alarm, .required, .forward)
    case 0x40: return TypeRule(.status, .required, .forward)
    case 0x8A: return TypeRule(.timeRequest, .local, .expires, .time)
    case 0x1A, 0x2A, 0x8B, 0xA7: return TypeRule(.addressRequest, .upstream, .expires)
    case 0x15, 0x21: return TypeRule(.commandReply, .never, .expires)
    case 0x17, 0x22: return TypeRule(.position, .never, .forward)
    case 0x94, 0x9B: return TypeRule(.information, .never, .forward)
    case 0x80, 0x81, 0x82, 0x96, 0x97, 0x9A, 0xFD, 0xFE:
      return TypeRule(.unknown, .never, .expires)
    case 0x35: return TypeRule(.media, .upstream, .block)
    case 0x14, 0x1F: return TypeRule(.status, .optional, .expires)
    case 0x83: return TypeRule(.text, .optional, .expires)
    case 0x10, 0x11, 0x12, 0x18, 0x1E, 0x24, 0x25, 0x28, 0x2C, 0x2D, 0x2E, 0x31...0x34, 0x37, 0x38,
      0x61, 0x69, 0xA0, 0xA1, 0xA2, 0xA9, 0xF3:
      return TypeRule(.position, .optional, .forward)
    case 0x95: return TypeRule(.alarm, .optional, .forward)
    default: return TypeRule(.unknown, .optional, .forward)
    }
  }

  // MARK: Facts and answers

  /// The facts of a frame whose sender is known under `protocolID`.
  static func facts(_ frame: Span<UInt8>, as protocolID: ProtocolID) -> FrameFacts {
    if frame[0] == 0x68 { return GT02.facts(frame, as: protocolID) }
    let isLong = frame[0] == 0x79
    let type = frame[isLong ? longTypeOffset : shortTypeOffset]
    let rule = rule(of: frame)
    var facts = FrameFacts(
      kind: rule.kind, answer: rule.answer, replay: rule.replay,
      key: AnswerKey(type: UInt16(type), serial: rule.shape == .wifi ? 0 : serial(of: frame)))
    let imeiOffset = shortTypeOffset + 1
    if rule.kind == .login, frame.count >= imeiOffset + imeiByteCount + tailByteCount {
      facts.identity = DeviceIdentity(
        protocolID, .imei8, frame, at: imeiOffset, count: imeiByteCount)
    }
    return facts
  }

  static func answer(
    _ frame: Span<UInt8>, _ facts: FrameFacts, _ context: AnswerContext, _ reply: inout Reply
  ) -> Bool {
    if frame[0] == 0x68 { return GT02.answer(facts, &reply) }
    let type = UInt8(facts.key.type & 0xFF)
    switch rule(of: frame).shape {
    case .short:
      reply.append(be16: 0x7878)
      reply.append(0x05)
      reply.append(type)
      finish(&reply, serial: facts.key.serial, checksumFrom: 2)
    case .long:
      reply.append(be16: 0x7979)
      reply.append(be16: 0x0005)
      reply.append(type)
      finish(&reply, serial: facts.key.serial, checksumFrom: 2)
    case .time:
      guard let time = context.time else { return false }
      reply.append(be16: 0x7878)
      reply.append(0x0B)
      reply.append(type)
      reply.append(UInt8(time.year % 100))
      reply.append(UInt8(time.month))
      reply.append(UInt8(time.day))
      reply.append(UInt8(time.hour))
      reply.append(UInt8(time.minute))
      reply.append(UInt8(time.second))
      finish(&reply, serial: facts.key.serial, checksumFrom: 2)
    case .wifi:
      Topin.appendTimeEcho(frame, &reply)
    }
    return true
  }

  /// `NA&&NA&&0##` to an address request with a phone number, which ends the device's wait.
  static func neutralAnswer(
    _ frame: Span<UInt8>, _ facts: FrameFacts, _ reply: inout Reply
  ) -> Bool {
    guard frame[0] == 0x78, facts.key.type == 0x2A else { return false }
    let text: InlineArray<11, UInt8> = [
      0x4E, 0x41, 0x26, 0x26, 0x4E, 0x41, 0x26, 0x26, 0x30, 0x23, 0x23,
    ]
    reply.append(be16: 0x7979)
    reply.append(be16: UInt16(text.count + 10))
    reply.append(0x97)
    reply.append(UInt8(text.count))
    for _ in 0..<4 { reply.append(0) }
    for i in 0..<text.count { reply.append(text[i]) }
    finish(&reply, serial: 0, checksumFrom: 2)
    return true
  }

  private static func finish(_ reply: inout Reply, serial: UInt16, checksumFrom start: Int) {
    reply.append(be16: serial)
    reply.appendCRCX25(from: start)
    reply.append(be16: 0x0D0A)
  }

  /// The rule for a whole frame, which knows frames of the Topin form by their shape.
  private static func rule(of frame: Span<UInt8>) -> TypeRule {
    let isLong = frame[0] == 0x79
    let typeOffset = isLong ? longTypeOffset : shortTypeOffset
    let type = frame[typeOffset]
    if !isLong, frame.count != Int(frame[2]) + 5 || frame[2] < 5 {
      if Topin.isWifiType(type), Topin.cutWifi(frame) == .frame(byteCount: frame.count, []) {
        return TypeRule(.position, .required, .forward, .wifi)
      }
    }
    // Too short for a serial number: nothing could be echoed.
    if frame.count < typeOffset + 1 + tailByteCount {
      return TypeRule(.unknown, .never, .forward)
    }
    return rule(isLong: isLong, type: type)
  }

  /// The serial number; frames with a lying length still end with it.
  private static func serial(of frame: Span<UInt8>) -> UInt16 {
    guard frame.count >= shortTypeOffset + 1 + tailByteCount else { return 0 }
    return frame.be16(at: frame.count - tailByteCount)
  }
}
