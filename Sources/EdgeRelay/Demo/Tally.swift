// What both ends say about the same frames, side by side.
//
// For positions and alarms alike: sent = delivered + unpromised + lost.

/// Counts of one kind of frame.
struct TallyColumn {
  var sent = 0
  /// Confirmed to the tracker by an answer.
  var answered = 0
  /// Came to the platform at least once.
  var delivered = 0
  /// Came once more.
  var duplicates = 0
  /// Neither answered nor delivered, and nothing ever said that they would be.
  var unpromised = 0
  /// Promised and not delivered.
  var lost = 0

  static func + (a: TallyColumn, b: TallyColumn) -> TallyColumn {
    TallyColumn(
      sent: a.sent + b.sent, answered: a.answered + b.answered,
      delivered: a.delivered + b.delivered, duplicates: a.duplicates + b.duplicates,
      unpromised: a.unpromised + b.unpromised, lost: a.lost + b.lost)
  }
}

/// The verdict on a run.
struct Tally {
  var positions = TallyColumn()
  var alarms = TallyColumn()
  /// Frames first seen behind a later one of the same device.
  var orderViolations = 0
  /// Frames with other bytes than were sent.
  var corrupted = 0
  /// Frames that nobody sent, or under no or a wrong name.
  var unexpected = 0
  /// Answers of the relay that real firmware would not take.
  var wrongAnswers = 0

  @inline(never)
  var total: TallyColumn { positions + alarms }

  var isClean: Bool {
    total.lost == 0 && orderViolations == 0 && corrupted == 0 && unexpected == 0
      && wrongAnswers == 0
  }

  /// The table for people.
  func write(to text: inout Text) {
    text.append("                               positions    alarms     total\n")
    row(&text, "sent by the trackers", positions.sent, alarms.sent)
    row(&text, "answered by the relay", nil, alarms.answered)
    row(&text, "delivered to the platform", positions.delivered, alarms.delivered)
    row(&text, "delivered again (duplicates)", positions.duplicates, alarms.duplicates)
    row(&text, "unanswered, not delivered", positions.unpromised, alarms.unpromised)
    row(&text, "lost", positions.lost, alarms.lost)
  }

  /// What is off, one line each; nothing for a clean run.
  func writeFaults(to text: inout Text) {
    fault(&text, total.lost, "frames were promised and not delivered")
    fault(&text, orderViolations, "frames came behind a later one of the same device")
    fault(&text, corrupted, "frames came with other bytes than were sent")
    fault(&text, unexpected, "frames came that nobody sent, before a login or under another name")
    fault(&text, wrongAnswers, "answers of the relay were wrong")
  }

  @inline(never)
  private func row(_ text: inout Text, _ name: Literal, _ positions: Int?, _ alarms: Int) {
    text.append(name, width: 30)
    if let positions {
      text.append(UInt64(positions), width: 10)
    } else {
      text.append("          ")
    }
    text.append(UInt64(alarms), width: 10)
    text.append(UInt64((positions ?? 0) + alarms), width: 10)
    text.append("\n")
  }

  @inline(never)
  private func fault(_ text: inout Text, _ count: Int, _ words: Literal) {
    guard count > 0 else { return }
    text.append("  ")
    text.append(count)
    text.append(" ")
    text.append(words)
    text.append("\n")
  }
}
