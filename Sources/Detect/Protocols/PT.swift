// `PT;` and `PTH;` lines, seen from units sold as TK100; forwarded, never answered.
//
//   PT;<IMEI>;111;...          PTH;...
//
// Lines end with CR, some with CR LF. What servers answer is not known.
// Source: device-families document, section 11.

/// The `PT;` line dialect, forward only.
public enum PT {
  static let row = ProtocolRow(
    name: "pt",
    notes: {
      ProtocolNotes(
        title: "PT lines",
        soldAs: "some TK100 and TK100B",
        start: "PT; or PTH;",
        identity: "the IMEI in a line, where it has one",
        transports: "TCP; UDP, every datagram on its own",
        limits: "Forwarded only: no answer is known.")
    },
    frameBytesMax: Limits.lineFrameBytesMax,
    head: .optional,
    defaultPolicy: .minimal,
    probe: probe, cut: cut, facts: facts, answer: { _, _, _, _ in false },
    downCut: ForwardOnly.downCut, downMeaning: { _ in .command })

  static func probe(_ bytes: Span<UInt8>, _ silence: Silence) -> ProbeAnswer {
    if bytes.hasText("PT;", at: 0) || bytes.hasText("PTH;", at: 0) { return .yes(.certain) }
    let mayFit = bytes.mayBecomeText("PT;", at: 0) || bytes.mayBecomeText("PTH;", at: 0)
    return mayFit ? .needMore(total: bytes.count + 1) : .no
  }

  static func cut(_ bytes: Span<UInt8>, _ silence: Silence) -> Cut {
    let padding = bytes.paddingCount()
    if padding > 0 { return .skip(byteCount: padding, .padding) }
    switch probe(bytes, silence) {
    case .yes: return ForwardOnly.cutLine(bytes, silence)
    case .needMore(let total) where silence < .long || bytes.count == 0:
      return .needMore(total: total)
    case .needMore, .no:
      return .skip(byteCount: bytes.place(of: 0x50, from: 1) ?? bytes.count, .garbage)
    }
  }

  static func facts(_ frame: Span<UInt8>) -> FrameFacts {
    var facts = FrameFacts(
      kind: .position, answer: .never, replay: .forward, key: AnswerKey(type: 1, serial: 0))
    if let offset = ForwardOnly.placeOfDigits(frame, byteCount: 15) {
      facts.identity = DeviceIdentity(.pt, .ascii, frame, at: offset, count: 15)
    }
    return facts
  }
}
