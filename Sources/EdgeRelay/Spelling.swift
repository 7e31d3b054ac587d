// Words are compared as bytes: string comparison would bring Unicode tables into a static binary.

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
}
