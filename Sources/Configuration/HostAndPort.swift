// Addresses as operators write them: 0.0.0.0:8888, [::]:8888, d.example.com:8888.

import Detect

/// A host name or address with a port, not yet looked up.
public struct HostAndPort: Equatable, Sendable {
  /// The host as written, without brackets.
  public var host: [UInt8]
  public var port: UInt16

  /// Reads `HOST:PORT` or `[ADDRESS]:PORT`; `nil` when it is not of that shape.
  public init?(_ text: [UInt8]) {
    guard let colon = text.lastIndex(of: 0x3A) else { return nil }
    var host = Array(text[..<colon])
    if host.first == 0x5B {
      guard host.count > 2, host.last == 0x5D else { return nil }
      host = Array(host[1..<host.count - 1])
    } else if host.contains(0x3A) {
      return nil
    }
    // Printable, and no bracket that would be taken for another when it is written again.
    let isStrange = host.contains { $0 <= 0x20 || $0 >= 0x7F || $0 == 0x5B || $0 == 0x5D }
    guard !host.isEmpty, host.count <= 253, !isStrange else { return nil }
    guard let port = Self.number(text[(colon + 1)...], max: 65_535) else { return nil }
    self.host = host
    self.port = UInt16(port)
  }

  /// An address alone.
  public init(host: [UInt8]) {
    self.host = host
    port = 0
  }

  /// The decimal number that `digits` spell, at most `max`.
  @inline(never)
  public static func number(_ digits: ArraySlice<UInt8>, max: Int64) -> Int64? {
    guard !digits.isEmpty, digits.count <= 18 else { return nil }
    var value: Int64 = 0
    for digit in digits {
      guard digit >= 0x30, digit <= 0x39 else { return nil }
      value = value * 10 + Int64(digit - 0x30)
    }
    return value <= max ? value : nil
  }

  public func write(to text: inout Text) {
    let isLiteralIPv6 = host.contains(0x3A)
    if isLiteralIPv6 { text.append(byte: 0x5B) }
    text.append(host)
    if isLiteralIPv6 { text.append(byte: 0x5D) }
    text.append(byte: 0x3A)
    text.append(Int(port))
  }
}
