// `edgerelay protocols`: what the relay speaks, for people.

import Detect

/// Prints every protocol with what the rows say about it.
func runProtocols() -> Int32 {
  for rank in 0..<ProtocolID.count {
    let row = ProtocolID.ranked(rank).row
    let notes = row.notes()
    var text = Text(row.name)
    text.append("\n  protocol:    ")
    text.append(notes.title)
    text.append("\n  sold as:     ")
    text.append(notes.soldAs)
    text.append("\n  begins with: ")
    text.append(notes.start)
    text.append("\n  identity:    ")
    text.append(notes.identity)
    text.append("\n  transports:  ")
    text.append(notes.transports)
    text.append("\n  answers:     ")
    switch row.defaultPolicy {
    case .minimal: text.append("what is owed, unless --replies says otherwise")
    case .generous: text.append("also what is optional, unless --replies says otherwise")
    }
    text.append("\n  limits:      ")
    text.append(notes.limits)
    text.append("\n")
    text.print()
  }
  return ExitCode.success
}
