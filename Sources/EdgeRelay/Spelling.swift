// Words are compared as bytes: string comparison would bring Unicode tables into a static binary.

extension [UInt8] {
  /// Whether these bytes spell `text`.
  func spells(_ text: StaticString) -> Bool {
    guard count == text.utf8CodeUnitCount else { return false }
    var isEqual = true
    // SAFETY: a static string's bytes live for ever, and the count was compared.
    text.withUTF8Buffer { buffer in
      for i in 0..<count where unsafe buffer[i] != self[i] { isEqual = false }
    }
    return isEqual
  }
}
