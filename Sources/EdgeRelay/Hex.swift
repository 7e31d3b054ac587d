// Bytes as people write them.

/// Hexadecimal text.
enum Hex {
  /// The bytes that `digits` spell, spaces and colons between them allowed; `nil` if they do not.
  static func decode(_ digits: [UInt8]) -> [UInt8]? {
    var bytes: [UInt8] = []
    var high: UInt8?
    for digit in digits {
      if digit == 0x20 || digit == 0x09 || digit == 0x0D || digit == 0x3A { continue }
      guard let value = value(digit) else { return nil }
      if let first = high {
        bytes.append(first << 4 | value)
        high = nil
      } else {
        high = value
      }
    }
    return high == nil ? bytes : nil
  }

  /// The lines of a hex file, or the whole content when it is anything else.
  static func pieces(_ content: [UInt8]) -> [[UInt8]] {
    var pieces: [[UInt8]] = []
    var start = 0
    while let line = content.line(from: &start) {
      guard let bytes = decode(Array(line)) else { return [content] }
      if !bytes.isEmpty { pieces.append(bytes) }
    }
    return pieces
  }

  private static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case 0x30...0x39: digit - 0x30
    case 0x41...0x46: digit - 0x41 + 10
    case 0x61...0x66: digit - 0x61 + 10
    default: nil
    }
  }
}
