// GT06: Concox, Jimi and a great many clones.
//
//   78 78 | LEN 1 | TYPE 1 | content | SERIAL 2 | CRC 2 | 0D 0A     size = LEN + 5
//   79 79 | LEN 2 | TYPE 1 | content | SERIAL 2 | CRC 2 | 0D 0A     size = LEN + 6
//
// LEN counts TYPE .. CRC, so at least 5. CRC-16/X-25 over LEN .. SERIAL. Big-endian throughout.
// Login (type 01) starts with the IMEI as 8 bytes of BCD; later frames carry no identity.
//
// Known deviations: clones with wrong checksums (accepted, flagged, answered); clones with lying
// lengths (cut by stop bytes, StartMarks); Wi-Fi frames of the Topin form inside a GT06 session;
// `78 78` downlink texts with a two-byte length (types 97 and 9A).
// `68 68` frames of GT02 in the same session are cut and answered as that document says.
// Ties: shares `78 78` with Topin. A strict frame with a right checksum is GT06 for certain, every
// other `78 78` frame only provisionally; Topin's own signs beat a provisional claim.
// Known limit: type 36 is taken as the 4G status frame; the X1 photo block that shares the code is
// not told apart.
// Source: device-families document, section 3, with vendor papers V1.8.1 and JM-VL03 V1.1.2.

/// The GT06 protocol.
public enum GT06 {
  static let row = ProtocolRow(
    name: "gt06",
    notes: {
      ProtocolNotes(
        title: "GT06 (Concox, Jimi and clones)",
        soldAs: "GT06, TK100, TK100B, TK103 with remote control, most Concox and Jimi units",
        start: "78 78 or 79 79",
        identity: "IMEI in the login; later frames carry none",
        transports: "TCP; UDP with the source address bound by the login",
        limits:
          "Type 36 is taken as the 4G status frame; X1 photo blocks are not told apart from it.")
    },
    frameBytesMax: Limits.gt06TransferLengthMax + 6,
    head: .required,
    defaultPolicy: .minimal,
    probe: probe, cut: cut, facts: { facts($0, as: .gt06) }, answer: answer,
    neutralAnswer: neutralAnswer,
    downCut: downCut, downMeaning: downMeaning)

  // Field offsets from the start of the frame, and of the tail from its end.
  static let shortTypeOffset = 3
  static let longTypeOffset = 4
  static let imeiByteCount = 8
  /// SERIAL, CRC and stop bytes.
  static let tailByteCount = 6

  // MARK: Detection and framing

  static func probe(_ bytes: Span<UInt8>, _ silence: Silence) -> ProbeAnswer {
    if bytes.count > 0, bytes[0] != 0x78, bytes[0] != 0x79 { return .no }
    if bytes.count < 2 { return .needMore(total: bytes.count + 1) }
    if bytes[0] != bytes[1] { return .no }
    if bytes[0] == 0x79 { return .yes(.certain) }
    switch cut(bytes, silence) {
    case .frame(_, let oddities):
      return oddities.isEmpty ? .yes(.certain) : probeBesideTopin(bytes, silence)
    case .skip:
      return .no
    case .needMore(let total):
      return .needMore(total: total)
    }
  }

  /// A claim without a checksum, which gives way to Topin's own signs.
  private static func probeBesideTopin(_ bytes: Span<UInt8>, _ silence: Silence) -> ProbeAnswer {
    switch Topin.probe(bytes, silence) {
    case .yes: .no
    case .needMore(let total) where silence == .none: .needMore(total: total)
    case .needMore, .no: .yes(.provisional)
    }
  }

  static func cut(_ bytes: Span<UInt8>, _ silence: Silence) -> Cut {
    cut(bytes, silence, isDownlink: false)
  }

  static func downCut(_ bytes: Span<UInt8>, _ silence: Silence) -> Cut {
    if let cut = GT02.downCut(bytes, silence) { return cut }
    let cut = cut(bytes, silence, isDownlink: true)
    guard case .skip(let byteCount, .garbage) = cut else { return cut }
    return .skip(byteCount: GT02.garbageCount(bytes, atMost: byteCount), .garbage)
  }

  private static func cut(_ bytes: Span<UInt8>, _ silence: Silence, isDownlink: Bool) -> Cut {
    let padding = StartMarks.paddingCount(bytes)
    if padding > 0 { return .skip(byteCount: padding, .padding) }
    if bytes.count < 2 {
      if bytes.count == 1, !StartMarks.isHalfMark(bytes[0]) {
        return .skip(byteCount: 1, .garbage)
      }
      return .needMore(total: 2)
    }
    if bytes.hasMark(0x78, at: 0) { return cutShort(bytes, silence, isDownlink: isDownlink) }
    if bytes.hasMark(0x79, at: 0) { return cutLong(bytes, silence) }
    if !isDownlink, bytes.hasMark(0x68, at: 0) { return GT02.cutFrame(bytes, silence) }
    return StartMarks.skipGarbage(bytes)
  }

  private static func cutShort(_ bytes: Span<UInt8>, _ silence: Silence, isDownlink: Bool) -> Cut {
    if bytes.count < 5 { return .needMore(total: 5) }
    let length = Int(bytes[2])
    let type = bytes[shortTypeOffset]
    let size = length + 5
    if length >= 1 {
      if bytes.count < size { return waitOrCutByStop(bytes, silence, size) }
      if bytes.hasStop(at: size - 2) {
        if length < 5 { return .frame(byteCount: size, [.foreignShape, .lyingLength]) }
        if CRCX25.checksum(bytes, 2..<size - 4) == bytes.be16(at: size - 4) {
          return .frame(byteCount: size, [])
        }
        if !StartMarks.hasInnerFrame(bytes, before: size) {
          return .frame(byteCount: size, .badChecksum)
        }
      }
    }
    if isDownlink, bytes[4] == 0x97 || bytes[4] == 0x9A {
      let longSize = Int(bytes.be16(at: 2)) + 6
      if longSize <= Limits.gt06LongLengthMax {
        if bytes.count < longSize { return waitOrCutByStop(bytes, silence, longSize) }
        if bytes.hasStop(at: longSize - 2) { return .frame(byteCount: longSize, []) }
      }
    }
    if isDownlink, length == 0, Topin.isWifiType(type) {
      // The upstream's answer to a Wi-Fi frame: type and six time bytes.
      if bytes.count < 12 { return .needMore(total: 12) }
      if bytes.hasStop(at: 10) { return .frame(byteCount: 12, .foreignShape) }
    }
    if !isDownlink, Topin.isWifiType(type) {
      switch Topin.cutWifi(bytes) {
      case .frame(let byteCount, _): return .frame(byteCount: byteCount, .foreignShape)
      case .needMore(let total):
        if silence < .long { return .needMore(total: total) }
      case .skip: break
      }
    }
    return StartMarks.cutByStop(bytes, silence, byteCountMax: Limits.lyingFrameBytesMax)
  }

  private static func cutLong(_ bytes: Span<UInt8>, _ silence: Silence) -> Cut {
    if bytes.count < 5 { return .needMore(total: 5) }
    let length = Int(bytes.be16(at: 2))
    let type = bytes[longTypeOffset]
    let isTransfer = type == 0x41 || type == 0x36 || type == 0x94
    let lengthMax = isTransfer ? Limits.gt06TransferLengthMax : Limits.gt06LongLengthMax
    if length > lengthMax { return StartMarks.skipGarbage(bytes) }
    if length >= 5 {
      let size = length + 6
      if bytes.count < size { return waitOrCutByStop(bytes, silence, size) }
      if bytes.hasStop(at: size - 2) {
        if CRCX25.checksum(bytes, 2..<size - 4) == bytes.be16(at: size - 4) {
          return .frame(byteCount: size, [])
        }
        if !StartMarks.hasInnerFrame(bytes, before: size) {
          return .frame(byteCount: size, .badChecksum)
        }
      }
    }
    return StartMarks.cutByStop(bytes, silence, byteCountMax: lengthMax + 6)
  }

  /// An incomplete frame waits, unless silence says that its length lies.
  static func waitOrCutByStop(
    _ bytes: Span<UInt8>, _ silence: Silence, _ size: Int
  ) -> Cut {
    let isStuck =
      silence == .long || silence == .brief && StartMarks.hasInnerMark(bytes)
    guard isStuck else { return .needMore(total: size) }
    return StartMarks.cutByStop(bytes, silence, byteCountMax: size)
  }
}
