// Sockets as descriptors. A non-blocking call that would wait says so with `wouldBlock`.

import CLinux
import Queue
import Relay

/// What a non-blocking read or write came to.
enum Transfer {
  case bytes(Int)
  /// The other side has closed its sending direction.
  case ended
  case wouldBlock
  case failed(SystemError)
}

/// Calls on sockets.
enum Sockets {
  /// A listening TCP socket or a bound UDP socket. An IPv6 wildcard takes IPv4 too.
  @inline(never)
  static func bind(_ address: PeerAddress, _ transport: Transport) throws(SystemError) -> Int32 {
    let isDual: Int32 = address.isIPv6 ? 1 : 0
    let result = address.withBytes {
      unsafe clinux_bind($0, transport == .udp ? 1 : 0, isDual)
    }
    return Int32(try SystemError.check(result))
  }

  static func localAddress(of descriptor: Int32) -> PeerAddress {
    PeerAddress.filled { unsafe clinux_local_address(descriptor, $0) }.address
  }

  /// The next waiting connection, with its peer.
  @inline(never)
  static func accept(
    _ listener: Int32
  ) throws(SystemError) -> (descriptor: Int32, peer: PeerAddress) {
    let (peer, result) = PeerAddress.filled { unsafe clinux_accept(listener, $0) }
    return (Int32(try SystemError.check(result)), peer)
  }

  /// Starts connecting over TCP, or connects a datagram socket.
  static func connect(
    _ address: PeerAddress, _ transport: Transport
  ) throws(SystemError) -> Int32 {
    let result = address.withBytes {
      transport == .tcp ? unsafe clinux_connect($0) : unsafe clinux_connect_datagram($0)
    }
    return Int32(try SystemError.check(result))
  }

  /// Whether a connection that was started stands now.
  static func isConnected(_ descriptor: Int32) -> Bool { clinux_connect_result(descriptor) == 0 }

  /// Reads at most `max` bytes into the start of `buffer`.
  @inline(never)
  static func receive(
    _ descriptor: Int32, into buffer: PageBuffer, max: Int
  ) -> Transfer {
    let result = unsafe buffer.withMemory(0..<max) {
      unsafe clinux_receive(descriptor, $0.baseAddress!, $0.count)
    }
    return transfer(result, isRead: true)
  }

  @inline(never)
  static func send(_ descriptor: Int32, _ bytes: Span<UInt8>) -> Transfer {
    if bytes.count == 0 { return .bytes(0) }
    // SAFETY: the memory lives for the call.
    let result = unsafe bytes.withUnsafeBufferPointer {
      unsafe clinux_send(descriptor, $0.baseAddress!, $0.count)
    }
    return transfer(result, isRead: false)
  }

  /// The next datagram, with its sender; `nil` when there is none.
  static func receiveDatagram(
    _ descriptor: Int32, into buffer: PageBuffer
  ) -> (byteCount: Int, peer: PeerAddress)? {
    let (peer, result) = PeerAddress.filled { address in
      unsafe buffer.withMemory(0..<buffer.byteCount) {
        unsafe clinux_receive_datagram(descriptor, $0.baseAddress!, $0.count, address)
      }
    }
    return result < 0 ? nil : (result, peer)
  }

  /// Sends one datagram from the address the peer knows; a full socket buffer loses it, as UDP
  /// does.
  static func sendDatagram(
    _ descriptor: Int32, _ bytes: Span<UInt8>, to peer: PeerAddress, isDual: Bool
  ) {
    _ = peer.withBytes { address in
      // SAFETY: the memory lives for the call.
      unsafe bytes.withUnsafeBufferPointer {
        unsafe clinux_send_datagram(
          descriptor, $0.baseAddress!, $0.count, address, isDual ? 1 : 0)
      }
    }
  }

  /// How many bytes of a TCP connection the peer's kernel has not acknowledged.
  static func unacknowledgedByteCount(_ descriptor: Int32) -> Int? {
    let result = clinux_unacknowledged(descriptor)
    return result < 0 ? nil : result
  }

  /// Ends this side's direction of a connection behind what was written.
  static func endOutput(_ descriptor: Int32) { clinux_shutdown_write(descriptor) }

  static func close(_ descriptor: Int32) { _ = clinux_close(descriptor) }

  private static func transfer(_ result: Int, isRead: Bool) -> Transfer {
    if result > 0 { return .bytes(result) }
    if result == 0 { return isRead ? .ended : .bytes(0) }
    let code = Int32(-result)
    return code == clinux_eagain ? .wouldBlock : .failed(SystemError(code: code))
  }
}
