// Writes one JT/T 808 message: header in the layout of another message, body, checksum, escapes.

/// A message of the relay's own under construction.
struct JT808Writer {
  private static let headerByteCountMax = 17
  private static let bodyByteCountMax = 96

  private let model: JT808Message
  private let id: UInt16
  private var body = InlineArray<96, UInt8>(repeating: 0)
  private var bodyByteCount = 0

  /// A message `id` to or of the terminal of `model`, with its layout.
  init(answering model: JT808Message, id: UInt16) {
    self.model = model
    self.id = id
  }

  /// Adds a byte to the body, which has room for 96.
  mutating func append(_ byte: UInt8) {
    body[bodyByteCount] = byte
    bodyByteCount += 1
  }

  mutating func append(be16 value: UInt16) {
    append(UInt8(value >> 8))
    append(UInt8(value & 0xFF))
  }

  /// The two decimal digits of `value`, `0 ..< 100`.
  mutating func append(bcd value: Int) { append(UInt8(value / 10 << 4 | value % 10)) }

  mutating func append(_ text: StaticString) {
    for i in 0..<text.utf8CodeUnitCount { append(unsafe text.utf8Start[i]) }
  }

  /// Writes the message with serial number 0; `false` when it does not fit.
  func write(to reply: inout Reply) -> Bool {
    // Every byte may become two, the checksum too, and there are two marks.
    let plain = Self.headerByteCountMax + bodyByteCount + 1
    var escaped = 0
    var checksum: UInt8 = 0
    var message = InlineArray<128, UInt8>(repeating: 0)
    var count = 0
    func add(_ byte: UInt8) {
      message[count] = byte
      count += 1
      checksum ^= byte
    }
    guard plain <= 128 else { return false }
    add(UInt8(id >> 8))
    add(UInt8(id & 0xFF))
    add(UInt8(bodyByteCount >> 8) | (model.hasVersion ? 0x40 : 0))
    add(UInt8(bodyByteCount & 0xFF))
    if let version = model.version { add(version) }
    for i in 0..<model.terminalByteCount { add(model[model.terminalOffset + i]) }
    for _ in 0..<model.serialByteCount { add(0) }
    for i in 0..<bodyByteCount { add(body[i]) }
    add(checksum)
    for i in 0..<count where needsEscape(message[i]) { escaped += 1 }
    guard reply.hasRoom(count + escaped + 2) else { return false }
    reply.append(model.mark)
    for i in 0..<count { appendEscaped(message[i], &reply) }
    reply.append(model.mark)
    return true
  }

  private func needsEscape(_ byte: UInt8) -> Bool {
    model.mark == 0x7E
      ? byte == 0x7E || byte == 0x7D
      : byte == 0xE7 || byte == 0xE6 || byte == 0x3E || byte == 0x3D
  }

  private func appendEscaped(_ byte: UInt8, _ reply: inout Reply) {
    guard needsEscape(byte) else {
      reply.append(byte)
      return
    }
    switch byte {
    case 0x7E: reply.append(be16: 0x7D02)
    case 0x7D: reply.append(be16: 0x7D01)
    case 0xE7: reply.append(be16: 0xE602)
    case 0xE6: reply.append(be16: 0xE601)
    case 0x3E: reply.append(be16: 0x3E01)
    default: reply.append(be16: 0x3E02)
    }
  }
}
