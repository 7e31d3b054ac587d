// The machine behind a source address as a number, so that hosts have an order: IPv4 before IPv6.

/// A host without its port.
struct HostNumber: Comparable {
  var isIPv6: Bool
  var high: UInt64
  var low: UInt64

  static func < (a: HostNumber, b: HostNumber) -> Bool {
    if a.isIPv6 != b.isIPv6 { return b.isIPv6 }
    return a.high == b.high ? a.low < b.low : a.high < b.high
  }

  /// 32 bits that depend on an IPv4 address or the first half of an IPv6 one.
  @inline(never)
  func hash(_ secret: UInt64) -> UInt64 {
    let hash = ((isIPv6 ? ~high : low) ^ secret) &* 0x9E37_79B9_7F4A_7C15
    return ((hash ^ hash >> 32) &* 0xD6E8_FEB8_6659_FD93) >> 32
  }

  /// The first and the last host of the network that this one is in; `nil` when its address has not
  /// so many bits.
  func network(prefixBitCount: Int) -> (first: HostNumber, last: HostNumber)? {
    let rest = (isIPv6 ? 128 : 32) - prefixBitCount
    guard prefixBitCount >= 0, rest >= 0 else { return nil }
    let highMask = rest <= 64 ? 0 : UInt64.max >> UInt64(128 - rest)
    let lowMask = rest >= 64 ? UInt64.max : (1 << UInt64(rest)) - 1
    return (
      HostNumber(isIPv6: isIPv6, high: high & ~highMask, low: low & ~lowMask),
      HostNumber(isIPv6: isIPv6, high: high | highMask, low: low | lowMask)
    )
  }
}

extension PeerAddress {
  public var isIPv6: Bool { self[0] == 6 }

  var host: HostNumber {
    isIPv6
      ? HostNumber(isIPv6: true, high: number(4..<12), low: number(12..<20))
      : HostNumber(isIPv6: false, high: 0, low: number(4..<8))
  }

  /// A number of 32 bits for the source, an IPv4 address or an IPv6 /64, that it cannot choose.
  public func hostHash(_ secret: UInt64) -> UInt64 { host.hash(secret) }

  private func number(_ range: Range<Int>) -> UInt64 {
    var value: UInt64 = 0
    for i in range { value = value << 8 | UInt64(self[i]) }
    return value
  }
}
