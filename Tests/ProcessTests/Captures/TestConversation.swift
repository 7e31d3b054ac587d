// A TCP connection for tests, segment by segment as a capture would have it.

/// What both sides of one connection send.
struct TestConversation {
  var template = TestPacket()
  var deviceStart: UInt32 = 1_000
  var serverStart: UInt32 = 5_000
  private(set) var packets: [(packet: TestPacket, milliseconds: UInt64)] = []
  private var deviceNext: UInt32 = 0
  private var serverNext: UInt32 = 0
  private var now: UInt64 = 1_709_380_800_000

  init(
    template: TestPacket = TestPacket(), deviceStart: UInt32 = 1_000, serverStart: UInt32 = 5_000
  ) {
    self.template = template
    self.deviceStart = deviceStart
    self.serverStart = serverStart
    deviceNext = deviceStart &+ 1
    serverNext = serverStart &+ 1
  }

  mutating func wait(_ milliseconds: UInt64) { now += milliseconds }

  mutating func connect() {
    send(fromDevice: true, .syn, sequence: deviceStart)
    send(fromDevice: false, [.syn, .ack], sequence: serverStart)
    send(fromDevice: true, .ack)
  }

  mutating func device(_ payload: [UInt8]) {
    send(fromDevice: true, .ack, payload)
    deviceNext &+= UInt32(payload.count)
    send(fromDevice: false, .ack)
  }

  mutating func server(_ payload: [UInt8]) {
    send(fromDevice: false, .ack, payload)
    serverNext &+= UInt32(payload.count)
    send(fromDevice: true, .ack)
  }

  mutating func close() {
    send(fromDevice: true, [.fin, .ack])
    deviceNext &+= 1
    send(fromDevice: false, [.fin, .ack])
    serverNext &+= 1
    send(fromDevice: true, .ack)
  }

  mutating func reset() { send(fromDevice: true, .rst) }

  private mutating func send(
    fromDevice: Bool, _ flags: TestPacket.Flags, _ payload: [UInt8] = [], sequence: UInt32? = nil
  ) {
    var packet = fromDevice ? template : template.reversed
    packet.sequence = sequence ?? (fromDevice ? deviceNext : serverNext)
    packet.acknowledged = flags.contains(.ack) ? (fromDevice ? serverNext : deviceNext) : 0
    packet.flags = flags
    packet.payload = payload
    packets.append((packet, now))
    now += 10
  }
}

/// Frames whose answers are known, of the GT06 corpus.
enum TestFrames {
  static let login = hex("78780d01012345678901234500018cdd0d0a")
  static let loginAnswer = hex("787805010001d9dc0d0a")
  static let heartbeat = hex("78780a134401040001000508450d0a")
  static let heartbeatAnswer = hex("787805130005afd50d0a")
  static let otherHeartbeat = hex("78780a13c000640001005c8bf20d0a")
  /// The answer of a server that gets the serial number wrong.
  static let wrongAnswer = hex("7878051300010d0d0d0a")
  static let command = hex("787812800a00000001524c592c31230001bad50d0a")

  static func hex(_ digits: String) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = digits[...]
    while !rest.isEmpty {
      bytes.append(UInt8(rest.prefix(2), radix: 16)!)
      rest = rest.dropFirst(2)
    }
    return bytes
  }
}
