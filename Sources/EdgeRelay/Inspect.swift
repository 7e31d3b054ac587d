// `edgerelay inspect`: the relay's own detection over bytes from the command line, a file or
// standard input. A stream is shown to the reader as it would be at the end of a burst: first with
// more bytes possible, then with the silences that decide what is left.

import CLinux
import Detect
import Relay

/// What `inspect` was told.
struct InspectOptions {
  enum Input {
    case words([[UInt8]])
    case file([UInt8])
    case standardInput
  }

  var input = Input.standardInput
  var transport = Transport.tcp
  var isJSON = false
  var policies = ReplyPolicies()

  /// Reads the command line; `nil` when help was asked for.
  static func parse(_ arguments: inout Arguments) throws(UsageError) -> InspectOptions? {
    var options = InspectOptions()
    var words: [[UInt8]] = []
    var inputCount = 0
    while let word = arguments.take() {
      if word.spells("--help") || word.spells("-h") { return nil }
      if word.spells("--tcp") {
        options.transport = .tcp
      } else if word.spells("--udp") {
        options.transport = .udp
      } else if word.spells("--json") {
        options.isJSON = true
      } else if word.spells("--replies") {
        try RunOptions.parsePolicy(try arguments.value(of: word), into: &options.policies)
      } else if word.spells("--file") {
        options.input = .file(try arguments.value(of: word))
        inputCount += 1
      } else if word.spells("-") {
        options.input = .standardInput
        inputCount += 1
      } else if word.first == 0x2D {
        throw UsageError("inspect does not know '", word, "'")
      } else {
        words.append(word)
      }
    }
    if !words.isEmpty {
      options.input = .words(words)
      inputCount += 1
    }
    if inputCount > 1 { throw UsageError("inspect takes HEX words, --file or -, one of them") }
    return options
  }
}

/// Explains captured bytes; returns the exit code.
func runInspect(_ options: InspectOptions) -> Int32 {
  let pieces: [[UInt8]]
  switch options.input {
  case .words(let words):
    var decoded: [[UInt8]] = []
    for word in words {
      guard let bytes = Hex.decode(word[...]) else {
        complain("not hexadecimal: ", word)
        return ExitCode.badData
      }
      decoded.append(bytes)
    }
    pieces = decoded
  case .file(let path):
    guard let content = readAll(path: path) else { return ExitCode.noInput }
    pieces = Hex.pieces(content)
  case .standardInput:
    guard let content = readAll(descriptor: 0) else { return ExitCode.noInput }
    pieces = Hex.pieces(content)
  }
  var inspector = Inspector(options)
  switch options.transport {
  case .tcp: inspector.inspect(pieces.flatMap { $0 }, isDatagram: false)
  case .udp:
    for piece in pieces { inspector.inspect(piece, isDatagram: true) }
  }
  inspector.finish()
  return ExitCode.success
}

private func complain(_ words: StaticString, _ subject: [UInt8]) {
  var text = Text("edgerelay: ")
  text.append(words)
  text.append(subject)
  text.append("\n")
  text.printError()
}

private func readAll(path: [UInt8]) -> [UInt8]? {
  let opened = withCString(path) { unsafe clinux_open($0, 0, 0) }
  guard opened >= 0 else {
    var reason = Text()
    SystemError(code: Int32(-opened)).write(to: &reason)
    complain("cannot read ", path + Text(": ").bytes + reason.bytes)
    return nil
  }
  defer { Sockets.close(Int32(opened)) }
  return readAll(descriptor: Int32(opened))
}

private func readAll(descriptor: Int32) -> [UInt8]? {
  let inputBytesMax = 256 << 20
  var content: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 64 * 1_024)
  while true {
    // SAFETY: the buffer lives for the call.
    let got = unsafe chunk.withUnsafeMutableBufferPointer {
      unsafe clinux_read(descriptor, $0.baseAddress!, $0.count)
    }
    if got < 0 {
      var reason = Text()
      SystemError(code: Int32(-got)).write(to: &reason)
      complain("cannot read the input: ", reason.bytes)
      return nil
    }
    if got == 0 { return content }
    content.append(contentsOf: chunk[..<Int(got)])
    if content.count > inputBytesMax {
      complain("the input is larger than 256 MiB", [])
      return nil
    }
  }
}

/// Hexadecimal text.
enum Hex {
  /// The bytes that `digits` spell, spaces and colons between them allowed; `nil` if they do not.
  static func decode(_ digits: ArraySlice<UInt8>) -> [UInt8]? {
    var bytes: [UInt8] = []
    var high: UInt8?
    for digit in digits {
      if digit == 0x20 || digit == 0x09 || digit == 0x0D || digit == 0x3A { continue }
      guard let value = value(digit) else { return nil }
      if let first = high {
        bytes.append(first << 4 | value)
        high = nil
      } else {
        high = value
      }
    }
    return high == nil ? bytes : nil
  }

  /// The lines of a hex file, or the whole content when it is anything else.
  static func pieces(_ content: [UInt8]) -> [[UInt8]] {
    var pieces: [[UInt8]] = []
    for line in content.split(separator: 0x0A) {
      guard let bytes = decode(line) else { return [content] }
      if !bytes.isEmpty { pieces.append(bytes) }
    }
    return pieces
  }

  private static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case 0x30...0x39: digit - 0x30
    case 0x41...0x46: digit - 0x41 + 10
    case 0x61...0x66: digit - 0x61 + 10
    default: nil
    }
  }
}
