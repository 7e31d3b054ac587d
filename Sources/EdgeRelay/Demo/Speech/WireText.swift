// Looking at text on the wire.

/// Finds and reads pieces of text protocols.
enum WireText {
  /// The decimal number that all of `digits` spell; `nil` if they are none or too many.
  @inline(never)
  static func number(_ digits: ArraySlice<UInt8>) -> UInt64? {
    guard !digits.isEmpty, digits.count <= 18 else { return nil }
    var number: UInt64 = 0
    for digit in digits {
      guard digit >= 0x30, digit <= 0x39 else { return nil }
      number = number * 10 + UInt64(digit - 0x30)
    }
    return number
  }

  /// The hexadecimal number that all of `digits` spell; `nil` if they are none or too many.
  @inline(never)
  static func hexNumber(_ digits: ArraySlice<UInt8>) -> UInt32? {
    guard !digits.isEmpty, digits.count <= 8 else { return nil }
    var number: UInt32 = 0
    for digit in digits {
      switch digit {
      case 0x30...0x39: number = number << 4 | UInt32(digit - 0x30)
      case 0x41...0x46, 0x61...0x66: number = number << 4 | UInt32(digit & 0x0F + 9)
      default: return nil
      }
    }
    return number
  }

  /// Whether `text` stands at `offset`; `nil` when it is cut off by the end of `bytes`.
  static func has(_ text: Literal, in bytes: [UInt8], at offset: Int) -> Bool? {
    let wanted = Text(text).bytes
    for i in 0..<wanted.count {
      if offset + i == bytes.count { return nil }
      if bytes[offset + i] != wanted[i] { return false }
    }
    return true
  }

  /// The frame from `start` to the first `mark`, the mark included.
  static func cut(_ bytes: [UInt8], from start: Int, through mark: UInt8) -> WireCut {
    guard let end = bytes[start...].firstIndex(of: mark) else {
      return bytes.count - start > 1_024 ? .garbage : .needMore
    }
    return .frame(byteCount: end + 1 - start)
  }

  /// The parts of `bytes` between `mark`s.
  static func fields(_ bytes: ArraySlice<UInt8>, _ mark: UInt8) -> [[UInt8]] {
    Array(bytes).parts(at: mark)
  }
}
