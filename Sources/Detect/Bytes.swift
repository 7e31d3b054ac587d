// The few ways this module reads bytes. Every caller has checked the length.

extension Span where Element == UInt8 {
  /// The big-endian 16-bit number at `offset`.
  func be16(at offset: Int) -> UInt16 {
    UInt16(self[offset]) << 8 | UInt16(self[offset + 1])
  }

  /// The little-endian 64-bit number at `offset`.
  @inline(__always)
  func le64(at offset: Int) -> UInt64 {
    // SAFETY: the load checks its place, and every pattern of bits is a number.
    unsafe UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
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

// MARK: Text
//
// Never inlined: text families ask dozens of times, and every copy costs flash.

extension Span where Element == UInt8 {
  /// Whether the ASCII characters of `text` stand at `offset`; `false` beyond the end.
  @inline(never)
  func hasText(_ text: StaticString, at offset: Int) -> Bool {
    guard offset >= 0, offset + text.utf8CodeUnitCount <= count else { return false }
    for i in 0..<text.utf8CodeUnitCount {
      if unsafe text.utf8Start[i] != self[offset + i] { return false }
    }
    return true
  }

  /// Whether the bytes from `offset` to the end are the beginning of `text`, or begin with it.
  @inline(never)
  func mayBecomeText(_ text: StaticString, at offset: Int) -> Bool {
    for i in 0..<text.utf8CodeUnitCount where offset + i < count {
      if unsafe text.utf8Start[i] != self[offset + i] { return false }
    }
    return true
  }

  /// The place of the first `byte` at or after `offset`, or `nil`.
  @inline(never)
  func place(of byte: UInt8, from offset: Int) -> Int? {
    var i = offset
    while i < count {
      if self[i] == byte { return i }
      i += 1
    }
    return nil
  }

  /// How many line ends, blanks and zeros stand at the start: what text families send between frames.
  @inline(never)
  func paddingCount() -> Int {
    var i = 0
    while i < count, self[i] == 0x0D || self[i] == 0x0A || self[i] == 0x00 || self[i] == 0x20 {
      i += 1
    }
    return i
  }

  /// How many ASCII digits stand at `offset`.
  @inline(never)
  func digitCount(at offset: Int) -> Int {
    var i = offset
    while i < count, self[i] >= 0x30, self[i] <= 0x39 { i += 1 }
    return i - offset
  }
}
