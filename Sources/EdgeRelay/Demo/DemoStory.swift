// What the demonstration remembers for its last page: the tally and what to think of it.

import Queue

/// The numbers of a run besides the tally.
struct DemoStory {
  var cutAt: Instant?
  var restoredAt: Instant?
  var caughtUpAt: Instant?
  var backlogCount = 0

  /// The last page of a run that went to its end.
  ///
  /// `byProtocol` has a column for each speech of the cast that had a tracker, in their order.
  func summary(_ tally: Tally, _ byProtocol: [TallyColumn], _ options: DemoOptions) -> Text {
    var text = Text("\n")
    write(byProtocol, to: &text)
    tally.write(to: &text)
    text.append("\n")
    if let cutAt, let restoredAt, let caughtUpAt {
      text.append("The platform was away for ")
      text.append(seconds: restoredAt.since(cutAt))
      text.append(" s and the relay was killed meanwhile; ")
      text.append(backlogCount, of: "frame")
      text.append(" waited\nfor its return and drained in ")
      text.append(seconds: caughtUpAt.since(restoredAt))
      text.append(" s.\n")
    }
    if tally.total.unpromised > 0 {
      text.append(tally.total.unpromised, of: "report")
      text.append(" on the way into the relay died with it. Nobody answers them, so nothing\n")
      text.append("was promised for them; any server that is killed loses the same.\n")
    }
    if tally.isClean {
      text.append("lost 0: everything the relay answered for has come, in order and unchanged.\n")
    } else {
      text.append("This is off:\n")
      tally.writeFaults(to: &text)
      seed(&text, options)
    }
    return text
  }

  /// The last page of a run that ended early.
  func obituary(
    _ failure: DemoFailure, _ tally: Tally, _ byProtocol: [TallyColumn], _ options: DemoOptions
  ) -> Text {
    var text = Text("\n")
    switch failure {
    case .interrupted:
      text.append("Interrupted; the relay is stopped and its files are removed.\n")
      return text
    case .relayEnded(let end):
      text.append("The relay ended by itself, ")
      switch end {
      case .code(let code):
        text.append("with exit code ")
        text.append(code)
      case .signal(let number):
        text.append("by signal ")
        text.append(number)
      }
      text.append("; --verbose shows its log.\n")
    case .stuck(let what):
      text.append("Waited too long for ")
      text.append(what)
      text.append("; --verbose shows the relay's log.\n")
    case .system(let error):
      text.append("A system call failed: ")
      error.write(to: &text)
      text.append("\n")
    }
    text.append("\n")
    write(byProtocol, to: &text)
    tally.write(to: &text)
    tally.writeFaults(to: &text)
    seed(&text, options)
    return text
  }

  private func write(_ byProtocol: [TallyColumn], to text: inout Text) {
    text.append("protocol             sent  answered  delivered  again  not promised      lost\n")
    for (role, column) in byProtocol.enumerated() {
      text.append(Cast.speeches[role].name, width: 15)
      text.append(UInt64(column.sent), width: 10)
      text.append(UInt64(column.answered), width: 10)
      text.append(UInt64(column.delivered), width: 11)
      text.append(UInt64(column.duplicates), width: 7)
      text.append(UInt64(column.unpromised), width: 14)
      text.append(UInt64(column.lost), width: 10)
      text.append("\n")
    }
    text.append("\n")
  }

  private func seed(_ text: inout Text, _ options: DemoOptions) {
    text.append("The same random numbers again: --seed ")
    text.append(options.seed)
    text.append("\n")
  }
}
