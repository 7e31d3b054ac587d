// JT/T 808, the Chinese standard for vehicles, in its editions of 2011, 2013 and 2019.
//
//   7E | escaped( ID 2 | PROPS 2 | [VERSION 1] | TERMINAL 6 or 10 (BCD) | SERIAL 2
//                 | [TOTAL 2 | INDEX 2] | body | XOR 1 ) | 7E
//
// PROPS: bits 0-9 length of the body, bit 13 blocks (TOTAL and INDEX follow), bit 14 the layout of
// 2019. Escapes: 7E is 7D 02, 7D is 7D 01. XOR is over everything between the marks but itself.
// Messages 5501 and 5502 have a serial of one byte. The variant with mark E7 has a terminal of seven
// bytes and the escapes E6 01, E6 02, 3E 01, 3E 02. A clone sets bit 14 and writes six bytes: the
// layout is the one whose length fits. Some vendors escape nothing: where a frame is wrong as it is
// escaped and right as it is not, it is read so.
//
// One 7E may end a frame and begin the next: bytes without a mark before them are a frame if they
// are right up to the next mark. Two marks with fewer than twelve bytes between them are an end and a
// start. A frame whose checksum or length is wrong is forwarded, but never answered, so that the
// device sends it again, and it names nobody; some clones compute it wrong always.
// `(`...`)` texts of padlocks are frames in a bound session.
// Ties: none, because a whole frame with a right length decides.
// Known limit: frames with encrypted bodies are forwarded and answered like others.
// Source: device-families document, section 9.

/// The JT/T 808 protocol.
public enum JT808 {
  static let row = ProtocolRow(
    name: "jt808",
    notes: {
      ProtocolNotes(
        title: "JT/T 808 (2011, 2013, 2019)",
        soldAs: "CanTrack G10LS and newer units, P02L, most Chinese vehicle trackers and dashcams",
        start: "7E or E7",
        identity: "the terminal number in every frame, without leading zeros",
        transports: "TCP; UDP, every datagram on its own",
        limits: """
          The relay registers with the platform by the device's own registration and authenticates \
          with the code it gets; the device's code is the relay's. A request for lost blocks goes to \
          the device.
          """)
    },
    frameBytesMax: Limits.jt808FrameBytesMax,
    head: .optional,
    defaultPolicy: .generous,
    probe: probe, cut: cut, facts: facts, answer: answer, downCut: cut,
    downMeaning: downMeaning, secondHead: secondHead)

  /// The fewest bytes between two marks: the header of an empty message, without its checksum.
  private static let contentBytesMin = 12

  // MARK: Detection

  static func probe(_ bytes: Span<UInt8>, _ silence: Silence) -> ProbeAnswer {
    guard bytes.count > 0 else { return .needMore(total: 1) }
    let mark = bytes[0]
    guard isMark(mark) else { return .no }
    var start = 0
    while true {
      guard let end = bytes.place(of: mark, from: start + 1) else {
        return probeBeginning(bytes, from: start)
      }
      if end - start - 1 >= contentBytesMin {
        guard let message = JT808Message(bytes, from: start, to: end), message.hasKnownID else {
          return .no
        }
        if message.oddities.isEmpty { return .yes(.certain) }
        switch cutRaw(bytes.extracting(start..<bytes.count), silence) {
        case .frame: return .yes(.certain)
        case .needMore(let total): return .needMore(total: start + total)
        case .skip: return message.isLengthRight ? .yes(.provisional) : .no
        }
      }
      if end > 2 { return .no }
      start = end
    }
  }

  /// A frame that has not ended: as much of its message id as is there must be known.
  private static func probeBeginning(_ bytes: Span<UInt8>, from start: Int) -> ProbeAnswer {
    if bytes.count - start > Limits.jt808FrameBytesMax { return .no }
    if bytes.count - start >= 6,
      !JT808Message.isKnownID(bytes.be16(at: start + 1))
    {
      return .no
    }
    return .needMore(total: bytes.count + 1)
  }

  private static func isMark(_ byte: UInt8) -> Bool { byte == 0x7E || byte == 0xE7 }

  // MARK: Framing

  static func cut(_ bytes: Span<UInt8>, _ silence: Silence) -> Cut {
    var padding = 0
    while padding < bytes.count, bytes[padding] == 0x0D || bytes[padding] == 0x0A { padding += 1 }
    if padding > 0 { return .skip(byteCount: padding, .padding) }
    if bytes.count == 0 { return .needMore(total: 1) }
    if bytes[0] == 0x28 { return cutText(bytes, silence) }
    return isMark(bytes[0]) ? cutMarked(bytes, silence) : cutUnmarked(bytes, silence)
  }

  private static func cutMarked(_ bytes: Span<UInt8>, _ silence: Silence) -> Cut {
    guard let end = bytes.place(of: bytes[0], from: 1) else {
      if bytes.count < Limits.jt808FrameBytesMax, silence < .long {
        return .needMore(total: bytes.count + 1)
      }
      return .skip(byteCount: min(bytes.count, Limits.jt808FrameBytesMax), .garbage)
    }
    if end == 1 { return .skip(byteCount: 1, .padding) }
    if end >= Limits.jt808FrameBytesMax || end - 1 < contentBytesMin {
      return .skip(byteCount: end, .garbage)
    }
    let oddities =
      JT808Message(bytes, from: 0, to: end)?.oddities ?? [.badChecksum, .lyingLength]
    if oddities.isEmpty { return .frame(byteCount: end + 1, []) }
    switch cutRaw(bytes, silence) {
    case .frame(let byteCount, _): return .frame(byteCount: byteCount, [])
    case .needMore(let total): return .needMore(total: total)
    case .skip: return .frame(byteCount: end + 1, oddities)
    }
  }

  /// A frame in which nothing is escaped, by its length and checksum; `skip` when there is none.
  private static func cutRaw(_ bytes: Span<UInt8>, _ silence: Silence) -> Cut {
    for hasVersion in 0...1 {
      guard let byteCount = JT808Message.rawByteCount(bytes, hasVersion: hasVersion == 1) else {
        continue
      }
      if bytes.count < byteCount {
        if silence == .none { return .needMore(total: byteCount) }
        continue
      }
      if bytes[byteCount - 1] == bytes[0],
        let message = JT808Message(bytes, from: 0, to: byteCount - 1, isRaw: true),
        message.oddities.isEmpty, message.hasVersion == (hasVersion == 1)
      {
        return .frame(byteCount: byteCount, [])
      }
    }
    return .skip(byteCount: 1, .garbage)
  }

  /// Bytes behind a frame whose last mark was also the first of this one, or garbage.
  private static func cutUnmarked(_ bytes: Span<UInt8>, _ silence: Silence) -> Cut {
    var end = 0
    while end < bytes.count, !isMark(bytes[end]) { end += 1 }
    if end == bytes.count {
      if end < Limits.jt808FrameBytesMax, silence == .none { return .needMore(total: end + 1) }
      let text = bytes.place(of: 0x28, from: 0) ?? end
      return .skip(byteCount: min(text, Limits.jt808FrameBytesMax), .garbage)
    }
    if end >= contentBytesMin, end < Limits.jt808FrameBytesMax,
      let message = JT808Message(bytes, from: -1, to: end), message.oddities.isEmpty
    {
      return .frame(byteCount: end + 1, [])
    }
    return .skip(byteCount: end, .garbage)
  }

  private static func cutText(_ bytes: Span<UInt8>, _ silence: Silence) -> Cut {
    for i in 0..<min(bytes.count, Limits.lineFrameBytesMax) {
      if bytes[i] == 0x29 { return .frame(byteCount: i + 1, .foreignShape) }
      if isMark(bytes[i]) { return .skip(byteCount: i, .garbage) }
    }
    if bytes.count < Limits.lineFrameBytesMax, silence < .long {
      return .needMore(total: bytes.count + 1)
    }
    return .skip(byteCount: 1, .garbage)
  }
}
