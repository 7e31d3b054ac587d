// One file in the strict subset of TOML 1.0 that configurations are written in.
//
//   # comment
//   [table]   [table.name]   [table."quoted name"]
//   key = "string with \" \\ \n \t"
//   key = 30 | -1 | true | false | ["one", "line"]
//
// Not in the subset: dates, floats, other bases, literal and multi-line strings, arrays of anything
// but strings without blanks, arrays of tables, inline tables, dotted and quoted keys, keys before the first table.
// Invariants: every accepted file is valid TOML 1.0 and means the same there; no key stands twice in
// a table and no table twice in a file; lines and columns count from 1, columns in characters.

import Detect

/// A place in a file.
public struct TOMLPlace: Equatable, Sendable {
  public var line: Int
  /// In characters, not bytes.
  public var column: Int
}

/// What stands behind a key.
public struct TOMLValue: Equatable, Sendable {
  public enum Form: UInt8, Sendable { case string, integer, boolean, list }

  public var form: Form
  /// The characters of a string without its quotes and escapes, of a list its strings with a blank
  /// between two; else what is written.
  public var text: [UInt8]
}

/// A key with its value.
public struct TOMLEntry: Sendable {
  public var key: [UInt8]
  public var keyPlace: TOMLPlace
  public var value: TOMLValue
  public var valuePlace: TOMLPlace
}

/// A table with its keys, in the order of the file.
public struct TOMLTable: Sendable {
  public var first: [UInt8]
  /// What stands behind the dot, if anything.
  public var second: [UInt8]?
  public var place: TOMLPlace
  public var entries: [TOMLEntry]
}

/// Why a file is not in the subset.
public struct TOMLError: Error {
  public var place: TOMLPlace
  /// What was expected there.
  public var message: Text
}

/// A whole file.
public struct TOMLDocument: Sendable {
  public private(set) var tables: [TOMLTable] = []

  /// Reads a file.
  public init(_ bytes: [UInt8]) throws(TOMLError) {
    var reader = TOMLReader(bytes)
    try reader.requireText()
    var entryCount = 0
    while let item = try reader.next() {
      switch item {
      case .table(let table):
        try check(table)
        tables.append(table)
      case .entry(let entry):
        entryCount += 1
        try check(entry, entryCount)
        tables[tables.count - 1].entries.append(entry)
      }
    }
  }

  private func check(_ table: TOMLTable) throws(TOMLError) {
    guard tables.count < ConfigurationLimits.tableCountMax else {
      throw Self.tooMany(ConfigurationLimits.tableCountMax, " tables in a file", table.place)
    }
    for other in tables where other.first == table.first {
      if other.second == table.second {
        var message = Text("expected each table once; this one begins in line ")
        message.append(other.place.line)
        throw TOMLError(place: table.place, message: message)
      }
      guard other.second == nil, let second = table.second else { continue }
      for entry in other.entries where entry.key == second {
        throw Self.conflict(at: table.place, with: entry.keyPlace.line)
      }
    }
  }

  private func check(_ entry: TOMLEntry, _ entryCount: Int) throws(TOMLError) {
    guard let table = tables.last else {
      throw TOMLError(
        place: entry.keyPlace, message: Text("expected a [table] before the first key"))
    }
    guard entryCount <= ConfigurationLimits.entryCountMax else {
      throw Self.tooMany(ConfigurationLimits.entryCountMax, " keys in a file", entry.keyPlace)
    }
    for other in table.entries where other.key == entry.key {
      var message = Text("expected each key once in a table; this one is set in line ")
      message.append(other.keyPlace.line)
      throw TOMLError(place: entry.keyPlace, message: message)
    }
    guard table.second == nil else { return }
    for other in tables where other.first == table.first && other.second == entry.key {
      throw Self.conflict(at: entry.keyPlace, with: other.place.line)
    }
  }

  private static func tooMany(
    _ count: Int, _ things: Literal, _ place: TOMLPlace
  ) -> TOMLError {
    var message = Text("expected no more than ")
    message.append(count)
    message.append(things)
    return TOMLError(place: place, message: message)
  }

  private static func conflict(at place: TOMLPlace, with line: Int) -> TOMLError {
    var message = Text("expected another name; as a key and as a table it stands in line ")
    message.append(line)
    return TOMLError(place: place, message: message)
  }
}
