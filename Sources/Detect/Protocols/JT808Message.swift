// One JT/T 808 message, read through its escapes.
//
// The first `keptCount` bytes are kept unescaped: enough for every header and for the few bytes of a
// body that answers and matching need. Source: device-families document, sections 9.1 and 9.2.

/// The header of a message, and whether length and checksum are right.
struct JT808Message {
  private static let keptCount = 96

  /// Unescaped bytes from the message id on, as far as they are kept.
  private var kept = InlineArray<96, UInt8>(repeating: 0)
  /// Bytes between the marks after unescaping, the checksum included.
  private(set) var count = 0
  private(set) var isChecksumRight = false
  private(set) var isLengthRight = false
  /// 7E, or E7 for the variant.
  let mark: UInt8
  private(set) var hasVersion = false
  private(set) var terminalByteCount = 6
  private(set) var serialByteCount = 2

  /// Reads what stands between the marks at `start` and `end`; `start` is -1 where the mark before
  /// was the last of another frame. `nil` when not even a header fits.
  /// With `isRaw` nothing is taken for an escape, as some vendors write.
  init?(_ bytes: Span<UInt8>, from start: Int, to end: Int, isRaw: Bool = false) {
    guard end < bytes.count else { return nil }
    mark = bytes[end]
    var checksum: UInt8 = 0
    var i = start + 1
    while i < end {
      var byte = bytes[i]
      if !isRaw, i + 1 < end, let unescaped = Self.unescape(byte, bytes[i + 1], mark) {
        byte = unescaped
        i += 1
      }
      i += 1
      if count < Self.keptCount { kept[count] = byte }
      count += 1
      checksum ^= byte
    }
    guard count >= 12 else { return nil }
    // The checksum was included: what it should be makes the whole zero.
    isChecksumRight = checksum == 0
    chooseLayout()
  }

  private static func unescape(_ first: UInt8, _ second: UInt8, _ mark: UInt8) -> UInt8? {
    if mark == 0x7E {
      guard first == 0x7D else { return nil }
      return second == 0x01 ? 0x7D : second == 0x02 ? 0x7E : nil
    }
    switch (first, second) {
    case (0xE6, 0x01): return 0xE6
    case (0xE6, 0x02): return 0xE7
    case (0x3E, 0x01): return 0x3E
    case (0x3E, 0x02): return 0x3D
    default: return nil
    }
  }

  /// Takes the layout whose length fits, the one that the flags name first.
  private mutating func chooseLayout() {
    if id == 0x5501 || id == 0x5502 { serialByteCount = 1 }
    if mark == 0xE7 { terminalByteCount = 7 }
    if props & 0x4000 != 0 {
      hasVersion = true
      terminalByteCount = 10
      isLengthRight = count == bodyOffset + bodyByteCount + 1
      if isLengthRight { return }
      hasVersion = false
      terminalByteCount = mark == 0xE7 ? 7 : 6
    }
    isLengthRight = count == bodyOffset + bodyByteCount + 1
  }

  // MARK: Fields

  /// The byte at `offset` from the message id on, `0 ..< 96`.
  subscript(offset: Int) -> UInt8 { kept[offset] }

  func be16(at offset: Int) -> UInt16 { UInt16(kept[offset]) << 8 | UInt16(kept[offset + 1]) }

  var id: UInt16 { be16(at: 0) }
  private var props: UInt16 { be16(at: 2) }
  var bodyByteCount: Int { Int(props & 0x03FF) }
  /// Bit 15: vendor messages with it want an answer.
  var wantsVendorAnswer: Bool { props & 0x8000 != 0 }
  var version: UInt8? { hasVersion ? kept[4] : nil }
  var terminalOffset: Int { hasVersion ? 5 : 4 }
  private var serialOffset: Int { terminalOffset + terminalByteCount }
  var serial: UInt16 {
    serialByteCount == 2 ? be16(at: serialOffset) : UInt16(kept[serialOffset])
  }
  private var isBlock: Bool { props & 0x2000 != 0 }
  var bodyOffset: Int { serialOffset + serialByteCount + (isBlock ? 4 : 0) }

  /// Bytes of the body that are kept.
  var keptBodyByteCount: Int { max(0, min(bodyByteCount, Self.keptCount - bodyOffset)) }

  /// Whether this is the first, and whether it is the last block of its transfer.
  var isFirstBlock: Bool { !isBlock || be16(at: bodyOffset - 2) == 1 }
  var isLastBlock: Bool { !isBlock || be16(at: bodyOffset - 2) == be16(at: bodyOffset - 4) }

  var oddities: Oddities {
    var oddities: Oddities = []
    if !isChecksumRight { oddities.insert(.badChecksum) }
    if !isLengthRight { oddities.insert(.lyingLength) }
    return oddities
  }

  /// Whether the terminal number was ever set.
  var isNamed: Bool {
    for i in 0..<terminalByteCount where kept[terminalOffset + i] != 0 { return true }
    return false
  }

  var identity: DeviceIdentity? {
    imei ?? DeviceIdentity(.jt808, .bcd, kept.span, at: terminalOffset, count: terminalByteCount)
  }

  /// The IMEI that a terminal number with hexadecimal digits stands for: its first fourteen digits
  /// as a binary number, without the check digit.
  private var imei: DeviceIdentity? {
    guard terminalByteCount == 6 else { return nil }
    var isDecimal = true
    var value: UInt64 = 0
    for i in 0..<6 {
      let byte = kept[terminalOffset + i]
      if byte >> 4 > 9 || byte & 0x0F > 9 { isDecimal = false }
      value = value << 8 | UInt64(byte)
    }
    guard !isDecimal, value >= 10_000_000_000_000, value < 100_000_000_000_000 else { return nil }
    var digits = InlineArray<15, UInt8>(repeating: 0)
    var sum = 0
    for i in 0..<14 {
      let digit = Int(value % 10)
      value /= 10
      digits[13 - i] = 0x30 + UInt8(digit)
      // The Luhn sum doubles every second digit, the last one first.
      let weighted = i % 2 == 0 ? digit * 2 : digit
      sum += weighted / 10 + weighted % 10
    }
    digits[14] = 0x30 + UInt8((10 - sum % 10) % 10)
    return DeviceIdentity(.jt808, .ascii, digits.span, at: 0, count: 15)
  }

  /// How many bytes a frame takes that begins with `bytes` and in which nothing is escaped, or `nil`
  /// while its header is not there; `hasVersion` says which layout is meant.
  static func rawByteCount(_ bytes: Span<UInt8>, hasVersion: Bool) -> Int? {
    guard bytes.count >= 5 else { return nil }
    let props = bytes.be16(at: 3)
    let terminal = hasVersion ? 11 : bytes[0] == 0xE7 ? 7 : 6
    let id = bytes.be16(at: 1)
    let serial = id == 0x5501 || id == 0x5502 ? 1 : 2
    let header = 4 + terminal + serial + (props & 0x2000 != 0 ? 4 : 0)
    return 1 + header + Int(props & 0x03FF) + 2
  }

  /// Whether a session may begin with this message; others are somebody else's bytes.
  var hasKnownID: Bool { Self.isKnownID(id) }

  static func isKnownID(_ id: UInt16) -> Bool {
    switch id {
    case 0x0001...0x0005, 0x0100, 0x0102, 0x0104, 0x0107, 0x0109, 0x0200, 0x0201, 0x0210, 0x0310,
      0x0506, 0x0700...0x0805, 0x0900, 0x1006, 0x1007, 0x1300, 0x2070, 0x5501, 0x5502, 0x6006,
      0x8888:
      true
    default:
      false
    }
  }
}
