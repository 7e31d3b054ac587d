// `edgerelay ledger` for people: a line for each device and for all, and the equation in numbers.

/// Writes ledgers.
enum LedgerReport {
  private static let gains: [StaticString] = ["received", "held_before"]
  private static let fates: [StaticString] = [
    "logins", "unidentified", "delivered", "held", "expired", "quarantined", "dropped_full",
    "dropped_damaged", "dropped_operator",
  ]

  /// Writes the ledgers of devices, and the last of them as an equation: that of all, unless one
  /// device was asked for.
  static func write(_ records: [Record], to text: inout Text) {
    guard let last = records.last else { return }
    text.append(
      """
      counted since the relay's start; held_before is what the spool held then, dropped_ever what it
      has given up of a device as long as it knows it


      """)
    Record.writeTable(records, "", to: &text)
    text.append("\n")
    append(gains, of: last, to: &text)
    text.append("\n  = ")
    append(fates, of: last, to: &text)
    let isEven = last.value("even").spells("yes")
    text.append(isEven ? "\nthe books are even\n" : "\nTHE BOOKS ARE NOT EVEN, please report it\n")
  }

  private static func append(_ names: [StaticString], of record: Record, to text: inout Text) {
    for (i, name) in names.enumerated() {
      if i > 0 { text.append(" + ") }
      text.append(name)
      text.append(" ")
      text.append(record.value(name))
    }
  }
}
