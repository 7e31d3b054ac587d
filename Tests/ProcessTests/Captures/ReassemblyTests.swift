// TCP streams put together from segments in any order, repeated, overlapping and lost.

import Testing

@testable import EdgeRelay

@Suite("Putting streams together")
struct ReassemblyTests {
  private static let stream = (0..<2_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }

  /// A file of the packets, and the flows in it.
  private func flows(
    _ packets: [TestPacket], milliseconds: [UInt64]? = nil
  ) throws -> (file: [UInt8], table: FlowTable) {
    var writer = CaptureWriter(.pcapMicroseconds, .little)
    for (i, packet) in packets.enumerated() {
      writer.add(packet.bytes(), milliseconds: milliseconds?[i] ?? UInt64(i))
    }
    let reader = CaptureReader(writer.bytes.span)
    var capture = Capture(writer.bytes.span, try #require(reader))
    #expect(capture.packetCount == packets.count)
    capture.table.sort()
    return (writer.bytes, capture.table)
  }

  private func segment(
    _ range: Range<Int>, start: UInt32, _ flags: TestPacket.Flags = .ack
  ) -> TestPacket {
    TestPacket(
      sequence: start &+ 1 &+ UInt32(range.lowerBound), flags: flags,
      payload: Array(Self.stream[range]))
  }

  private func syn(_ start: UInt32) -> TestPacket { TestPacket(sequence: start, flags: .syn) }

  @Test(
    "Permuted, repeated and overlapping segments give the stream, across the wrap as well",
    arguments: [UInt64](1...60))
  func anyOrder(_ seed: UInt64) throws {
    var random = TestRandom(seed)
    let start: UInt32 = seed % 2 == 0 ? 0xFFFF_FE00 : random.number(below: 1 << 31).asUInt32
    var packets: [TestPacket] = []
    var place = 0
    while place < Self.stream.count {
      let count = min(1 + random.number(below: 90), Self.stream.count - place)
      packets.append(segment(place..<place + count, start: start))
      if random.number(below: 3) == 0 { packets.append(packets[packets.count - 1]) }
      if random.number(below: 3) == 0 {
        let back = random.number(below: min(place, 40) + 1)
        packets.append(segment(place - back..<place + count, start: start))
      }
      place += count
    }
    // The SYN may come at any place when its number is seen not too late.
    packets.insert(syn(start), at: 0)
    packets.append(
      TestPacket(sequence: start &+ 1 &+ UInt32(Self.stream.count), flags: [.fin, .ack]))
    packets.shuffle(using: &random)
    let (file, table) = try flows(packets)
    #expect(table.flows.count == 1)
    let bytes = CapturedBytes(table.flows[0].fromFirst, isTCP: true, in: file.span)
    #expect(bytes.bytes == Self.stream)
    #expect(bytes.arrivals.allSatisfy { $0.missingByteCount == 0 })
    #expect(bytes.arrivals.last?.end == Self.stream.count)
    #expect(!bytes.isStartMissing)
    #expect(table.flows[0].opener == .first)
  }

  @Test("Lost segments are gaps in their place, however the rest came", arguments: [UInt64](1...40))
  func lost(_ seed: UInt64) throws {
    var random = TestRandom(seed)
    var packets: [TestPacket] = []
    var expected: [UInt8] = []
    var missing: [Int: Int64] = [:]
    for place in stride(from: 0, to: Self.stream.count, by: 50) {
      if random.number(below: 4) == 0, place + 50 < Self.stream.count {
        missing[expected.count, default: 0] += 50
      } else {
        packets.append(segment(place..<place + 50, start: 9))
        expected += Self.stream[place..<place + 50]
      }
    }
    packets.append(syn(9))
    packets.shuffle(using: &random)
    let (file, table) = try flows(packets)
    #expect(table.flows.count == 1)
    let bytes = CapturedBytes(table.flows[0].fromFirst, isTCP: true, in: file.span)
    #expect(bytes.bytes == expected)
    var found: [Int: Int64] = [:]
    var begin = 0
    for arrival in bytes.arrivals {
      if arrival.missingByteCount > 0 { found[begin] = arrival.missingByteCount }
      begin = arrival.end
    }
    #expect(found == missing)
  }

  @Test("A stream without its beginning starts with what is there, and says so")
  func missingStart() throws {
    let (file, table) = try flows([
      segment(500..<600, start: 9), segment(400..<500, start: 9), segment(600..<700, start: 9),
    ])
    let bytes = CapturedBytes(table.flows[0].fromFirst, isTCP: true, in: file.span)
    #expect(bytes.bytes == Array(Self.stream[400..<700]))
    #expect(bytes.isStartMissing)
    #expect(table.flows[0].opener == nil)
  }

  @Test("A SYN with another number is another connection, also on the same port")
  func portReuse() throws {
    var first = TestConversation(deviceStart: 1_000)
    first.connect()
    first.device([1, 2, 3])
    first.close()
    var second = TestConversation(deviceStart: 900_000, serverStart: 7)
    second.connect()
    second.device([4, 5, 6])
    var third = TestConversation(deviceStart: 4_000_000_000, serverStart: 70_000)
    third.connect()
    third.device([7])
    var packets = (first.packets + second.packets + third.packets).map(\.packet)
    // A retransmission of the first connection after the second has begun.
    packets.insert(first.packets[3].packet, at: first.packets.count + 4)
    let (file, table) = try flows(packets)
    let streams = table.flows.map {
      CapturedBytes($0.fromFirst, isTCP: true, in: file.span).bytes
    }
    #expect(streams == [[1, 2, 3], [4, 5, 6], [7]])
  }

  @Test("After a reset, bytes from elsewhere are another connection whose SYN was not captured")
  func afterReset() throws {
    var first = TestConversation(deviceStart: 1_000)
    first.connect()
    first.device([1, 2, 3])
    first.reset()
    var second = TestConversation(deviceStart: 900_000_000, serverStart: 7)
    second.device([4, 5, 6])
    let (file, table) = try flows((first.packets + second.packets).map(\.packet))
    let streams = table.flows.map {
      CapturedBytes($0.fromFirst, isTCP: true, in: file.span).bytes
    }
    #expect(streams == [[1, 2, 3], [4, 5, 6]])
    #expect(table.flows.map(\.hasReset) == [true, false])
  }

  @Test("Who connected is known from the answer to a SYN as well")
  func opener() throws {
    var conversation = TestConversation()
    conversation.connect()
    conversation.device([1])
    let packets = conversation.packets.map(\.packet)
    let (_, table) = try flows(Array(packets.dropFirst()))
    #expect(table.flows.count == 1)
    #expect(table.flows[0].first.port == 8_888)
    #expect(table.flows[0].opener == .second)
  }

  @Test("A keep-alive with a byte adds nothing")
  func keepAlive() throws {
    var probe = segment(99..<100, start: 9)
    probe.payload = [0]
    var early = probe
    early.sequence = 9
    let (file, table) = try flows([
      syn(9), early, segment(0..<100, start: 9), probe, segment(100..<120, start: 9),
    ])
    let bytes = CapturedBytes(table.flows[0].fromFirst, isTCP: true, in: file.span)
    #expect(bytes.bytes == Array(Self.stream[0..<120]))
  }

  @Test("Datagrams stay apart and in order, and know what came before them")
  func datagrams() throws {
    let up = TestPacket(payload: [1, 2, 3])
    var down = up.reversed
    down.payload = [9]
    var more = up
    more.payload = [4, 5]
    let (file, table) = try flows([up, down, more, down])
    #expect(table.flows.count == 1)
    let conversation = Conversation(table.flows[0], device: .first, in: file.span)
    #expect(conversation.device.bytes == [1, 2, 3, 4, 5])
    #expect(conversation.device.arrivals.map(\.end) == [3, 5])
    #expect(conversation.server.arrivals.map(\.peerEnd) == [3, 5])
  }

  @Test("An answer is placed by what it acknowledges, around gaps too")
  func acknowledged() throws {
    var answer = TestPacket(sequence: 50, flags: .ack, payload: [7]).reversed
    answer.acknowledged = 10 + 100
    var later = answer
    later.sequence = 52
    later.acknowledged = 10 + 300
    var between = answer
    between.sequence = 51
    between.acknowledged = 10 + 250
    let (file, table) = try flows([
      syn(9), segment(0..<100, start: 9), later, answer, segment(200..<300, start: 9), between,
    ])
    let conversation = Conversation(table.flows[0], device: .first, in: file.span)
    #expect(conversation.device.bytes.count == 200)
    #expect(conversation.server.arrivals.map(\.peerEnd) == [100, 150, 200])
  }

  @Test("Flows beyond the limit are counted and not kept")
  func tooManyFlows() {
    var table = FlowTable()
    var packet = DecodedPacket(
      source: Endpoint(isIPv6: false, port: 0, high: 1, low: 0),
      destination: Endpoint(isIPv6: false, port: 1, high: 2, low: 0), segment: nil,
      payload: 0..<0)
    for i in 0..<CaptureLimits.flowCountMax + 10 {
      packet.source.high = UInt64(truncatingIfNeeded: i &* 2_654_435_761)
      table.add(packet, 0)
    }
    #expect(table.flows.count == CaptureLimits.flowCountMax)
    #expect(table.leftOutCount == 10)
  }
}

extension Int {
  fileprivate var asUInt32: UInt32 { UInt32(truncatingIfNeeded: self) }
}
