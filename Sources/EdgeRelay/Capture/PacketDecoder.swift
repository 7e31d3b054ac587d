// From a captured packet to TCP or UDP: link header, VLAN tags, IPv4 or IPv6, transport header.
//
//   Ethernet   destination 6 | source 6 | TYPE 2            8100, 88A8, 9100: TAG 2 | TYPE 2
//   SLL        kind 2 | hardware 2 | length 2 | address 8 | TYPE 2          SLL2: TYPE 2 | 18 bytes
//   IPv4       version, IHL 1 | 1 | TOTAL 2 | id 2 | FLAGS, FRAGMENT 2 | 1 | PROTOCOL 1 | sum 2 | 4 | 4
//   IPv6       version 4 | LENGTH 2 | NEXT 1 | hops 1 | 16 | 16 | extension headers
//   TCP        ports 4 | SEQUENCE 4 | ACK 4 | OFFSET, FLAGS 2 | window 2 | sum 2 | urgent 2 | options
//   UDP        ports 4 | LENGTH 2 | sum 2
//
// Checksums are not looked at: machines that capture their own traffic see them unfinished. Lengths of
// zero, which they also write for packets larger than an IP length can say, mean "to the end".
// Fragments are not put together; they are reported.

/// What a TCP header says about its place in a connection.
struct SegmentHeader: Equatable {
  var sequence: UInt32
  /// What the sender has received up to; `nil` without the ACK flag.
  var acknowledged: UInt32?
  var isSYN: Bool
  var isFIN: Bool
  var isRST: Bool
}

/// A TCP segment or a UDP datagram.
struct DecodedPacket: Equatable {
  var source: Endpoint
  var destination: Endpoint
  /// `nil` for UDP.
  var segment: SegmentHeader?
  /// Where the payload stands in the file, as far as it was captured.
  var payload: Range<Int>
}

/// Why a packet is neither TCP nor UDP for us.
enum PacketRefusal: Error {
  case otherProtocol, fragment, malformed, unknownLink
}

/// Reads the headers of a packet.
enum PacketDecoder {
  /// Decodes the packet at `range` of `file`.
  static func decode(
    _ file: Span<UInt8>, _ packet: CapturedPacket
  ) throws(PacketRefusal) -> DecodedPacket {
    let bytes = file.extracting(packet.range)
    let offset = try network(bytes, packet.link)
    guard offset < bytes.count else { throw .malformed }
    switch bytes[offset] >> 4 {
    case 4: return try ipv4(bytes, offset, packet.range.lowerBound)
    case 6: return try ipv6(bytes, offset, packet.range.lowerBound)
    default: throw .otherProtocol
    }
  }

  // MARK: Link

  /// Where the IP header begins.
  private static func network(
    _ bytes: Span<UInt8>, _ link: LinkType
  ) throws(PacketRefusal) -> Int {
    switch link {
    case .rawIP: return 0
    case .loopback: return 4
    case .ethernet: return try behindType(bytes, at: 12, next: 14)
    case .linuxCooked: return try behindType(bytes, at: 14, next: 16)
    case .linuxCooked2: return try behindType(bytes, at: 0, next: 20)
    case .unknown: throw .unknownLink
    }
  }

  /// Reads the type at `typeOffset` and the VLAN tags from `next` on.
  private static func behindType(
    _ bytes: Span<UInt8>, at typeOffset: Int, next: Int
  ) throws(PacketRefusal) -> Int {
    var typeOffset = typeOffset
    var next = next
    for _ in 0...CaptureLimits.vlanTagCountMax {
      guard bytes.count >= next else { throw .malformed }
      switch bytes.uint16(at: typeOffset) {
      case 0x0800, 0x86DD: return next
      case 0x8100, 0x88A8, 0x9100:
        typeOffset = next + 2
        next += 4
      default: throw .otherProtocol
      }
    }
    throw .otherProtocol
  }

  // MARK: Network

  private static func ipv4(
    _ bytes: Span<UInt8>, _ start: Int, _ base: Int
  ) throws(PacketRefusal) -> DecodedPacket {
    guard bytes.count - start >= 20 else { throw .malformed }
    let headerByteCount = Int(bytes[start] & 0x0F) * 4
    let total = Int(bytes.uint16(at: start + 2))
    guard headerByteCount >= 20, total == 0 || total >= headerByteCount else {
      throw .malformed
    }
    // More fragments, or not the first one.
    if bytes.uint16(at: start + 6) & 0x3FFF != 0 { throw .fragment }
    let end = total == 0 ? bytes.count : min(bytes.count, start + total)
    let source = Endpoint(
      isIPv6: false, port: 0, high: UInt64(bytes.uint32(at: start + 12)) << 32, low: 0)
    let destination = Endpoint(
      isIPv6: false, port: 0, high: UInt64(bytes.uint32(at: start + 16)) << 32, low: 0)
    return try transport(
      bytes, start + headerByteCount..<max(start + headerByteCount, end), base, bytes[start + 9],
      source, destination)
  }

  private static func ipv6(
    _ bytes: Span<UInt8>, _ start: Int, _ base: Int
  ) throws(PacketRefusal) -> DecodedPacket {
    guard bytes.count - start >= 40 else { throw .malformed }
    let length = Int(bytes.uint16(at: start + 4))
    let end = length == 0 ? bytes.count : min(bytes.count, start + 40 + length)
    let source = Endpoint(
      isIPv6: true, port: 0, high: bytes.uint64(at: start + 8), low: bytes.uint64(at: start + 16))
    let destination = Endpoint(
      isIPv6: true, port: 0, high: bytes.uint64(at: start + 24), low: bytes.uint64(at: start + 32))
    var next = bytes[start + 6]
    var offset = start + 40
    for _ in 0...CaptureLimits.extensionHeaderCountMax {
      if next == 6 || next == 17 {
        return try transport(bytes, offset..<max(offset, end), base, next, source, destination)
      }
      let isExtension = next == 0 || next == 43 || next == 44 || next == 51 || next == 60
      guard isExtension else { throw .otherProtocol }
      guard offset + 8 <= end else { throw .malformed }
      if next == 44, bytes.uint16(at: offset + 2) & 0xFFF9 != 0 { throw .fragment }
      let units = Int(bytes[offset + 1])
      let byteCount = next == 44 ? 8 : next == 51 ? (units + 2) * 4 : (units + 1) * 8
      next = bytes[offset]
      offset += byteCount
    }
    throw .otherProtocol
  }

  // MARK: Transport

  @inline(never)
  private static func transport(
    _ bytes: Span<UInt8>, _ range: Range<Int>, _ base: Int, _ number: UInt8,
    _ source: Endpoint, _ destination: Endpoint
  ) throws(PacketRefusal) -> DecodedPacket {
    guard number == 6 || number == 17 else { throw .otherProtocol }
    let start = range.lowerBound
    guard range.upperBound <= bytes.count, range.count >= (number == 6 ? 20 : 8) else {
      throw .malformed
    }
    var source = source
    var destination = destination
    source.port = bytes.uint16(at: start)
    destination.port = bytes.uint16(at: start + 2)
    var packet = DecodedPacket(source: source, destination: destination, payload: 0..<0)
    var begin = start + 8
    var end = range.upperBound
    if number == 6 {
      begin = start + Int(bytes[start + 12] >> 4) * 4
      guard begin - start >= 20, begin <= end else { throw .malformed }
      let flags = bytes[start + 13]
      packet.segment = SegmentHeader(
        sequence: bytes.uint32(at: start + 4),
        acknowledged: flags & 0x10 != 0 ? bytes.uint32(at: start + 8) : nil,
        isSYN: flags & 0x02 != 0, isFIN: flags & 0x01 != 0, isRST: flags & 0x04 != 0)
    } else {
      let length = Int(bytes.uint16(at: start + 4))
      guard length == 0 || length >= 8 else { throw .malformed }
      if length > 0 { end = min(end, start + length) }
    }
    packet.payload = base + begin..<base + end
    return packet
  }
}
