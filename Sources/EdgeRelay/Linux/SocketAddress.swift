// Addresses as operators write them: 0.0.0.0:8888, [::]:8888, d.example.com:8888.

import CLinux
import Configuration
import Relay

extension PeerAddress {
  var port: UInt16 { UInt16(self[2]) << 8 | UInt16(self[3]) }

  /// Leaves the host alone.
  mutating func clearPort() {
    self[2] = 0
    self[3] = 0
  }

  /// Calls `body` with the 40 bytes CLinux reads.
  @inline(never)
  @safe func withBytes(_ body: (UnsafePointer<UInt8>) -> Int) -> Int {
    var bytes = InlineArray<40, UInt8>(repeating: 0)
    for i in 0..<Self.byteCount { bytes[i] = self[i] }
    // SAFETY: the memory lives for the call.
    return unsafe bytes.span.withUnsafeBufferPointer { unsafe body($0.baseAddress!) }
  }

  /// The address that `fill` writes into the 40 bytes it is given, with the call's result.
  @inline(never)
  @safe static func filled(
    _ fill: (UnsafeMutablePointer<UInt8>) -> Int
  ) -> (address: PeerAddress, result: Int) {
    var bytes = InlineArray<40, UInt8>(repeating: 0)
    var span = bytes.mutableSpan
    // SAFETY: the memory lives for the call.
    let result = unsafe span.withUnsafeMutableBufferPointer { unsafe fill($0.baseAddress!) }
    var address = PeerAddress()
    for i in 0..<Self.byteCount { address[i] = bytes[i] }
    return (address, result)
  }

  /// Writes the address as an operator would.
  func writeHost(to text: inout Text) {
    if isIPv6 {
      text.append(byte: 0x5B)
      writeIPv6(&text)
      text.append(byte: 0x5D)
    } else {
      for i in 0..<4 {
        if i > 0 { text.append(byte: 0x2E) }
        text.append(Int(self[4 + i]))
      }
    }
  }

  /// Writes address and port as an operator would.
  func write(to text: inout Text) {
    writeHost(to: &text)
    text.append(byte: 0x3A)
    text.append(Int(port))
  }

  /// Eight groups without leading zeros; the first longest run of zeros is shortened.
  private func writeIPv6(_ text: inout Text) {
    func group(_ i: Int) -> UInt16 { UInt16(self[4 + i * 2]) << 8 | UInt16(self[5 + i * 2]) }
    var bestStart = 8
    var bestCount = 1
    var start = 0
    while start < 8 {
      var end = start
      while end < 8, group(end) == 0 { end += 1 }
      if end - start > bestCount {
        bestStart = start
        bestCount = end - start
      }
      start = max(end, start + 1)
    }
    var i = 0
    while i < 8 {
      if i == bestStart {
        text.append("::")
        i += bestCount
        continue
      }
      if i > 0, i != bestStart + bestCount || bestStart == 8 { text.append(byte: 0x3A) }
      var shift = 12
      while shift > 0, group(i) >> UInt16(shift) == 0 { shift -= 4 }
      while shift >= 0 {
        let nibble = UInt8(group(i) >> UInt16(shift) & 0xF)
        text.append(byte: nibble < 10 ? 0x30 + nibble : 0x61 + nibble - 10)
        shift -= 4
      }
      i += 1
    }
  }
}

extension HostAndPort {
  /// The addresses of the host; blocks for names unless `onlyLiteral`.
  ///
  /// Empty when there are none, whatever the reason.
  func resolve(onlyLiteral: Bool) -> [PeerAddress] {
    let capacity = 8
    var found = [UInt8](repeating: 0, count: capacity * PeerAddress.byteCount)
    let terminated = host + [0]
    // SAFETY: both buffers live for the call; the name is terminated.
    let count = unsafe terminated.withUnsafeBufferPointer { name in
      unsafe found.withUnsafeMutableBufferPointer { out in
        unsafe name.baseAddress!.withMemoryRebound(to: CChar.self, capacity: name.count) {
          unsafe clinux_resolve(
            $0, port, onlyLiteral ? 1 : 0, out.baseAddress!, Int32(capacity))
        }
      }
    }
    guard count > 0 else { return [] }
    var addresses: [PeerAddress] = []
    for i in 0..<Int(count) {
      var address = PeerAddress()
      for k in 0..<PeerAddress.byteCount { address[k] = found[i * PeerAddress.byteCount + k] }
      addresses.append(address)
    }
    return addresses
  }
}
