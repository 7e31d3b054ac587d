// `edgerelay dump`: everything that a report of a fault needs, as one JSON object. There are no secrets in it.

/// Prints the relay's configuration, figures, devices and unknown traffic; returns the exit code.
func dump(_ options: AskOptions) throws(AskError) -> Int32 {
  var text = Text("{\"status\":")
  try records(.status, options)[0].writeJSON(to: &text)
  for (question, name) in [
    (.settings, "configuration"), (.devices, "devices"), (.ledger, "ledger"),
    (.unknown, "unknown"),
  ] as [(ControlQuestion, Literal)] {
    text.append(",\"")
    text.append(name)
    text.append("\":[")
    for (i, record) in try records(question, options).enumerated() {
      if i > 0 { text.append(",") }
      record.writeJSON(to: &text)
    }
    text.append("]")
  }
  text.append("}\n")
  text.print()
  return ExitCode.success
}
