// Where one side of a flow speaks from.

/// An IPv4 or IPv6 address with a port.
struct Endpoint: Equatable {
  var isIPv6 = false
  var port: UInt16 = 0
  /// The address in the order of the wire; the first four bytes of IPv4, the others zero.
  var address = InlineArray<16, UInt8>(repeating: 0)

  static func == (a: Endpoint, b: Endpoint) -> Bool { a.order(b) == 0 }

  /// Less than, equal to or greater than zero, in an order of our own.
  func order(_ other: Endpoint) -> Int {
    if isIPv6 != other.isIPv6 { return isIPv6 ? 1 : -1 }
    if port != other.port { return port < other.port ? -1 : 1 }
    for i in 0..<16 where address[i] != other.address[i] {
      return address[i] < other.address[i] ? -1 : 1
    }
    return 0
  }
}
