// Looking at binary protocols on the wire: big-endian numbers, decimal digits two to a byte.

/// Reads and writes pieces of binary protocols.
enum WireBytes {
  /// The one place where bytes are added, because growing an array is much code.
  @inline(never)
  static func append(_ value: UInt8, to bytes: inout [UInt8]) { bytes.append(value) }

  static func append(_ value: UInt16, to bytes: inout [UInt8]) {
    append(UInt8(value >> 8), to: &bytes)
    append(UInt8(value & 0xFF), to: &bytes)
  }

  static func append(_ value: UInt32, to bytes: inout [UInt8]) {
    append(UInt16(value >> 16), to: &bytes)
    append(UInt16(value & 0xFFFF), to: &bytes)
  }

  static func endsLine(_ bytes: [UInt8]) -> Bool {
    bytes.count >= 2 && number16(bytes, bytes.count - 2) == 0x0D0A
  }

  static func number16(_ bytes: [UInt8], _ offset: Int) -> UInt16 {
    UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1])
  }

  static func number32(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
    UInt32(number16(bytes, offset)) << 16 | UInt32(number16(bytes, offset + 2))
  }

  /// Digits two to a byte; an odd count begins with a zero.
  static func packed(_ digits: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    var isHigh = digits.count % 2 == 0
    if !isHigh { append(0 as UInt8, to: &bytes) }
    for digit in digits {
      if isHigh {
        append((digit - 0x30) << 4, to: &bytes)
      } else {
        bytes[bytes.count - 1] |= digit - 0x30
      }
      isHigh.toggle()
    }
    return bytes
  }

  /// The digits of `bytes`, two a byte; bytes that are no digits make characters that are none.
  static func digits(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    var digits: [UInt8] = []
    for byte in bytes {
      append(0x30 + (byte >> 4), to: &digits)
      append(0x30 + (byte & 0x0F), to: &digits)
    }
    return digits
  }

  /// The coordinates of a report: four bytes each, high halves fixed, low halves carry `sequence`.
  ///
  /// At 1/1 800 000 of a degree a position wanders by at most four kilometres.
  static func coordinates(_ sequence: UInt32) -> [UInt8] {
    var bytes: [UInt8] = []
    append(UInt32(0x026C) << 16 | sequence & 0xFFFF, to: &bytes)
    append(UInt32(0x0C38) << 16 | sequence >> 16, to: &bytes)
    return bytes
  }

  /// The number that `coordinates` at `offset` carry.
  static func sequence(_ bytes: [UInt8], at offset: Int) -> UInt32 {
    UInt32(number16(bytes, offset + 6)) << 16 | UInt32(number16(bytes, offset + 2))
  }
}
