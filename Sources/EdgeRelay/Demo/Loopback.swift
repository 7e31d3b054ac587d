// Ports on the loopback interface for the two ends of a demonstration.
//
// They are taken below the range from which the kernel gives ports to outgoing connections. Above it,
// a connection to a port where nobody listens may be given that very port as its own and then stand,
// connected to itself, and the listener could not come back.

import Relay

/// Free ports on 127.0.0.1.
enum Loopback {
  private static let ports = 10_240..<32_000
  private static let attemptsMax = 200

  static func address(port: UInt16) -> PeerAddress {
    var address = PeerAddress()
    address[0] = 4
    address[2] = UInt8(port >> 8)
    address[3] = UInt8(port & 0xFF)
    address[4] = 127
    address[7] = 1
    return address
  }

  static func name(port: UInt16) -> HostAndPort {
    var text = Text("127.0.0.1:")
    text.append(Int(port))
    // Always of the right shape.
    guard let name = HostAndPort(text.bytes) else { preconditionFailure() }
    return name
  }

  /// A port that is free for TCP and UDP now; `nil` when none is found.
  @inline(never)
  static func freePort(_ random: inout DemoRandom) -> UInt16? {
    for _ in 0..<attemptsMax {
      let port = UInt16(random.number(in: ports))
      guard let tcp = try? Sockets.bind(address(port: port), .tcp) else { continue }
      let udp = try? Sockets.bind(address(port: port), .udp)
      Sockets.close(tcp)
      if let udp {
        Sockets.close(udp)
        return port
      }
    }
    return nil
  }
}
