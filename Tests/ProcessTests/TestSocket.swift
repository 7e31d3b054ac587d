// A plain socket for tests that care about single bytes.

import CLinux
import Foundation
import Relay

@testable import EdgeRelay

/// A connection, listener or datagram socket whose calls wait as long as they are told.
///
/// A class, because it must close its descriptor exactly once.
final class TestSocket {
  /// What a wait for bytes came to.
  enum Received: Equatable {
    case bytes([UInt8])
    case nothing
    /// Closed or reset by the other side.
    case ended
  }

  let descriptor: Int32

  private init(_ descriptor: Int32) { self.descriptor = descriptor }

  deinit { Sockets.close(descriptor) }

  /// A listener on any free port of 127.0.0.1.
  static func listener() throws -> TestSocket {
    TestSocket(try Sockets.bind(Loopback.address(port: 0), .tcp))
  }

  /// A connection to a port of 127.0.0.1.
  static func connection(to port: UInt16, _ transport: Transport = .tcp) throws -> TestSocket {
    let socket = TestSocket(try Sockets.connect(Loopback.address(port: port), transport))
    guard socket.wait(POLLOUT, milliseconds: 30_000), Sockets.isConnected(socket.descriptor) else {
      throw Trouble("no connection to 127.0.0.1:\(port)")
    }
    return socket
  }

  var port: UInt16 { Sockets.localAddress(of: descriptor).port }

  /// Makes the end of this object a reset of the connection.
  func resetOnClose() { clinux_reset_on_close(descriptor) }

  func accept() -> TestSocket? {
    (try? Sockets.accept(descriptor)).map { TestSocket($0.descriptor) }
  }

  /// Sends everything; `false` when the other side does not take it.
  func send(_ bytes: [UInt8], milliseconds: Int = 30_000) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      switch Sockets.send(descriptor, rest.span) {
      case .bytes(let count):
        rest = rest.dropFirst(count)
      case .wouldBlock:
        if !wait(POLLOUT, milliseconds: milliseconds) { return false }
      case .ended, .failed:
        return false
      }
    }
    return true
  }

  func receive(milliseconds: Int) -> Received {
    guard wait(POLLIN, milliseconds: milliseconds) else { return .nothing }
    var bytes = [UInt8](repeating: 0, count: 16_384)
    let count = clinux_receive(descriptor, &bytes, bytes.count)
    if count > 0 { return .bytes(Array(bytes[..<Int(count)])) }
    return count == -Int(clinux_eagain) ? .nothing : .ended
  }

  private func wait(_ event: Int32, milliseconds: Int) -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(event), revents: 0)
    return poll(&entry, 1, Int32(milliseconds)) > 0
  }
}
