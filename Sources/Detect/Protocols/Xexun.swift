// Xexun's text of old TK102 and TK103 units: a line around a GPRMC sentence; forwarded, never
// answered.
//
//   GPRMC,<time>,A,...,imei:<15 digits>,...
//   <digits>,<phone>,GPRMC,<time>,...,imei:<15 digits>,...
//
// Lines end with CR LF. The IMEI stands in the line, behind `imei:`.
// Ties: Coban's frames begin with `imei:`; a bare IMEI line is Coban's heartbeat. So a line that
// begins with digits is claimed only when `GPRMC` stands in it.
// Source: device-families document, section 11.

/// Xexun's GPRMC lines, forward only.
public enum Xexun {
  static let row = ProtocolRow(
    name: "xexun",
    notes: {
      ProtocolNotes(
        title: "Xexun GPRMC lines",
        soldAs: "old TK102 and TK103",
        start: "GPRMC, or digits and commas before it",
        identity: "the IMEI behind `imei:` in the line",
        transports: "TCP; UDP, every datagram on its own",
        limits: "Forwarded only: no answer is known.")
    },
    frameBytesMax: Limits.lineFrameBytesMax,
    head: .optional,
    defaultPolicy: .minimal,
    probe: probe, cut: cut, facts: facts, answer: { _, _, _, _ in false },
    downCut: ForwardOnly.downCut, downMeaning: { _ in .command })

  private static let sentence: StaticString = "GPRMC,"
  /// `GPRMC` stands behind a serial number and a phone number.
  private static let sentenceOffsetMax = 48

  static func probe(_ bytes: Span<UInt8>, _ silence: Silence) -> ProbeAnswer {
    guard bytes.count > 0 else { return .needMore(total: 1) }
    if bytes[0] == 0x47 {
      guard bytes.mayBecomeText(sentence, at: 0) else { return .no }
      return bytes.count >= sentence.utf8CodeUnitCount
        ? .yes(.certain) : .needMore(total: bytes.count + 1)
    }
    guard bytes[0] >= 0x30, bytes[0] <= 0x39 else { return .no }
    for i in 0..<min(bytes.count, sentenceOffsetMax) {
      if bytes.hasText(sentence, at: i) { return .yes(.certain) }
      // What stands before it: digits, commas, a plus sign.
      let isTail = i + sentence.utf8CodeUnitCount > bytes.count
      if isTail, bytes.mayBecomeText(sentence, at: i) {
        return .needMore(total: bytes.count + 1)
      }
      let byte = bytes[i]
      let isNumber = byte >= 0x30 && byte <= 0x39 || byte == 0x2C || byte == 0x2B
      if !isNumber { return .no }
    }
    return bytes.count < sentenceOffsetMax ? .needMore(total: bytes.count + 1) : .no
  }

  static func cut(_ bytes: Span<UInt8>, _ silence: Silence) -> Cut {
    let padding = bytes.paddingCount()
    if padding > 0 { return .skip(byteCount: padding, .padding) }
    if bytes.count == 0 { return .needMore(total: 1) }
    let cut = ForwardOnly.cutLine(bytes, silence)
    guard case .frame(let byteCount, _) = cut else { return cut }
    // A line is looked at whole, so that its middle is never taken for a beginning.
    if case .yes = probe(bytes.extracting(0..<byteCount), .long) { return cut }
    return .skip(byteCount: byteCount, .garbage)
  }

  static func facts(_ frame: Span<UInt8>) -> FrameFacts {
    var facts = FrameFacts(
      kind: .position, answer: .never, replay: .forward, key: AnswerKey(type: 1, serial: 0))
    for i in 0..<frame.count where frame.hasText("imei:", at: i) {
      if frame.digitCount(at: i + 5) >= 15 {
        facts.identity = DeviceIdentity(.xexun, .ascii, frame, at: i + 5, count: 15)
      }
    }
    return facts
  }
}
