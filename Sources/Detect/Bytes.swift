// The few ways this module reads bytes. Every caller has checked the length.

extension Span where Element == UInt8 {
  /// The big-endian 16-bit number at `offset`.
  func be16(at offset: Int) -> UInt16 {
    UInt16(self[offset]) << 8 | UInt16(self[offset + 1])
  }

  /// Whether `0D 0A` stands at `offset`; `false` beyond the end.
  func hasStop(at offset: Int) -> Bool {
    offset + 1 < count && self[offset] == 0x0D && self[offset + 1] == 0x0A
  }

  /// Whether the same byte `mark` stands twice at `offset`; `false` beyond the end.
  func hasMark(_ mark: UInt8, at offset: Int) -> Bool {
    offset + 1 < count && self[offset] == mark && self[offset + 1] == mark
  }
}
