// One line of a captures.jsonl: frames of one connection, and what is known about them.
//
//   {"family": "gt06", "transport": "tcp", "frames": ["7878..."], "server_replies": ["7878..."],
//    "identity": "123456789012345"}
//
// Only "frames" must be there. "server_replies" has one entry a frame, empty where nothing was answered.
// Frames and replies are hexadecimal. Other keys are passed over, whatever they hold.
// Source of the syntax: RFC 8259. More than that is accepted; nothing depends on what is not checked.

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
    var bytes = InlineArray<2, UInt8>(repeating: 0)
    var count = 0
    for i in 0..<file.count where file[i] > 0x20 {
      bytes[count] = file[i]
      count += 1
      if count == 2 { break }
    }
    return bytes[0] == 0x7B && bytes[1] == 0x22
  }

  /// Reads a line. Commas and colons are taken for blanks: what they separate says enough.
  init(_ line: Span<UInt8>) throws(Fault) {
    var reader = Reader(offset: 0)
    // Inside the object; lists of frames are one deeper.
    var depth = 0
    var key: [UInt8]?
    var hasFrames = false
    repeat {
      switch reader.next(line) {
      case .open:
        depth += 1
        if depth == 2, let key {
          if key.spells("frames") { hasFrames = true }
          if key.spells("server_replies") { replies = [] }
        }
      case .close:
        depth -= 1
        if depth == 1 { key = nil }
      case .string(let text):
        if depth == 1, key == nil {
          key = text
        } else if depth > 0, let name = key {
          try take(text, of: name, depth)
          if depth == 1 { key = nil }
        } else {
          throw .notJSON
        }
      case .word:
        if depth == 1 { key = nil }
      case .end: throw .notJSON
      }
    } while depth > 0
    guard case .end = reader.next(line), reader.offset == line.count else { throw .notJSON }
    if !hasFrames { throw .noFrames }
  }

  /// Takes in a value, or one of a list.
  private mutating func take(_ text: [UInt8], of key: [UInt8], _ depth: Int) throws(Fault) {
    if depth == 1 {
      if key.spells("family") { family = text }
      if key.spells("transport") { transport = text }
      if key.spells("identity") { identity = text }
      return
    }
    let isFrame = key.spells("frames")
    guard depth == 2, isFrame || key.spells("server_replies") else { return }
    guard let bytes = Hex.decode(text) else { throw .notHexadecimal }
    if isFrame { frames.append(bytes) } else { replies?.append(bytes) }
  }

  /// A place in the line.
  private struct Reader {
    enum Token {
      case open, close, word
      case string([UInt8])
      /// The end of the line, or something that JSON does not have.
      case end
    }

    var offset: Int

    @inline(never)
    mutating func next(_ line: Span<UInt8>) -> Token {
      while offset < line.count {
        let byte = line[offset]
        switch byte {
        case 0x09, 0x0A, 0x0D, 0x20, 0x2C, 0x3A: offset += 1
        case 0x5B, 0x7B:
          offset += 1
          return .open
        case 0x5D, 0x7D:
          offset += 1
          return .close
        case 0x22: return string(line)
        default:
          let start = offset
          while offset < line.count, Self.isPartOfWord(line[offset]) { offset += 1 }
          return offset > start ? .word : .end
        }
      }
      return .end
    }

    /// A string. An escaped character is kept where it is the character behind the backslash.
    @inline(never)
    private mutating func string(_ line: Span<UInt8>) -> Token {
      var text: [UInt8] = []
      offset += 1
      while offset < line.count, line[offset] != 0x22 {
        if line[offset] == 0x5C, offset + 1 < line.count { offset += 1 }
        text.append(line[offset])
        offset += 1
      }
      if offset == line.count { return .end }
      offset += 1
      return .string(text)
    }

    /// Whether `byte` may be of a number, `true`, `false` or `null`.
    private static func isPartOfWord(_ byte: UInt8) -> Bool {
      byte >= 0x30 && byte <= 0x39 || byte >= 0x61 && byte <= 0x7A || byte == 0x45
        || byte == 0x2B || byte == 0x2D || byte == 0x2E
    }
  }
}
