// The bytes of one answer, in fixed memory.

/// An answer under construction; at most `Reply.byteCountMax` bytes.
public struct Reply: Sendable {
  /// Longest answer of any protocol, in bytes.
  public static let byteCountMax = 64

  public private(set) var count = 0
  private var storage = InlineArray<64, UInt8>(repeating: 0)

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

  mutating func append(be16 value: UInt16) {
    append(UInt8(value >> 8))
    append(UInt8(value & 0xFF))
  }

  mutating func append(_ bytes: Span<UInt8>, _ range: Range<Int>) {
    for i in range { append(bytes[i]) }
  }

  /// The CRC-16/X-25 of the bytes from `start` to the end.
  func crcX25(from start: Int) -> UInt16 {
    CRCX25.checksum(storage.span, start..<count)
  }
}
