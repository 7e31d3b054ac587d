// Networks as operators write them: 10.0.0.0/8, 2001:db8::/32, and 192.0.2.7 for one address.

import Detect

/// A network, its address not yet read.
public struct NetworkText: Sendable {
  public var address: [UInt8]
  /// The count of leading bits; all of them when `nil`.
  public var bitCount: Int?

  /// Reads `ADDRESS/BITS` or `ADDRESS`; `nil` when it is not of that shape.
  public init?(_ text: ArraySlice<UInt8>) {
    let slash = text.firstIndex(of: 0x2F) ?? text.endIndex
    address = Array(text[..<slash])
    // Digits, dots, colons: whether they are an address is for those who look addresses up.
    let isLiteral = address.allSatisfy { byte in
      byte >= 0x2E && byte <= 0x3A && byte != 0x2F || byte | 0x20 >= 0x61 && byte | 0x20 <= 0x66
    }
    guard isLiteral, !address.isEmpty, address.count < 46 else { return nil }
    guard address.contains(0x3A) || Self.isIPv4(address) else { return nil }
    if slash < text.endIndex {
      guard let bits = HostAndPort.number(text[(slash + 1)...], max: 128) else { return nil }
      bitCount = Int(bits)
    }
  }

  /// Four numbers and nothing shorter: C libraries take 10/8 for a network of 0.0.0.10.
  private static func isIPv4(_ address: [UInt8]) -> Bool {
    let parts = address.parts(at: 0x2E)
    return parts.count == 4
      && parts.allSatisfy { part in
        HostAndPort.number(part[...], max: 255) != nil && (part.count == 1 || part.first != 0x30)
      }
  }
}
