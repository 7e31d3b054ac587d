// `edgerelay ledger` for people: a line for each device and for all, and the equation in numbers.

import Relay

/// Writes ledgers.
enum LedgerReport {
  /// The fields behind device and protocol are the terms. Behind them a total has what was ever given up,
  /// whether it is even, since when it counts, gaps, the seconds of this run, and the run's terms.
  private static let column = 2
  private static let runColumn = column + LedgerTerm.count + 5

  /// Writes the ledgers of devices, and the last of them as an equation: that of all, unless one
  /// device was asked for.
  static func write(_ records: [Record], to text: inout Text) {
    guard let last = records.last else { return }
    let isTotal = last.fields.count == runColumn + LedgerTerm.count
    text.append("counted over restarts")
    if isTotal {
      text.append(" since=")
      text.append(last.value("since"))
      text.append(" gaps=")
      text.append(last.value("gaps"))
    }
    text.append("\n\n")
    if records.count > 1 || !isTotal {
      Record.writeTable(records, "", to: &text)
      text.append("\n")
    }
    append(last, at: column, to: &text)
    if isTotal {
      text.append("since the relay's start:\n")
      append(last, at: runColumn, to: &text)
    }
    let isEven = last.value("even").spells("yes")
    text.append(isEven ? "the books are even\n" : "THE BOOKS ARE NOT EVEN, please report it\n")
  }

  /// Writes the equation of the terms that begin at a field.
  @inline(never)
  private static func append(_ record: Record, at first: Int, to text: inout Text) {
    for i in 0..<min(LedgerTerm.count, record.fields.count - first) {
      text.append(i == 0 ? "" : i == LedgerTerm.gainCount ? "\n  = " : " + ")
      let field = record.fields[first + i]
      text.append(field.name)
      text.append(" ")
      text.append(field.value)
    }
    text.append("\n")
  }
}
