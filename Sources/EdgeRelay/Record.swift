// What is said to people and programs alike: fields with names, as lines, as a table, or as JSON.

/// One line.
struct Record {
  struct Field {
    var name: [UInt8]
    var value: [UInt8]
    var isNumber: Bool
  }

  var fields: [Field] = []

  /// The records in text that was written with `Text.appendField`.
  static func all(_ bytes: [UInt8]) -> [Record] {
    var records: [Record] = []
    var record = Record()
    var start = 0
    for i in bytes.indices where bytes[i] == 0x09 || bytes[i] == 0x0A {
      let field = bytes[start..<i]
      start = i + 1
      if let mark = field.firstIndex(where: { $0 == 0x3D || $0 == 0x3A }) {
        record.fields.append(
          Field(
            name: Array(field[..<mark]), value: Array(field[(mark + 1)...]),
            isNumber: field[mark] == 0x3A))
      }
      guard bytes[i] == 0x0A else { continue }
      records.append(record)
      record = Record()
    }
    return records
  }

  /// The value of a field; empty when there is no such field.
  @inline(never)
  func value(_ name: Literal) -> [UInt8] {
    for field in fields where field.name.spells(name) { return field.value }
    return []
  }

  /// The number in a field; `nil` when there is none.
  @inline(never)
  func number(_ name: Literal) -> Int64? {
    ArgumentValue.number(value(name), max: Int64.max)
  }

  @inline(never)
  func writeJSON(to text: inout Text) {
    text.append("{")
    for (i, field) in fields.enumerated() {
      if i > 0 { text.append(",") }
      text.append(quoted: field.name)
      text.append(":")
      if field.isNumber {
        text.append(field.value)
      } else if field.value.spells("-") {
        text.append("null")
      } else {
        text.append(quoted: field.value)
      }
    }
    text.append("}\n")
  }

  func writeLines(to text: inout Text) {
    let width = fields.reduce(0) { max($0, $1.name.count) } + 2
    for field in fields {
      Self.write(field.name, width, to: &text)
      text.append(field.value)
      text.append("\n")
    }
  }

  static func writeTable(_ records: [Record], _ none: Literal, to text: inout Text) {
    guard let first = records.first else {
      text.append(none)
      return
    }
    var widths = [Int](repeating: 0, count: first.fields.count)
    for i in widths.indices {
      widths[i] = first.fields[i].name.count
      for record in records { widths[i] = max(widths[i], record.fields[i].value.count) }
    }
    for i in widths.indices { write(first.fields[i].name, widths[i] + 2, to: &text) }
    text.append("\n")
    for record in records {
      for i in widths.indices { write(record.fields[i].value, widths[i] + 2, to: &text) }
      text.append("\n")
    }
  }

  @inline(never)
  static func write(_ bytes: [UInt8], _ width: Int, to text: inout Text) {
    text.append(bytes)
    for _ in bytes.count..<max(bytes.count, width) { text.append(byte: 0x20) }
  }
}
