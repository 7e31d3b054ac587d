// Where one side of a flow speaks from.

/// An IPv4 or IPv6 address with a port.
struct Endpoint: Equatable {
  var isIPv6: Bool
  var port: UInt16
  /// The address as two big-endian numbers; IPv4 is the upper half of the first, all else is zero.
  var high: UInt64
  var low: UInt64

  /// The byte of the address at `index`, `0 ..< 16`.
  subscript(index: Int) -> UInt8 {
    let half = index < 8 ? high : low
    return UInt8(truncatingIfNeeded: half >> UInt64(56 - index % 8 * 8))
  }

  /// Whether `a` comes before `b` in an order of our own.
  @inline(never)
  static func < (a: Endpoint, b: Endpoint) -> Bool {
    if a.isIPv6 != b.isIPv6 { return b.isIPv6 }
    if a.port != b.port { return a.port < b.port }
    if a.high != b.high { return a.high < b.high }
    return a.low < b.low
  }
}
