// V680: `#`-separated text of small personal trackers; forwarded, never answered.
//
//   #<IMEI>#<user>#<fix>#<password>#<event>#<count>#<base>#<position>#<date>#<time>##
//   #<IMEI>#                                the login, when a unit sends one
//
// A frame ends with `##`; a login that nothing follows ends with a line end or a brief silence.
// Ties: tlt2h units begin alike and are forwarded alike.
// Source: device-families document, section 11.

/// The V680 protocol, forward only.
public enum V680 {
  static let row = ProtocolRow(
    name: "v680",
    notes: {
      ProtocolNotes(
        title: "V680",
        soldAs: "some TK102B and TK100B",
        start: "# and 15 digits",
        identity: "IMEI at the start of every frame",
        transports: "TCP; UDP, every datagram on its own",
        limits: "Forwarded only: no answer is known.")
    },
    frameBytesMax: Limits.lineFrameBytesMax,
    head: .optional,
    defaultPolicy: .minimal,
    probe: probe, cut: cut, facts: facts, answer: { _, _, _, _ in false },
    downCut: ForwardOnly.downCut, downMeaning: { _ in .command })

  private static let imeiDigitCount = 15
  /// `#`, the IMEI and `#`.
  private static let loginByteCount = 17

  static func probe(_ bytes: Span<UInt8>, _ silence: Silence) -> ProbeAnswer {
    guard bytes.count > 0 else { return .needMore(total: 1) }
    guard bytes[0] == 0x23 else { return .no }
    let digits = bytes.digitCount(at: 1)
    if digits > imeiDigitCount { return .no }
    if 1 + digits == bytes.count { return .needMore(total: bytes.count + 1) }
    guard digits == imeiDigitCount else { return .no }
    let byte = bytes[1 + digits]
    return byte == 0x23 || byte == 0x0D || byte == 0x0A ? .yes(.certain) : .no
  }

  static func cut(_ bytes: Span<UInt8>, _ silence: Silence) -> Cut {
    let padding = bytes.paddingCount()
    if padding > 0 { return .skip(byteCount: padding, .padding) }
    switch probe(bytes, silence) {
    case .no: return .skip(byteCount: bytes.place(of: 0x23, from: 1) ?? bytes.count, .garbage)
    case .needMore(let total):
      if silence == .long, bytes.count > 0 { return .skip(byteCount: bytes.count, .garbage) }
      return .needMore(total: total)
    case .yes: break
    }
    if bytes[loginByteCount - 1] != 0x23 { return .frame(byteCount: loginByteCount, []) }
    var i = loginByteCount
    while i < min(bytes.count, Limits.lineFrameBytesMax) {
      if bytes[i] == 0x0D || bytes[i] == 0x0A { return .frame(byteCount: i, []) }
      if bytes[i] == 0x23, bytes[i - 1] == 0x23 { return .frame(byteCount: i + 1, []) }
      i += 1
    }
    if i == Limits.lineFrameBytesMax {
      return .skip(byteCount: bytes.place(of: 0x23, from: loginByteCount) ?? i, .garbage)
    }
    let isOver = silence == .long || silence == .brief && i == loginByteCount
    return isOver ? .frame(byteCount: i, []) : .needMore(total: bytes.count + 1)
  }

  static func facts(_ frame: Span<UInt8>) -> FrameFacts {
    let isLogin = frame.count <= loginByteCount + 1
    return FrameFacts(
      kind: isLogin ? .login : .position, answer: .never, replay: isLogin ? .head : .forward,
      key: AnswerKey(type: isLogin ? 1 : 2, serial: 0),
      identity: DeviceIdentity(.v680, .ascii, frame, at: 1, count: imeiDigitCount))
  }
}
