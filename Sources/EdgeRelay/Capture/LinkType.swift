// What stands in front of the IP header. Source: the registry of link-layer header types of tcpdump.org.

/// The link-layer header of a captured packet.
enum LinkType: Equatable {
  /// BSD loopback: four bytes of address family.
  case loopback
  case ethernet
  /// An IPv4 or IPv6 header comes first.
  case rawIP
  /// Linux `any` device, 16 bytes.
  case linuxCooked
  /// The same in its second version, 20 bytes.
  case linuxCooked2
  case unknown

  init(number: UInt16) {
    self =
      switch number {
      case 0, 108: .loopback
      case 1: .ethernet
      // 12 and 14 are what some systems write for 101.
      case 12, 14, 101, 228, 229: .rawIP
      case 113: .linuxCooked
      case 276: .linuxCooked2
      default: .unknown
      }
  }
}
