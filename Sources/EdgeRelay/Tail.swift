// `edgerelay tail`: frames as they pass.

/// Prints frames until the relay ends; returns the exit code.
func tail(_ options: AskOptions, _ line: Text) throws(AskError) -> Int32 {
  var connection = try ControlConnection(options.source, line)
  while let records = connection.next() {
    var text = Text()
    for record in records {
      if !record.value("outcome").isEmpty { return report(.tail, record, options) }
      if options.isJSON {
        record.writeJSON(to: &text)
      } else if let count = record.number("lost") {
        text.append("too slow: lines left out: ", Int(count))
        text.append("\n")
      } else {
        write(record, to: &text)
      }
    }
    text.print()
  }
  Log.emit(.error, Text("the relay has ended"))
  return ExitCode.unavailable
}

private func write(_ record: Record, to text: inout Text) {
  let widths: [UInt8] = [22, 5, 17, 9, 16, 3, 0]
  for i in 0..<min(widths.count, record.fields.count) {
    Record.write(record.fields[i].value, Int(widths[i]), to: &text)
  }
  text.append("\n")
}
