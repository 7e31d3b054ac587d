// A device's name as the spool keeps it. The queue compares the bytes and knows nothing of them.
//
// Invariant: 1 <= count <= 16; bytes beyond `count` are zero.

/// An opaque device name: a family, a form, and up to 16 bytes.
public struct DeviceKey: Sendable {
  public static let byteCountMax = 16

  public let family: UInt8
  public let form: UInt8
  public private(set) var count: Int
  private var storage: InlineArray<16, UInt8>

  /// A key without bytes yet; append at least one.
  public init(family: UInt8, form: UInt8) {
    self.family = family
    self.form = form
    count = 0
    storage = InlineArray(repeating: 0)
  }

  public mutating func append(_ byte: UInt8) {
    require(count < Self.byteCountMax)
    storage[count] = byte
    count += 1
  }

  public subscript(index: Int) -> UInt8 { storage[index] }

  /// The bytes from the first to `count`.
  public func withBytes<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
    body(storage.span.extracting(0..<count))
  }

  /// A hash that peers cannot aim without knowing `secret`.
  @inline(never)
  func hash(_ secret: UInt64) -> UInt64 {
    var state = secret ^ UInt64(family) << 8 ^ UInt64(count)
    for i in 0..<count {
      state = (state ^ UInt64(storage[i])) &* 0x9E37_79B9_7F4A_7C15
      state ^= state >> 29
    }
    state = (state ^ secret >> 17) &* 0xBF58_476D_1CE4_E5B9
    return state ^ state >> 32
  }
}

extension DeviceKey: Equatable {
  @inline(never)
  public static func == (a: DeviceKey, b: DeviceKey) -> Bool {
    guard a.family == b.family, a.form == b.form, a.count == b.count else { return false }
    for i in 0..<a.count where a.storage[i] != b.storage[i] { return false }
    return true
  }
}
