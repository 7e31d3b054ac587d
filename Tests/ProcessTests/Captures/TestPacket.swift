// Packets for tests: TCP and UDP over IPv4 and IPv6, behind every link header that is read.

/// One packet under construction.
struct TestPacket {
  enum Link: UInt16, CaseIterable {
    case loopback = 0
    case ethernet = 1
    case rawIP = 101
    case openLoopback = 108
    case linuxCooked = 113
    case rawIPv4 = 228
    case linuxCooked2 = 276
  }

  struct Flags: OptionSet {
    let rawValue: UInt8
    static let fin = Flags(rawValue: 1)
    static let syn = Flags(rawValue: 2)
    static let rst = Flags(rawValue: 4)
    static let ack = Flags(rawValue: 16)
  }

  var isIPv6 = false
  /// Last byte of the address, and the port.
  var source: (host: UInt8, port: UInt16) = (5, 40_001)
  var destination: (host: UInt8, port: UInt16) = (1, 8_888)
  /// `nil` for UDP.
  var sequence: UInt32?
  var acknowledged: UInt32 = 0
  var flags: Flags = []
  var payload: [UInt8] = []
  /// More fragments, and the fragment's offset in units of eight bytes.
  var fragment: UInt16 = 0
  var vlanTags: [UInt16] = []
  /// Bytes behind the IP packet, as Ethernet pads short frames.
  var padding = 0

  var reversed: TestPacket {
    var packet = self
    packet.source = destination
    packet.destination = source
    return packet
  }

  func bytes(_ link: Link = .ethernet) -> [UInt8] {
    linkHeader(link) + network + [UInt8](repeating: 0xEE, count: padding)
  }

  private func linkHeader(_ link: Link) -> [UInt8] {
    let type = be16(isIPv6 ? 0x86DD : 0x0800)
    switch link {
    case .loopback: return [isIPv6 ? 30 : 2, 0, 0, 0]
    case .openLoopback: return [0, 0, 0, isIPv6 ? 24 : 2]
    case .rawIP, .rawIPv4: return []
    case .ethernet:
      let tags = vlanTags.enumerated().flatMap {
        be16($0.offset == 0 && vlanTags.count > 1 ? 0x88A8 : 0x8100) + be16($0.element)
      }
      return [UInt8](repeating: 2, count: 12) + tags + type
    case .linuxCooked: return [0, 0, 0, 1, 0, 6] + [UInt8](repeating: 2, count: 8) + type
    case .linuxCooked2:
      return type + [0, 0, 0, 0, 0, 1, 0, 1, 0, 6] + [UInt8](repeating: 2, count: 8)
    }
  }

  private var network: [UInt8] {
    let transport = transport
    let number: UInt8 = sequence == nil ? 17 : 6
    if isIPv6 {
      // An extension header in any case, so that these are read too: hop-by-hop, or a fragment's.
      let isFragment = fragment != 0
      let field = (fragment & 0x1FFF) << 3 | (fragment & 0x2000) >> 13
      let header =
        isFragment ? [number, 0] + be16(field) + [0, 0, 0, 1] : [number, 0, 1, 4, 0, 0, 0, 0]
      let length = be16(UInt16(transport.count + 8))
      let addresses = address6(source.host) + address6(destination.host)
      return [0x60, 0, 0, 0] + length + [isFragment ? 44 : 0, 64] + addresses + header + transport
    }
    let total = be16(UInt16(20 + transport.count))
    return [0x45, 0] + total + [0, 0] + be16(fragment) + [64, number, 0, 0]
      + [10, 0, 0, source.host, 10, 0, 0, destination.host] + transport
  }

  private var transport: [UInt8] {
    let ports = be16(source.port) + be16(destination.port)
    guard let sequence else {
      return ports + be16(UInt16(8 + payload.count)) + [0, 0] + payload
    }
    // Four bytes of options.
    return ports + be32(sequence) + be32(acknowledged) + [0x60, flags.rawValue, 0xFF, 0xFF]
      + [0, 0, 0, 0] + [1, 1, 1, 1] + payload
  }

  private func address6(_ host: UInt8) -> [UInt8] {
    [0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host]
  }

  private func be16(_ number: UInt16) -> [UInt8] { [UInt8(number >> 8), UInt8(number & 0xFF)] }
  private func be32(_ number: UInt32) -> [UInt8] {
    be16(UInt16(number >> 16)) + be16(UInt16(truncatingIfNeeded: number))
  }
}
