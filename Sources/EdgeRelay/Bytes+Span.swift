// Bytes that came in a buffer and must outlive it.

extension [UInt8] {
  /// Appends what `bytes` has.
  @inline(never)
  mutating func append(_ bytes: Span<UInt8>) {
    for i in 0..<bytes.count { append(bytes[i]) }
  }
}
