// `edgerelay send`, `park`, `resume`, `drop` and `reload`: what the relay does for the operator.

import Queue

/// What came of an action, in the relay's word, in words for people, and as an exit code.
private struct Outcome {
  let name: Literal
  let words: Literal
  let exitCode: Int32

  static let all: [Outcome] = [
    Outcome(name: "passed", words: "passed to the device", exitCode: ExitCode.success),
    Outcome(
      name: "held", words: "waits for the device's next frame, a minute at most",
      exitCode: ExitCode.temporary),
    Outcome(
      name: "passed-late", words: "passed to the device behind its next frame",
      exitCode: ExitCode.success),
    Outcome(
      name: "expired", words: "expired: the device sent nothing for a minute; it was not passed",
      exitCode: ExitCode.failure),
    Outcome(
      name: "refused", words: "refused: too many commands wait already",
      exitCode: ExitCode.failure),
    Outcome(
      name: "parked", words: "parked: its frames are kept and answered, and not sent on",
      exitCode: ExitCode.success),
    Outcome(
      name: "resumed", words: "resumed: its frames are sent on", exitCode: ExitCode.success),
    Outcome(
      name: "dropped", words: "given up: what waited of it", exitCode: ExitCode.success),
    Outcome(
      name: "too-many", words: "refused: 256 devices are parked already",
      exitCode: ExitCode.failure),
    Outcome(name: "reloaded", words: "reloaded", exitCode: ExitCode.success),
    Outcome(
      name: "unknown", words: "the relay knows no such device", exitCode: ExitCode.unknownDevice),
    Outcome(
      name: "ambiguous", words: "devices of several protocols have this name: add --protocol",
      exitCode: ExitCode.unknownDevice),
    Outcome(
      name: "busy", words: "refused: four clients follow the relay already",
      exitCode: ExitCode.unavailable),
    Outcome(
      name: "forbidden", words: "only root and the user that the relay runs as may do this",
      exitCode: ExitCode.noPermission),
  ]
}

/// Has the relay do something and prints what came of it; returns the exit code.
func act(
  _ question: ControlQuestion, _ options: AskOptions, _ line: Text
) throws(AskError) -> Int32 {
  if question == .drop, !options.isConfirmed {
    Log.emit(.error, Text("this gives up every frame that waits of the device: add --yes"))
    return ExitCode.usage
  }
  let clock = Clock()
  let end = clock.now.advanced(by: Int(options.patience))
  var connection = try ControlConnection(options.source, line)
  var code: Int32?
  while let records = connection.next() {
    for record in records { code = report(question, record, options) }
    guard let code else { continue }
    guard code == ExitCode.temporary else { break }
    let isReadable = connection.isReadable(within: end.since(clock.now))
    if !isReadable { break }
  }
  if let code { return code }
  Log.emit(.error, Text("the relay has ended or does not know the question"))
  return ExitCode.unavailable
}

/// Prints what came of an action; returns the exit code.
func report(
  _ question: ControlQuestion, _ record: Record, _ options: AskOptions
) -> Int32 {
  let name = record.value("outcome")
  let isReload = question == .reload
  var code = ExitCode.failure
  var text = Text()
  for outcome in Outcome.all where name.spells(outcome.name) {
    code = outcome.exitCode
    text.append(outcome.words)
  }
  if isReload, name.spells("refused") {
    code = ExitCode.configuration
    text = Text("refused, everything stays as it was: ")
    text.append(record.value("reason"))
  }
  if options.isJSON {
    text = Text()
    record.writeJSON(to: &text)
    text.print()
    return code
  }
  for (field, words) in [
    ("changed", "; changed: "), ("restart", "; restart needed for: "),
    ("unknown", "; not understood, without effect: "), ("frames", "; frames: "),
  ] as [(Literal, Literal)] {
    let value = record.value(field)
    if value.isEmpty || value.spells("-") { continue }
    text.append(words)
    text.append(value)
  }
  if record.value("kept").spells("no") {
    text.append("; the disk refused to note it: a restart will not know")
  }
  text.append("\n")
  text.print()
  return code
}
