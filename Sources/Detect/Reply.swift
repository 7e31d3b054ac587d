// The bytes of one answer, in fixed memory.

/// An answer under construction; at most `Reply.byteCountMax` bytes.
public struct Reply: Sendable {
  /// Longest answer of any protocol, in bytes.
  public static let byteCountMax = 128

  public private(set) var count = 0
  private var storage = InlineArray<128, UInt8>(repeating: 0)

  public init() {}

  /// The byte at `index`, `0 ..< count`.
  public subscript(index: Int) -> UInt8 { storage[index] }

  /// Calls `body` with the bytes of the answer.
  public func withBytes<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
    body(storage.span.extracting(0..<count))
  }

  mutating func append(_ byte: UInt8) {
    storage[count] = byte
    count += 1
  }

  @inline(never)
  mutating func append(_ text: StaticString) {
    for i in 0..<text.utf8CodeUnitCount { append(unsafe text.utf8Start[i]) }
  }

  /// Whether `byteCount` more bytes fit.
  func hasRoom(_ byteCount: Int) -> Bool { count + byteCount <= Self.byteCountMax }

  /// The last `digitCount` decimal digits of `value`, with leading zeros.
  mutating func append(decimal value: Int, digitCount: Int) {
    var divisor = 1
    for _ in 1..<max(digitCount, 1) { divisor *= 10 }
    while divisor > 0 {
      append(UInt8(0x30 + value / divisor % 10))
      divisor /= 10
    }
  }

  mutating func append(be16 value: UInt16) {
    append(UInt8(value >> 8))
    append(UInt8(value & 0xFF))
  }

  @inline(never)
  mutating func append(_ bytes: Span<UInt8>, _ range: Range<Int>) {
    for i in range { append(bytes[i]) }
  }

  /// Adds the CRC-16/X-25 of the bytes from `start` to the end.
  mutating func appendCRCX25(from start: Int) {
    append(be16: CRCX25.checksum(storage.span, start..<count))
  }
}
