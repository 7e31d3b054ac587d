// `edgerelay status`, `metrics`, `devices`, `ledger` and `unknown`: what the relay on this spool answers.

import CLinux
import Configuration

/// Asks the relay for its figures and prints or writes them for Prometheus; returns the exit code.
func printMetrics(_ options: AskOptions) throws(AskError) -> Int32 {
  let text = Metric.text(try records(.status, options)[0])
  guard let path = options.writePath else {
    text.print()
    return ExitCode.success
  }
  return replaceFile(path, text)
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
func ask(_ question: ControlQuestion, _ options: AskOptions) throws(AskError) -> Int32 {
  var records = try records(question, options)
  if question.namesDevice {
    records = records.filter { options.wants($0) }
    options.order.sort(&records)
    if records.isEmpty, !options.device.isEmpty, !options.isWaitingOnly {
      var line = Text("the relay knows no such device: ")
      line.append(options.device)
      Log.emit(.error, line)
      return ExitCode.unknownDevice
    }
  }
  var text = Text()
  if options.isJSON {
    for record in records { record.writeJSON(to: &text) }
  } else {
    switch question {
    case .status: records[0].writeLines(to: &text)
    case .devices: Record.writeTable(records, "no devices\n", to: &text)
    case .ledger: LedgerReport.write(records, to: &text)
    case .unknown: Record.writeTable(records, "no unknown traffic yet\n", to: &text)
    case .send, .park, .resume, .drop, .tail, .reload, .settings: break
    }
  }
  text.print()
  let isEven = question != .ledger || records.allSatisfy { $0.value("even").spells("yes") }
  return isEven ? ExitCode.success : ExitCode.failure
}

/// The records that the relay answers with; its figures are never none.
func records(
  _ question: ControlQuestion, _ options: AskOptions
) throws(AskError) -> [Record] {
  var line = Text(question.name)
  line.append("\n")
  var connection = try ControlConnection(options.source, line)
  let records = connection.all()
  if records.isEmpty, question == .status || question == .ledger {
    Log.emit(.error, Text("the relay has ended or does not know the question"))
    throw AskError(exitCode: ExitCode.unavailable)
  }
  return records
}
