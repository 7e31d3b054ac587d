// Where a device speaks from. The edge knows what all of its bytes mean; the engine compares them, and
// reads the family (byte 0, 4 or 6) and the host (from byte 4 on) for the operator's rules.

/// A source address, equal when all its bytes are.
public struct PeerAddress: Sendable {
  /// Bytes: enough for a remote IPv6 address with port and scope, and a local one.
  public static let byteCount = 40

  private var storage = InlineArray<40, UInt8>(repeating: 0)

  public init() {}

  public subscript(index: Int) -> UInt8 {
    get { storage[index] }
    set { storage[index] = newValue }
  }

  func hash(_ secret: UInt64) -> UInt64 {
    var state = secret
    for i in 0..<Self.byteCount {
      state = (state ^ UInt64(storage[i])) &* 0x9E37_79B9_7F4A_7C15
      state ^= state >> 29
    }
    return state
  }
}

extension PeerAddress: Equatable {
  public static func == (a: PeerAddress, b: PeerAddress) -> Bool {
    for i in 0..<byteCount where a.storage[i] != b.storage[i] { return false }
    return true
  }
}
