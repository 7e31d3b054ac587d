// `edgerelay inspect`: the relay's own detection over bytes from the command line, a file or
// standard input: plain bytes, lines of captured frames, or a packet capture.

import CLinux
import Detect
import Relay

/// What `inspect` was told.
final class InspectOptions {
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
  @inline(never)
  static func parse(_ arguments: inout Arguments) throws(UsageError) -> InspectOptions? {
    let options = InspectOptions()
    var words: [[UInt8]] = []
    var inputCount = 0
    while let word = arguments.take() {
      if word.asksForHelp { return nil }
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
      // A single word that is not hexadecimal is the name of a file.
      options.input =
        words.count == 1 && Hex.decode(words[0]) == nil ? .file(words[0]) : .words(words)
      inputCount += 1
    }
    if inputCount > 1 { throw UsageError("inspect takes HEX words, a FILE or -, one of them") }
    return options
  }
}

/// Explains captured bytes; returns the exit code.
@inline(never)
func runInspect(_ options: InspectOptions) -> Int32 {
  var run = InspectRun(options)
  switch options.input {
  case .words(let words):
    var pieces: [[UInt8]] = []
    for word in words {
      guard let bytes = Hex.decode(word) else {
        complain("not hexadecimal: ", word)
        return ExitCode.badData
      }
      pieces.append(bytes)
    }
    run.inspect(pieces)
    return ExitCode.success
  case .file(let path):
    guard let content = readInput(path: path) else { return ExitCode.noInput }
    return inspect(content, &run)
  case .standardInput:
    guard let content = readInput(descriptor: 0) else { return ExitCode.noInput }
    return inspect(content, &run)
  }
}

/// What cannot be read is said, and is an error only where nothing could be read.
private func inspect(_ content: [UInt8], _ run: inout InspectRun) -> Int32 {
  let isReadable =
    switch InspectInput(content) {
    case .capture(let reader): run.inspectCapture(content, reader)
    case .lines: run.inspectLines(content)
    case .pieces(let pieces): run.inspect(pieces)
    }
  return isReadable ? ExitCode.success : ExitCode.badData
}

@inline(never)
func complain(_ words: Literal, _ subject: [UInt8], _ error: SystemError? = nil) {
  var text = Text("edgerelay: ")
  text.append(words)
  text.append(subject)
  if let error {
    if !subject.isEmpty { text.append(": ") }
    error.write(to: &text)
  }
  text.append("\n")
  text.printError()
}

private func readInput(path: [UInt8]) -> [UInt8]? {
  let opened = withCString(path) { unsafe clinux_open($0, 0, 0) }
  guard opened >= 0 else {
    complain("cannot read ", path, SystemError(code: Int32(-opened)))
    return nil
  }
  defer { Sockets.close(Int32(opened)) }
  return readInput(descriptor: Int32(opened))
}

private func readInput(descriptor: Int32) -> [UInt8]? {
  let inputBytesMax = 256 << 20
  do throws(SystemError) {
    let content = try readAll(descriptor, max: inputBytesMax)
    if content.count <= inputBytesMax { return content }
    complain("the input is larger than 256 MiB", [])
  } catch {
    complain("cannot read the input: ", [], error)
  }
  return nil
}
