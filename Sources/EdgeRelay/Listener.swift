// Where devices come in: one TCP and one UDP socket per address, on the same port.

import CLinux
import Relay

/// A bound socket.
struct Listener {
  var descriptor: Int32
  var address: PeerAddress
  var transport: Transport

  /// Whether it is an IPv6 socket, which takes IPv4 peers too.
  var isDual: Bool { address.isIPv6 }

  /// Binds TCP and UDP on `target`; port 0 takes any port that is free for both.
  static func open(_ target: PeerAddress) throws(SystemError) -> [Listener] {
    var attempts = target.port == 0 ? 16 : 1
    while true {
      attempts -= 1
      let tcp = try Sockets.bind(target, .tcp)
      var address = Sockets.localAddress(of: tcp)
      // The socket's own family, also when the address was written as IPv4.
      address[0] = target[0]
      do {
        let udp = try Sockets.bind(address, .udp)
        return [
          Listener(descriptor: tcp, address: address, transport: .tcp),
          Listener(descriptor: udp, address: address, transport: .udp),
        ]
      } catch {
        Sockets.close(tcp)
        if attempts == 0 || error.code != clinux_eaddrinuse { throw error }
      }
    }
  }

  /// Every address of the machine: IPv6 and IPv4 on one socket, IPv4 alone where there is no IPv6.
  static func openWildcard(port: UInt16) throws(SystemError) -> [Listener] {
    var address = PeerAddress()
    address[0] = 6
    address[2] = UInt8(port >> 8)
    address[3] = UInt8(port & 0xFF)
    do {
      return try open(address)
    } catch {
      guard error.code == clinux_eafnosupport || error.code == clinux_eaddrnotavail else {
        throw error
      }
      address[0] = 4
      return try open(address)
    }
  }
}
