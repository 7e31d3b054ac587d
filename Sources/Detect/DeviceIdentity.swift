// Who a device is: the key bytes its protocol puts on the wire, and how people write them.
//
// Invariant: 1 <= count <= DeviceIdentity.byteCountMax; bytes beyond `count` are zero, so that two
// identities are equal exactly when all their stored bytes are.

/// A device's name within its protocol, compared by raw bytes.
public struct DeviceIdentity: Sendable {
  /// The longest identity of any protocol, in bytes.
  public static let byteCountMax = 16

  /// How the bytes are written for people.
  public enum Notation: UInt8, Sendable {
    /// 8 bytes of BCD with one leading nibble that is not part of the number (an IMEI).
    case imei8
    /// The bytes are text.
    case ascii
    /// BCD, padded with zeros on the left that are not written; zero is a number like any other.
    case bcd
  }

  public let protocolID: ProtocolID
  public let notation: Notation
  public private(set) var count: Int
  private var storage: InlineArray<16, UInt8>

  /// Takes `count` bytes of `bytes` from `offset`; `nil` when that is empty or too long.
  ///
  /// It is also `nil` when an IMEI or a text is all zero: unconfigured devices send that in a login
  /// and try again. A terminal number that was never set stands in every frame and stays; such devices
  /// are one device, which they are to platforms too.
  public init?(
    _ protocolID: ProtocolID, _ notation: Notation, _ bytes: Span<UInt8>, at offset: Int,
    count: Int
  ) {
    guard count > 0, count <= Self.byteCountMax else { return nil }
    guard offset >= 0, offset + count <= bytes.count else { return nil }
    self.protocolID = protocolID
    self.notation = notation
    self.count = count
    storage = InlineArray(repeating: 0)
    var isZero = true
    for i in 0..<count {
      storage[i] = bytes[offset + i]
      if bytes[offset + i] != 0 { isZero = false }
    }
    if isZero, notation != .bcd { return nil }
  }

  /// The key byte at `index`, `0 ..< count`.
  public subscript(index: Int) -> UInt8 { storage[index] }

  /// How many characters `character(_:)` knows.
  public var characterCount: Int {
    switch notation {
    case .imei8: count * 2 - 1
    case .ascii: count
    case .bcd: count * 2 - leadingZeroCount
    }
  }

  /// The character at `index` of the name as people write it, always printable ASCII.
  @inline(never)
  public func character(_ index: Int) -> UInt8 {
    switch notation {
    case .imei8:
      // The first nibble is left out, as servers do; a clone that fills it stays distinct by key.
      return hexDigit(index + 1)
    case .bcd:
      return hexDigit(index + leadingZeroCount)
    case .ascii:
      let byte = storage[index]
      return byte > 0x20 && byte < 0x7F ? byte : 0x3F
    }
  }

  /// Whether people write it like this.
  @inline(never)
  public func isCalled(_ name: [UInt8]) -> Bool {
    guard name.count == characterCount else { return false }
    for i in 0..<name.count where name[i] != character(i) { return false }
    return true
  }

  private func nibble(_ index: Int) -> UInt8 {
    let byte = storage[index / 2]
    return index % 2 == 0 ? byte >> 4 : byte & 0x0F
  }

  private func hexDigit(_ index: Int) -> UInt8 {
    let nibble = nibble(index)
    return nibble < 10 ? 0x30 + nibble : 0x61 + nibble - 10
  }

  /// Zero nibbles on the left, but for the last digit.
  private var leadingZeroCount: Int {
    var zeros = 0
    while zeros < count * 2 - 1, nibble(zeros) == 0 { zeros += 1 }
    return zeros
  }
}

extension DeviceIdentity: Equatable {
  public static func == (a: DeviceIdentity, b: DeviceIdentity) -> Bool {
    guard a.protocolID == b.protocolID, a.count == b.count else { return false }
    for i in 0..<a.count where a.storage[i] != b.storage[i] { return false }
    return true
  }
}
