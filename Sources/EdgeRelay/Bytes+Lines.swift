// Lines of a text that came as bytes.

extension [UInt8] {
  /// The line that begins at `start`, without its end, and `start` behind that; `nil` at the end of the text.
  @inline(never)
  func line(from start: inout Int) -> ArraySlice<UInt8>? {
    guard start < count else { return nil }
    let end = self[start...].firstIndex(of: 0x0A) ?? count
    defer { start = end + 1 }
    return self[start..<end]
  }
}
