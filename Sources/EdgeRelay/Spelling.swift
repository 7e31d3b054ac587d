// Words are compared and parted as bytes: string comparison would bring Unicode tables into a static binary.

extension [UInt8] {
  /// Whether these bytes spell `text`.
  @inline(never)
  func spells(_ text: StaticString) -> Bool {
    guard count == text.utf8CodeUnitCount else { return false }
    var isEqual = true
    // SAFETY: a static string's bytes live for ever, and the count was compared.
    text.withUTF8Buffer { buffer in
      for i in 0..<count where unsafe buffer[i] != self[i] { isEqual = false }
    }
    return isEqual
  }

  /// What stands before, between and behind the bytes `mark`, empty parts included.
  @inline(never)
  func parts(at mark: UInt8) -> [[UInt8]] {
    var parts: [[UInt8]] = []
    var part: [UInt8] = []
    for byte in self {
      if byte == mark {
        parts.append(part)
        part = []
      } else {
        part.append(byte)
      }
    }
    parts.append(part)
    return parts
  }
}
