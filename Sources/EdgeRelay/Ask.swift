// `edgerelay status`, `metrics`, `devices` and `unknown`: what the relay on this spool answers.

import CLinux
import Configuration

/// What they were told.
struct AskOptions {
  var source = ConfigurationSource()
  var isJSON = false
  /// The file that the metrics go to.
  var writePath: [UInt8]?

  /// Reads the command line; `nil` when help was asked for.
  static func parse(
    _ arguments: inout Arguments, isMetrics: Bool = false
  ) throws(UsageError) -> AskOptions? {
    var options = AskOptions()
    while let word = arguments.take() {
      if word.spells("--help") || word.spells("-h") { return nil }
      if word.spells("--json") {
        try arguments.requireNoValue(of: word)
        options.isJSON = true
      } else if word.spells("--write"), isMetrics {
        options.writePath = try arguments.value(of: word)
      } else if word.spells("--config") {
        options.source.path = try arguments.value(of: word)
      } else if word.spells("--spool") {
        options.source.add(.spoolDirectory, try arguments.value(of: word), word)
      } else {
        throw UsageError("there is no option '", word, "' here")
      }
    }
    if options.source.path == nil, options.source.options.isEmpty,
      ConfigurationSource.hasStandardFile
    {
      options.source.path = ConfigurationSource.standardPath
    }
    return options
  }
}

/// Asks the relay for its figures and prints them for Prometheus; returns the exit code.
func printMetrics(_ options: AskOptions) -> Int32 {
  switch records(.status, options) {
  case .failure(let code): return code
  case .answer(let records):
    let text = Metric.text(records[0])
    guard let path = options.writePath else {
      text.print()
      return ExitCode.success
    }
    return replaceFile(path, text)
  }
}

/// Puts a file in the place of another at once, so that nobody reads half of it; returns the exit code.
private func replaceFile(_ path: [UInt8], _ text: Text) -> Int32 {
  let result = withCString(path) { target in
    withCString(path + Text(".tmp").bytes) { temporary in
      // SAFETY: everything lives for the call.
      unsafe text.bytes.withUnsafeBytes {
        unsafe clinux_replace_file(target, temporary, $0.baseAddress!, $0.count)
      }
    }
  }
  if result == 0 { return ExitCode.success }
  var line = Text("cannot write ")
  line.append(path)
  line.append(": ")
  SystemError(code: Int32(-result)).write(to: &line)
  Log.emit(.error, line)
  return ExitCode.cannotCreate
}

/// Asks the relay and prints what it says; returns the exit code.
func ask(_ question: ControlQuestion, _ options: AskOptions) -> Int32 {
  switch records(question, options) {
  case .failure(let code): return code
  case .answer(let records):
    var text = Text()
    if options.isJSON {
      for record in records { record.writeJSON(to: &text) }
    } else {
      switch question {
      case .status: records[0].writeLines(to: &text)
      case .devices: Record.writeTable(records, "no devices yet\n", to: &text)
      case .unknown: Record.writeTable(records, "no unknown traffic yet\n", to: &text)
      }
    }
    text.print()
    return ExitCode.success
  }
}

/// What came of a question.
private enum Asked {
  case answer([Record])
  /// There is none, which was said; the exit code.
  case failure(Int32)
}

private func records(_ question: ControlQuestion, _ options: AskOptions) -> Asked {
  let spool: [UInt8]
  do throws(ConfigurationError) {
    spool = try options.source.load().path(.spoolDirectory)
  } catch {
    Log.emit(.error, error.message)
    return .failure(ExitCode.configuration)
  }
  let connected = withCString(Control.path(inSpool: spool)) { unsafe clinux_connect_local($0) }
  guard connected >= 0 else {
    return .failure(explain(SystemError(code: Int32(-connected)), spool))
  }
  let descriptor = Int32(connected)
  defer { Sockets.close(descriptor) }
  var line = Text(question.name)
  line.append("\n")
  line.write(to: descriptor)
  let records = Record.all(readAll(descriptor))
  guard !records.isEmpty || question != .status else {
    Log.emit(.error, Text("the relay has ended or does not know the question"))
    return .failure(ExitCode.unavailable)
  }
  return .answer(records)
}

private func explain(_ error: SystemError, _ spool: [UInt8]) -> Int32 {
  var text = Text()
  switch error.code {
  case clinux_enoent, clinux_econnrefused:
    text.append("no relay is at work on the spool ")
    text.append(spool)
    text.append("; it is not running, not configured yet, or has another [spool] directory")
  case clinux_eacces:
    text.append("the relay on the spool ")
    text.append(spool)
    text.append(" answers root and the members of its group only")
  default:
    text.append("cannot ask the relay on the spool ")
    text.append(spool)
    text.append(": ")
    error.write(to: &text)
  }
  Log.emit(.error, text)
  return ExitCode.unavailable
}

/// Everything that can be read from a descriptor.
func readAll(_ descriptor: Int32) -> [UInt8] {
  var bytes: [UInt8] = []
  var piece = [UInt8](repeating: 0, count: 16 * 1_024)
  while true {
    // SAFETY: the buffer lives for the call.
    let got = unsafe piece.withUnsafeMutableBufferPointer {
      unsafe clinux_read(descriptor, $0.baseAddress!, $0.count)
    }
    if got <= 0 { return bytes }
    bytes.append(contentsOf: piece[..<Int(got)])
  }
}
