// Who plays: every protocol the relay speaks, on TCP and on UDP, and how the platform knows them.

import Relay

/// The trackers of a demonstration, by number.
enum Cast {
  struct Role: Sendable {
    let speech: Speech
    let transport: Transport
  }

  /// As many bytes as the shortest first frame has, a Topin login.
  private static let byteCountMin = 15

  /// The number of roles; tracker number n plays role n modulo this.
  static var count: Int { 2 * speeches.count }

  /// First every protocol on TCP, then every protocol on UDP.
  static func role(_ number: Int) -> Role {
    let place = number % count
    return Role(
      speech: speeches[place % speeches.count],
      transport: place < speeches.count ? .tcp : .udp)
  }

  /// The protocols, each once.
  static let speeches: [Speech] = [
    .gt06, .topin, .gt02, .tk103, .tk103Old, .coban, .h02, .jt808, .jt808New, .watch, .watchZJ,
    .v680, .pt, .xexun,
  ]

  /// What the bytes of a new connection to the platform are; `nil` while more must come.
  ///
  /// What nobody here speaks is taken for GT06, where it is garbage.
  static func recognise(_ bytes: [UInt8]) -> Speech? {
    guard bytes.count >= byteCountMin else { return nil }
    switch bytes[0] {
    case 0x78: return bytes[13] == 0x0D && bytes[14] == 0x0A ? .topin : .gt06
    case 0x68: return .gt02
    case 0x28: return bytes[1] == 0x30 ? .tk103 : .tk103Old
    case 0x24, 0x2A: return .h02
    case 0x7E: return bytes[3] & 0x40 == 0 ? .jt808 : .jt808New
    case 0x5B: return bytes[1] == 0x5A ? .watchZJ : .watch
    case 0x50: return .pt
    case 0x23: return bytes[1] == 0x23 ? .coban : .v680
    case 0x69: return .coban
    case 0x30...0x39: return bytes[12] == 0x2C ? .xexun : .coban
    default: return .gt06
    }
  }
}
