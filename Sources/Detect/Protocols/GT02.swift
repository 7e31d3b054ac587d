// GT02: the older sister of GT06, which says in every frame who it is.
//
//   68 68 | LEN 1 | b3 b4 | IMEI 8 (BCD) | SERIAL 2 | TYPE 1 | data | 0D 0A     size = LEN + 5
//
// There is no checksum; LEN counts b3 .. data, so at least 0D. b3 and b4 are battery and signal or
// a location area, by type. The device withholds positions until its first 1A is answered.
//
// One session mixes three framings: `68 68` data, `79 79 94` information and `78 78 8A` time
// requests. So GT02 and GT06 share one framer with three start marks, and a row of this family only
// decides under which protocol the device is known. Inside a Topin session `68 68` is a recording.
// Ties: none once IMEI and type stand where they must.
// Known limit: commands `88 88` are passed on whole and not looked into.
// Source: device-families document, section 5.

/// The GT02 protocol.
public enum GT02 {
  static let row = ProtocolRow(
    name: "gt02",
    notes: {
      ProtocolNotes(
        title: "GT02 (Concox)",
        soldAs: "GT02, GT02A, some TK110",
        start: "68 68",
        identity: "IMEI in every `68 68` frame",
        transports: """
          TCP, mixed with GT06 frames in one session; UDP, where `78 78` frames belong to whoever \
          the source address named last
          """,
        limits: "Platforms that only know `68 68` may close the connection at a `79 79` frame.")
    },
    frameBytesMax: Limits.gt06TransferLengthMax + 6,
    head: .optional,
    defaultPolicy: .minimal,
    probe: probe, cut: GT06.cut, facts: { GT06.facts($0, as: .gt02) }, answer: GT06.answer,
    neutralAnswer: GT06.neutralAnswer, downCut: GT06.downCut, downMeaning: GT06.downMeaning)

  // Field offsets from the start of the frame.
  static let imeiOffset = 5
  static let serialOffset = 13
  static let typeOffset = 15
  /// LEN of a frame without data.
  static let lengthMin = 13

  // MARK: Detection and framing

  static func probe(_ bytes: Span<UInt8>, _ silence: Silence) -> ProbeAnswer {
    for i in 0..<min(bytes.count, typeOffset + 1) {
      let byte = bytes[i]
      let fits =
        switch i {
        case 0, 1: byte == 0x68
        case 2: Int(byte) >= lengthMin
        case imeiOffset: byte <= 0x09
        case imeiOffset + 1..<imeiOffset + GT06.imeiByteCount: byte >> 4 <= 9 && byte & 0x0F <= 9
        case typeOffset: byte == 0x10 || byte == 0x1A || byte == 0x1B || byte == 0x1C
        default: true
        }
      if !fits { return .no }
    }
    return bytes.count > typeOffset ? .yes(.certain) : .needMore(total: bytes.count + 1)
  }

  /// Cuts a frame that begins with `68 68`.
  static func cutFrame(_ bytes: Span<UInt8>, _ silence: Silence) -> Cut {
    if bytes.count < 3 { return .needMore(total: 3) }
    let size = Int(bytes[2]) + 5
    if Int(bytes[2]) < lengthMin { return StartMarks.skipGarbage(bytes) }
    if bytes.count < size { return GT06.waitOrCutByStop(bytes, silence, size) }
    if bytes.hasStop(at: size - 2) { return .frame(byteCount: size, []) }
    return StartMarks.cutByStop(bytes, silence, byteCountMax: Limits.lyingFrameBytesMax)
  }

  // MARK: Facts and answers

  /// The facts of a `68 68` frame, whose sender is known under `protocolID`.
  static func facts(_ frame: Span<UInt8>, as protocolID: ProtocolID) -> FrameFacts {
    guard frame.count >= lengthMin + 5 else {
      return FrameFacts(
        kind: .unknown, answer: .never, replay: .forward, key: AnswerKey(type: 0x6868, serial: 0))
    }
    let type = frame[typeOffset]
    let (kind, answer, replay): (FrameKind, AnswerClass, ReplayClass) =
      switch type {
      case 0x1A: (.heartbeat, .required, .expires)
      case 0x10: (.position, .never, .forward)
      case 0x1B: (.addressRequest, .upstream, .expires)
      case 0x1C: (.commandReply, .never, .expires)
      default: (.unknown, .never, .forward)
      }
    return FrameFacts(
      kind: kind, answer: answer, replay: replay, key: key(type),
      identity: DeviceIdentity(
        protocolID, .imei8, frame, at: imeiOffset, count: GT06.imeiByteCount),
      head: type == 0x1A ? .login : .none)
  }

  /// Types of this framing are told from GT06's by their high byte. Answers carry no serial.
  static func key(_ type: UInt8) -> AnswerKey {
    AnswerKey(type: 0x6800 | UInt16(type), serial: 0)
  }

  /// `54 68 1A 0D 0A`, without serial number or name.
  static func answer(_ facts: FrameFacts, _ reply: inout Reply) -> Bool {
    guard facts.key == key(0x1A) else { return false }
    reply.append(be16: 0x5468)
    reply.append(0x1A)
    reply.append(be16: 0x0D0A)
    return true
  }

  // MARK: Downlink

  /// Cuts what begins with `54 68` (an answer of five bytes) or `88 88` (a command); `nil` for what
  /// begins otherwise.
  static func downCut(_ bytes: Span<UInt8>, _ silence: Silence) -> Cut? {
    if bytes.count == 1, bytes[0] == 0x54 || bytes[0] == 0x88 { return .needMore(total: 2) }
    if bytes.count > 1, bytes[0] == 0x54, bytes[1] == 0x68 {
      return bytes.count < 5 ? .needMore(total: 5) : .frame(byteCount: 5, [])
    }
    guard bytes.hasMark(0x88, at: 0) else { return nil }
    if bytes.count < 3 { return .needMore(total: 3) }
    let size = Int(bytes[2]) + 5
    if bytes.count < size { return GT06.waitOrCutByStop(bytes, silence, size) }
    if bytes.hasStop(at: size - 2) { return .frame(byteCount: size, []) }
    return StartMarks.cutByStop(bytes, silence, byteCountMax: Limits.lyingFrameBytesMax)
  }

  /// How many of the first `byteCountMax` bytes come before something that `downCut` may cut.
  static func garbageCount(_ bytes: Span<UInt8>, atMost byteCountMax: Int) -> Int {
    var offset = 1
    while offset < byteCountMax {
      let isHalf = bytes[offset] == 0x54 || bytes[offset] == 0x88
      let isWhole =
        offset + 1 < bytes.count
        && (bytes[offset] == 0x54 && bytes[offset + 1] == 0x68 || bytes.hasMark(0x88, at: offset))
      if isWhole || isHalf && offset + 1 == bytes.count { break }
      offset += 1
    }
    return offset
  }

  static func downMeaning(_ frame: Span<UInt8>) -> DownlinkMeaning {
    let isAnswer =
      frame.count == 5 && frame[0] == 0x54 && frame[2] == 0x1A && frame.hasStop(at: 3)
    return isAnswer ? .answer(key(0x1A)) : .command
  }
}
