// Words are compared and parted as bytes: string comparison would bring Unicode tables into a static binary.

extension [UInt8] {
  /// Whether these bytes spell `text`. `Configuration` has the same; here it serves the captures too, which import
  /// nothing.
  @inline(never)
  func spells(_ text: Literal) -> Bool {
    var position = 0
    var isEqual = true
    text.forEachByte { byte in
      if position >= count || self[position] != byte { isEqual = false }
      position += 1
    }
    return isEqual && position == count
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
