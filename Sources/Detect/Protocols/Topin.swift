// Topin (365GPS, ZhongXun): GT06's marks without serial number and checksum.
//
//   78 78 | LEN 1 | TYPE 1 | data | 0D 0A
//
// LEN is true in the document's own words only: size = LEN + 5 for most types, LEN + 6 for
// positions (08 .. 11), the number of access points in Wi-Fi frames (17, 18, 19, 1A, 69), and 0D in
// the 15-byte login of real units. So the size is found by trying where `0D 0A` stands.
//
//   Wi-Fi: 78 78 N TYPE time(6, BCD) N * (MAC 6, RSSI 1) c(1) MCC 2 MNC 1 c * (LAC 2, CI 2, RSSI 1)
//          [status 1] 0D 0A
//   voice: 68 68 TOTAL 1 INDEX 1 LENGTH 2 data, without stop bytes
//
// Ties: see GT06. A 15-byte login with LEN 0D could be the start of an 18-byte GT06 login; a brief
// silence or the next start mark decides. Wi-Fi and position frames are claimed provisionally,
// because GT06 units send Wi-Fi frames of this form too.
// Source: device-families document, section 4.

/// The Topin protocol.
public enum Topin {
  static let row = ProtocolRow(
    name: "topin",
    notes: {
      ProtocolNotes(
        title: "Topin (365GPS, ZhongXun)",
        soldAs: "mini trackers and SOS pendants, 2G and LTE",
        start: "78 78",
        identity: "IMEI in the login; later frames carry none",
        transports: "TCP; UDP with the source address bound by the login",
        limits: "Settings, white list and password are answered by the platform only.")
    },
    frameBytesMax: Limits.topinFrameBytesMax,
    head: .required,
    defaultPolicy: .minimal,
    probe: probe, cut: cut, facts: facts, answer: answer, neutralAnswer: neutralAnswer,
    downCut: downCut, downMeaning: downMeaning)

  static let imeiOffset = 4
  static let imeiByteCount = 8
  static let timeOffset = 4
  static let timeByteCount = 6
  /// A login without and with its version byte.
  static let loginByteCounts = (14, 15)

  static func isWifiType(_ type: UInt8) -> Bool {
    type == 0x17 || type == 0x18 || type == 0x19 || type == 0x1A || type == 0x69
  }

  // MARK: Detection and framing

  static func probe(_ bytes: Span<UInt8>, _ silence: Silence) -> ProbeAnswer {
    if bytes.count > 0, bytes[0] != 0x78 { return .no }
    if bytes.count < 2 { return .needMore(total: bytes.count + 1) }
    if bytes[1] != 0x78 { return .no }
    if bytes.count < 4 { return .needMore(total: 4) }
    let length = Int(bytes[2])
    let type = bytes[3]
    if type == 0x01, length >= 5 { return probeLogin(bytes, silence, length) }
    if isWifiType(type) {
      switch cutWifi(bytes) {
      case .frame: return .yes(.provisional)
      case .needMore(let total): return .needMore(total: total)
      case .skip: break
      }
    }
    if length >= 1, length <= 4 {
      if bytes.count < length + 5 { return .needMore(total: length + 5) }
      return bytes.hasStop(at: length + 3) ? .yes(.certain) : .no
    }
    if type >= 0x08, type <= 0x11 {
      if bytes.count < length + 5 { return .needMore(total: length + 5) }
      if bytes.hasStop(at: length + 3) { return .no }
      if bytes.count < length + 6 { return .needMore(total: length + 6) }
      return bytes.hasStop(at: length + 4) ? .yes(.provisional) : .no
    }
    return .no
  }

  private static func probeLogin(
    _ bytes: Span<UInt8>, _ silence: Silence, _ length: Int
  ) -> ProbeAnswer {
    let (bare, versioned) = loginByteCounts
    if bytes.count < bare { return .needMore(total: bare) }
    var size = bare
    if !bytes.hasStop(at: bare - 2) {
      if bytes.count < versioned { return .needMore(total: versioned) }
      if !bytes.hasStop(at: versioned - 2) { return .no }
      size = versioned
    }
    // A true length leaves no room for serial and checksum: no GT06 login is that short.
    if length + 5 == size { return .yes(.certain) }
    if bytes.count == size {
      return silence > .none ? .yes(.certain) : .needMore(total: size + 1)
    }
    if bytes[size] != 0x78 { return .no }
    if bytes.count == size + 1 {
      return silence > .none ? .no : .needMore(total: size + 2)
    }
    return bytes[size + 1] == 0x78 ? .yes(.certain) : .no
  }

  static func cut(_ bytes: Span<UInt8>, _ silence: Silence) -> Cut {
    let padding = StartMarks.paddingCount(bytes)
    if padding > 0 { return .skip(byteCount: padding, .padding) }
    if bytes.count < 2 {
      // Also `79`, with which a frame may begin that proves a provisional stream to be GT06.
      if bytes.count == 1, !StartMarks.isHalfMark(bytes[0]) {
        return .skip(byteCount: 1, .garbage)
      }
      return .needMore(total: 2)
    }
    if bytes.hasMark(0x68, at: 0) { return cutRecording(bytes) }
    if !bytes.hasMark(0x78, at: 0) { return StartMarks.skipGarbage(bytes) }
    if bytes.count < 4 { return .needMore(total: 4) }
    let length = Int(bytes[2])
    let type = bytes[3]
    if type == 0x01 {
      let (bare, versioned) = loginByteCounts
      if bytes.count < bare { return waitOrCutByStop(bytes, silence, bare) }
      if bytes.hasStop(at: bare - 2) { return .frame(byteCount: bare, []) }
      if bytes.count < versioned { return waitOrCutByStop(bytes, silence, versioned) }
      if bytes.hasStop(at: versioned - 2) { return .frame(byteCount: versioned, []) }
    }
    if isWifiType(type) {
      switch cutWifi(bytes) {
      case .needMore(let total):
        if silence < .long { return .needMore(total: total) }
      case .frame(let byteCount, let oddities): return .frame(byteCount: byteCount, oddities)
      case .skip: break
      }
    }
    return cutByLength(bytes, silence, length)
  }

  private static func cutByLength(_ bytes: Span<UInt8>, _ silence: Silence, _ length: Int) -> Cut {
    for size in length + 5...length + 6 {
      if bytes.count < size { return waitOrCutByStop(bytes, silence, size) }
      if bytes.hasStop(at: size - 2) { return .frame(byteCount: size, []) }
    }
    return StartMarks.cutByStop(bytes, silence, byteCountMax: Limits.topinFrameBytesMax)
  }

  private static func waitOrCutByStop(
    _ bytes: Span<UInt8>, _ silence: Silence, _ size: Int
  ) -> Cut {
    let isStuck =
      silence == .long || silence == .brief && StartMarks.hasInnerMark(bytes)
    guard isStuck else { return .needMore(total: size) }
    return StartMarks.cutByStop(bytes, silence, byteCountMax: size)
  }

  /// A block of a voice recording: `68 68`, total, index, length 2, data.
  private static func cutRecording(_ bytes: Span<UInt8>) -> Cut {
    if bytes.count < 6 { return .needMore(total: 6) }
    let size = Int(bytes.be16(at: 4)) + 6
    if size > Limits.topinFrameBytesMax { return StartMarks.skipGarbage(bytes) }
    return bytes.count < size ? .needMore(total: size) : .frame(byteCount: size, [])
  }

  /// Cuts a Wi-Fi frame by its counts; `skip` when they do not lead to `0D 0A`.
  static func cutWifi(_ bytes: Span<UInt8>) -> Cut {
    let accessPoints = Int(bytes[2])
    let cellCountOffset = timeOffset + timeByteCount + 7 * accessPoints
    if cellCountOffset >= Limits.topinFrameBytesMax { return .skip(byteCount: 1, .garbage) }
    if bytes.count <= cellCountOffset { return .needMore(total: cellCountOffset + 1) }
    let bare = cellCountOffset + 1 + 3 + 5 * Int(bytes[cellCountOffset]) + 2
    for size in bare...bare + 1 where size <= Limits.topinFrameBytesMax {
      if bytes.count < size { return .needMore(total: size) }
      if bytes.hasStop(at: size - 2) { return .frame(byteCount: size, []) }
    }
    return .skip(byteCount: bare, .garbage)
  }
}
