// One line of a captures.jsonl: frames of one connection, and what is known about them.
//
//   {"family": "gt06", "transport": "tcp", "frames": ["7878..."], "server_replies": ["7878..."],
//    "identity": "123456789012345"}
//
// Only "frames" must be there. "server_replies" has one entry a frame, empty where nothing was answered.
// Frames and replies are hexadecimal. Other keys are passed over, whatever they hold.
// Source of the syntax: RFC 8259; numbers and words are passed over without a look at their spelling.

/// A conversation in text.
struct CaptureLine {
  /// Why a line cannot be read.
  enum Fault: Error {
    case notJSON, noFrames, notHexadecimal

    var name: StaticString {
      switch self {
      case .notJSON: "not a line of JSON"
      case .noFrames: "no \"frames\""
      case .notHexadecimal: "frames or replies that are not hexadecimal"
      }
    }
  }

  private(set) var family: [UInt8]?
  private(set) var transport: [UInt8]?
  private(set) var identity: [UInt8]?
  private(set) var frames: [[UInt8]] = []
  private(set) var replies: [[UInt8]]?

  /// Whether `file` begins like lines of this kind.
  static func begins(_ file: Span<UInt8>) -> Bool {
    var reader = Reader(offset: 0)
    reader.skipBlanks(file)
    guard reader.take(0x7B, file) else { return false }
    reader.skipBlanks(file)
    return reader.take(0x22, file)
  }

  init(_ line: Span<UInt8>) throws(Fault) {
    var reader = Reader(offset: 0)
    reader.skipBlanks(line)
    guard reader.take(0x7B, line) else { throw .notJSON }
    var hasFrames = false
    var isFirst = true
    while true {
      reader.skipBlanks(line)
      if reader.take(0x7D, line) { break }
      if !isFirst {
        guard reader.take(0x2C, line) else { throw .notJSON }
        reader.skipBlanks(line)
      }
      isFirst = false
      let key = try reader.string(line)
      reader.skipBlanks(line)
      guard reader.take(0x3A, line) else { throw .notJSON }
      reader.skipBlanks(line)
      if key.spells("family") {
        family = try reader.stringOrNull(line)
      } else if key.spells("transport") {
        transport = try reader.stringOrNull(line)
      } else if key.spells("identity") {
        identity = try reader.stringOrNull(line)
      } else if key.spells("frames") {
        frames = try reader.hexStrings(line)
        hasFrames = true
      } else if key.spells("server_replies") {
        replies = try reader.hexStrings(line)
      } else {
        try reader.skipValue(line)
      }
    }
    reader.skipBlanks(line)
    guard reader.offset == line.count else { throw .notJSON }
    if !hasFrames { throw .noFrames }
  }

  /// A place in the line.
  private struct Reader {
    var offset: Int

    @inline(never)
    mutating func skipBlanks(_ line: Span<UInt8>) {
      while offset < line.count,
        line[offset] == 0x20 || line[offset] == 0x09 || line[offset] == 0x0D
          || line[offset] == 0x0A
      {
        offset += 1
      }
    }

    @inline(never)
    mutating func take(_ byte: UInt8, _ line: Span<UInt8>) -> Bool {
      guard offset < line.count, line[offset] == byte else { return false }
      offset += 1
      return true
    }

    /// A string; what an escape means is only kept where it is one ASCII character.
    mutating func string(_ line: Span<UInt8>) throws(Fault) -> [UInt8] {
      guard take(0x22, line) else { throw .notJSON }
      var text: [UInt8] = []
      while offset < line.count {
        let byte = line[offset]
        offset += 1
        if byte == 0x22 { return text }
        if byte < 0x20 { throw .notJSON }
        guard byte == 0x5C else {
          text.append(byte)
          continue
        }
        guard offset < line.count else { throw .notJSON }
        let escape = line[offset]
        offset += 1
        switch escape {
        case 0x22, 0x5C, 0x2F: text.append(escape)
        case 0x62, 0x66, 0x6E, 0x72, 0x74: text.append(0x20)
        case 0x75:
          guard offset + 4 <= line.count else { throw .notJSON }
          offset += 4
          text.append(0x3F)
        default: throw .notJSON
        }
      }
      throw .notJSON
    }

    mutating func stringOrNull(_ line: Span<UInt8>) throws(Fault) -> [UInt8]? {
      if offset < line.count, line[offset] == 0x22 { return try string(line) }
      try skipValue(line)
      return nil
    }

    mutating func hexStrings(_ line: Span<UInt8>) throws(Fault) -> [[UInt8]] {
      var values: [[UInt8]] = []
      guard take(0x5B, line) else { throw .notJSON }
      skipBlanks(line)
      if take(0x5D, line) { return values }
      while true {
        skipBlanks(line)
        guard let bytes = Hex.decode(try string(line)[...]) else { throw .notHexadecimal }
        values.append(bytes)
        skipBlanks(line)
        if take(0x5D, line) { return values }
        guard take(0x2C, line) else { throw .notJSON }
      }
    }

    /// Passes over one value of any kind.
    mutating func skipValue(_ line: Span<UInt8>) throws(Fault) {
      var depth = 0
      repeat {
        skipBlanks(line)
        guard offset < line.count else { throw .notJSON }
        switch line[offset] {
        case 0x22: _ = try string(line)
        case 0x7B, 0x5B:
          depth += 1
          offset += 1
          if depth > CaptureLimits.nestingDepthMax { throw .notJSON }
          continue
        case 0x7D, 0x5D:
          depth -= 1
          offset += 1
          if depth < 0 { throw .notJSON }
        case 0x2C, 0x3A:
          if depth == 0 { throw .notJSON }
          offset += 1
          continue
        default: try skipWord(line)
        }
      } while depth > 0
    }

    /// A number, `true`, `false` or `null`.
    private mutating func skipWord(_ line: Span<UInt8>) throws(Fault) {
      let start = offset
      while offset < line.count {
        let byte = line[offset]
        let isPart =
          byte >= 0x30 && byte <= 0x39 || byte >= 0x61 && byte <= 0x7A || byte == 0x2B
          || byte == 0x2D || byte == 0x2E || byte == 0x45
        if !isPart { break }
        offset += 1
      }
      if offset == start { throw .notJSON }
    }
  }
}
