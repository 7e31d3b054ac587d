// Capture files, read back: every format and link type, damaged ones, and any bytes at all.

import Testing

@testable import EdgeRelay

@Suite("Reading captures")
struct CaptureReaderTests {
  private static let datagram = TestPacket(payload: Array("hello".utf8))

  /// What is read of a file: the packets, and why reading ended early.
  private func read(_ file: [UInt8]) -> (packets: [CapturedPacket], fault: CaptureFault?)? {
    guard var reader = CaptureReader(file.span) else { return nil }
    var packets: [CapturedPacket] = []
    while true {
      switch reader.next(file.span) {
      case .packet(let packet): packets.append(packet)
      case .end: return (packets, nil)
      case .broken(let fault, let offset):
        #expect(offset <= file.count)
        return (packets, fault)
      }
    }
  }

  @Test(
    "Both formats in both byte orders give bytes and times",
    arguments: CaptureWriter.Format.allCases)
  func formats(_ format: CaptureWriter.Format) throws {
    for order in [ByteOrder.big, .little] {
      var writer = CaptureWriter(format, order)
      let first = Self.datagram.bytes()
      let second = first + [1, 2, 3]
      writer.add(first, milliseconds: 1_709_380_800_123)
      writer.add(second, milliseconds: 1_709_380_801_456)
      let (packets, fault) = try #require(read(writer.bytes))
      #expect(fault == nil)
      #expect(packets.map { Array(writer.bytes[$0.range]) } == [first, second])
      #expect(packets.allSatisfy { $0.link == .ethernet })
      if format != .pcapngSimple {
        #expect(packets.map(\.milliseconds) == [1_709_380_800_123, 1_709_380_801_456])
      }
    }
  }

  @Test("A second section forgets the interfaces and the byte order of the first")
  func sections() throws {
    var writer = CaptureWriter(.pcapng, .big)
    writer.add(Self.datagram.bytes(), milliseconds: 1)
    var other = CaptureWriter(.pcapng, .little, link: 101)
    other.add(Self.datagram.bytes(.rawIP), milliseconds: 2)
    let (packets, fault) = try #require(read(writer.bytes + other.bytes))
    #expect(fault == nil)
    #expect(packets.map(\.link) == [.ethernet, .rawIP])
    #expect(packets.map(\.milliseconds) == [1, 2])
  }

  @Test("A packet is found behind every link header", arguments: TestPacket.Link.allCases)
  func links(_ link: TestPacket.Link) throws {
    for isIPv6 in [false, true] {
      for isTCP in [false, true] {
        var packet = Self.datagram
        packet.isIPv6 = isIPv6
        packet.padding = 7
        if isTCP {
          packet.sequence = 77
          packet.acknowledged = 99
          packet.flags = [.ack, .fin]
        }
        var writer = CaptureWriter(.pcapMicroseconds, .little, link: link.rawValue)
        writer.add(packet.bytes(link), milliseconds: 5)
        let (packets, _) = try #require(read(writer.bytes))
        let decoded = try PacketDecoder.decode(writer.bytes.span, packets[0])
        #expect(Array(writer.bytes[decoded.payload]) == packet.payload)
        #expect(decoded.source.port == 40_001)
        #expect(decoded.destination.port == 8_888)
        #expect(decoded.source.isIPv6 == isIPv6)
        #expect(
          (0..<16).map { decoded.source[$0] }
            == (isIPv6
              ? [0xFD] + [UInt8](repeating: 0, count: 14) + [5]
              : [10, 0, 0, 5] + [UInt8](repeating: 0, count: 12)))
        let segment = SegmentHeader(
          sequence: 77, acknowledged: 99, isSYN: false, isFIN: true, isRST: false)
        #expect(decoded.segment == (isTCP ? segment : nil))
      }
    }
  }

  private func refusal(_ packet: TestPacket, _ link: UInt16 = 1) throws -> PacketRefusal? {
    try refusal(packet.bytes(), link)
  }

  private func refusal(_ packet: [UInt8], _ link: UInt16 = 1) throws -> PacketRefusal? {
    var writer = CaptureWriter(.pcapMicroseconds, .little, link: link)
    writer.add(packet, milliseconds: 5)
    let (packets, _) = try #require(read(writer.bytes))
    do {
      _ = try PacketDecoder.decode(writer.bytes.span, packets[0])
      return nil
    } catch { return error }
  }

  @Test("VLAN tags are passed over, fragments and foreign protocols are told apart")
  func refusals() throws {
    var packet = Self.datagram
    packet.vlanTags = [12]
    #expect(try refusal(packet) == nil)
    packet.vlanTags = [12, 13]
    #expect(try refusal(packet) == nil)
    packet.vlanTags = [1, 2, 3, 4, 5, 6]
    #expect(try refusal(packet) == .otherProtocol)
    packet.vlanTags = []
    packet.fragment = 0x2000
    #expect(try refusal(packet) == .fragment)
    packet.fragment = 0x0005
    #expect(try refusal(packet) == .fragment)
    packet.isIPv6 = true
    #expect(try refusal(packet) == .fragment)
    packet.fragment = 0x2000
    #expect(try refusal(packet) == .fragment)
    // Not to be fragmented; in IPv6 a fragment that is the whole packet.
    packet.fragment = 0x4000
    #expect(try refusal(packet) == nil)
    packet.isIPv6 = false
    #expect(try refusal(packet) == nil)
    #expect(try refusal(packet, 147) == .unknownLink)
    var foreign = packet.bytes()
    foreign[23] = 1
    #expect(try refusal(foreign) == .otherProtocol)
    let arp = [UInt8](repeating: 2, count: 12) + [0x08, 0x06] + [UInt8](repeating: 0, count: 28)
    #expect(try refusal(arp) == .otherProtocol)
  }

  @Test("A packet cut at any length is refused or has what is there of its payload")
  func cutPackets() throws {
    for isIPv6 in [false, true] {
      var packet = Self.datagram
      packet.isIPv6 = isIPv6
      packet.sequence = 1
      let whole = packet.bytes()
      for count in 0..<whole.count {
        var writer = CaptureWriter(.pcapMicroseconds, .little)
        writer.add(Array(whole.prefix(count)), milliseconds: 5)
        let (packets, _) = try #require(read(writer.bytes))
        let decoded = try? PacketDecoder.decode(writer.bytes.span, packets[0])
        let headers = whole.count - packet.payload.count
        #expect((decoded != nil) == (count >= headers), "\(count) bytes")
        if let decoded {
          #expect(
            Array(writer.bytes[decoded.payload]) == Array(packet.payload.prefix(count - headers)))
        }
      }
    }
  }

  @Test(
    "A file cut at any length gives what stands before the cut",
    arguments: CaptureWriter.Format.allCases)
  func cutFiles(_ format: CaptureWriter.Format) throws {
    for order in [ByteOrder.big, .little] {
      var writer = CaptureWriter(format, order)
      var ends = [writer.bytes.count]
      for i in 0..<3 {
        writer.add(Self.datagram.bytes() + [UInt8(i)], milliseconds: UInt64(i))
        ends.append(writer.bytes.count)
      }
      for count in 4..<writer.bytes.count {
        let (packets, fault) = try #require(read(Array(writer.bytes.prefix(count))))
        #expect(packets.count == ends.filter { $0 <= count }.count - (count < ends[0] ? 0 : 1))
        let isBlockEnd = ends.contains(count)
        if count > ends[0] { #expect((fault == nil) == isBlockEnd, "\(count) bytes") }
      }
      for count in 0..<4 { #expect(read(Array(writer.bytes.prefix(count))) == nil) }
    }
  }

  @Test("Lengths that lie end the reading with a reason")
  func lyingLengths() throws {
    var pcap = CaptureWriter(.pcapMicroseconds, .big)
    pcap.add(Self.datagram.bytes(), milliseconds: 1)
    var file = pcap.bytes
    file.replaceSubrange(32..<36, with: [0xFF, 0xFF, 0xFF, 0xFF])
    #expect(try #require(read(file)).fault == .absurdLength)

    var writer = CaptureWriter(.pcapng, .big)
    let start = writer.bytes.count
    writer.add(Self.datagram.bytes(), milliseconds: 1)
    file = writer.bytes
    file[start + 7] = 13
    #expect(try #require(read(file)).fault == .absurdLength)
    file = writer.bytes
    file[file.count - 1] ^= 4
    #expect(try #require(read(file)).fault == .contradictoryLength)
    file = writer.bytes
    file[start + 11] = 1
    #expect(try #require(read(file)).fault == .unknownInterface)
    file = writer.bytes
    file.replaceSubrange(start + 20..<start + 24, with: [0x80, 0, 0, 0])
    #expect(try #require(read(file)).fault == .absurdLength)
    for _ in 0...CaptureLimits.interfaceCountMax { writer.addInterface() }
    #expect(try #require(read(writer.bytes)).fault == .tooManyInterfaces)
  }

  @Test("Any bytes end, and no range leaves the file", arguments: [UInt64](1...40))
  func randomBytes(_ seed: UInt64) throws {
    var random = TestRandom(seed)
    for format in CaptureWriter.Format.allCases {
      var writer = CaptureWriter(format, seed % 2 == 0 ? .big : .little)
      for i in 0..<20 {
        var conversation = TestConversation()
        conversation.connect()
        conversation.device(random.bytes(upTo: 60))
        for entry in conversation.packets {
          writer.add(entry.packet.bytes(), milliseconds: UInt64(i))
        }
      }
      var file = writer.bytes
      for _ in 0..<Int(seed) { file[random.number(below: file.count)] = random.byte() }
      guard let reader = CaptureReader(file.span) else { continue }
      var capture = Capture(file.span, reader)
      capture.table.sort()
      for flow in capture.table.flows {
        for side in [FlowSide.first, .second] {
          let conversation = Conversation(flow, device: side, in: file.span)
          #expect(conversation.device.bytes.count <= file.count)
        }
      }
    }
  }
}
