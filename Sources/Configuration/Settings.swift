// What was set, and where: files, then the environment, then the command line, each over the former.
//
// Invariants: a key stands once, or once for each name of its table; every value is of its key's
// kind; `finish` has held before a value is used. Nothing here reads or writes anything.

import Detect

/// Everything that was set.
public struct Settings: Sendable {
  /// In the order in which the keys were first set.
  public private(set) var settings: [Setting] = []
  /// What was not understood, and where; it has no effect.
  public private(set) var warnings: [Text] = []
  /// The keys, tables and protocols that the warnings are about, each with its place.
  public private(set) var unknownNames: [Text] = []

  public init() {}

  // MARK: Layers

  /// Takes everything a file says.
  public mutating func addFile(_ bytes: [UInt8], name: [UInt8]) throws(ConfigurationError) {
    let document: TOMLDocument
    do throws(TOMLError) {
      document = try TOMLDocument(bytes)
    } catch {
      throw ConfigurationError(Text(origin: name, error.place).bytes, error.message)
    }
    for table in document.tables {
      let origin = Text(origin: name, table.place).bytes
      guard let (kind, tableName) = try resolve(table.first, table.second, origin) else { continue }
      var keyCount = 0
      for entry in table.entries {
        let place = Text(origin: name, entry.keyPlace).bytes
        guard let key = knownKey(entry.key, in: kind, place) else { continue }
        guard key.row.kind.form == entry.value.form,
          let setting = Setting(key, tableName, entry.value.text, place)
        else {
          throw ConfigurationError(
            Text(origin: name, entry.valuePlace).bytes, Self.expectation(key, nil))
        }
        set(setting)
        keyCount += 1
      }
      if keyCount == 0, !tableName.isEmpty { throw Self.emptyTable(kind, tableName, origin) }
    }
  }

  /// Takes a variable of the environment: `EDGERELAY_TABLE__KEY` or `EDGERELAY_TABLE__NAME__KEY`.
  /// Variables of other shapes are somebody else's.
  public mutating func addVariable(
    _ variable: [UInt8], _ text: [UInt8]
  ) throws(ConfigurationError) {
    guard let parts = Self.parts(of: variable) else { return }
    let origin = Text(origin: variable).bytes
    let middle = parts.count == 3 ? parts[1] : nil
    let table = Self.lowercased(parts[0])
    // A device is named as it is; other names are in lower case, because variables are not.
    let name = table.spells(Table.devices.row.name) ? middle : middle.map(Self.lowercased)
    guard let (kind, tableName) = try resolve(table, name, origin),
      let key = knownKey(Self.lowercased(parts[parts.count - 1]), in: kind, origin)
    else { return }
    guard let setting = Setting(key, tableName, text, origin) else {
      throw ConfigurationError(origin, Self.expectation(key, text))
    }
    set(setting)
  }

  /// Takes an option of the command line.
  public mutating func addOption(_ option: Setting) {
    if case .chosen = option.key.row.table.row.naming {
      // The first one of its kind replaces all that files and variables say.
      let former = settings
      settings = []
      for setting in former where setting.key != option.key || setting.origin == option.origin {
        set(setting)
      }
    }
    set(option)
  }

  /// What only the whole can tell: that no table stands too often, and no port is taken twice.
  public func finish() throws(ConfigurationError) {
    for (i, setting) in settings.enumerated() {
      let table = setting.key.row.table
      // A key stands once in a table, so there are as many tables.
      var count = 1
      for other in settings[..<i] where other.key == setting.key {
        count += 1
        guard setting.key == .listenerAddress, other.value == setting.value,
          setting.endpoint?.port != 0
        else { continue }
        var words = Text("expected an address that is not taken by ")
        table.writeHeader(other.name, to: &words)
        throw ConfigurationError(setting.origin, words)
      }
      guard count > table.row.naming.max else { continue }
      var words = Text("expected no more than ")
      words.append(table.row.naming.max)
      words.append(" ")
      table.writeHeader(nil, to: &words)
      throw ConfigurationError(setting.origin, words)
    }
  }

  // MARK: Values

  /// What was set, or what holds otherwise; `nil` when nothing does.
  public func value(_ key: Key) -> SettingValue? { holds(key, []) }

  /// A count, a size in bytes, or the place of a word among those allowed.
  public func number(_ key: Key) -> Int64 { value(key)?.number ?? 0 }

  public func isTrue(_ key: Key) -> Bool { number(key) == 1 }

  public func path(_ key: Key) -> [UInt8] { value(key)?.text ?? [] }

  /// A key that stands in tables without names, if it was set.
  public func setting(_ key: Key) -> Setting? { find(key, []) }

  /// The settings of a key that stands in tables with names.
  public func all(_ key: Key) -> [Setting] { settings.filter { $0.key == key } }

  /// Who is answered how much.
  public var policies: ReplyPolicies {
    var policies = ReplyPolicies()
    for setting in settings { setting.apply(to: &policies) }
    return policies
  }

  /// The keys of which something else holds than in `other`, written as `table.name.key`.
  public func differences(from other: Settings, _ change: KeyChange) -> [Text] {
    var names: [Text] = []
    for (settings, isRest) in [(settings, false), (other.settings, true)] {
      for setting in settings where setting.key.row.change == change {
        if isRest, find(setting.key, setting.name) != nil { continue }
        if holds(setting.key, setting.name) == other.holds(setting.key, setting.name) { continue }
        names.append(Self.path(setting.key, setting.name))
      }
    }
    return names
  }

  /// What holds in a program that was started with `other`: its keys that wait for a restart.
  public func holding(since other: Settings) -> Settings {
    var held = Settings()
    for setting in settings where setting.key.row.change == .reload {
      held.set(setting)
    }
    for setting in other.settings where setting.key.row.change == .restart {
      held.set(setting)
    }
    return held
  }

  /// Everything that holds, as a file, with a comment where it comes from.
  public func write(to text: inout Text) {
    for table in Table.allCases {
      for name in names(of: table) { writeTable(table, name, to: &text) }
    }
  }

  /// Everything that holds: the key as `table.name.key`, its value, and where it comes from.
  public func forEachEntry(_ body: (_ path: Text, _ value: [UInt8], _ origin: [UInt8]) -> Void) {
    for table in Table.allCases {
      for name in names(of: table) {
        for key in Key.allCases where key.row.table == table {
          guard let (value, origin) = held(key, name) else { continue }
          body(Self.path(key, name), value, origin)
        }
      }
    }
  }

  /// The names that a table stands under; an empty one for a table that has none.
  @inline(never)
  private func names(of table: Table) -> [[UInt8]] {
    if case .single = table.row.naming { return [[]] }
    var names: [[UInt8]] = []
    for setting in settings where setting.key.row.table == table && !names.contains(setting.name) {
      names.append(setting.name)
    }
    return names
  }

  /// What holds of a key, and where that comes from; `nil` when nothing does.
  @inline(never)
  private func held(_ key: Key, _ name: [UInt8]) -> (value: [UInt8], origin: [UInt8])? {
    let setting = find(key, name)
    guard let value = setting?.value ?? key.standard else { return nil }
    return (value.text, setting?.origin ?? Text("default").bytes)
  }

  private func writeTable(_ table: Table, _ name: [UInt8], to text: inout Text) {
    if !text.isEmpty { text.append("\n") }
    table.writeHeader(name, to: &text)
    text.append("\n")
    for key in Key.allCases where key.row.table == table {
      guard let (value, origin) = held(key, name) else { continue }
      text.append(key.row.name)
      text.append(" = ")
      key.row.kind.write(value, to: &text)
      text.append("  # ")
      text.append(origin)
      text.append("\n")
    }
  }

  // MARK: Helpers

  private func find(_ key: Key, _ name: [UInt8]) -> Setting? {
    settings.first { $0.key == key && $0.name == name }
  }

  @inline(never)
  private func holds(_ key: Key, _ name: [UInt8]) -> SettingValue? {
    find(key, name)?.value ?? key.standard
  }

  private mutating func set(_ setting: Setting) {
    for i in settings.indices
    where settings[i].key == setting.key && settings[i].name == setting.name {
      settings[i] = setting
      return
    }
    settings.append(setting)
  }

  /// The table that a header or a variable means; `nil`, with a warning, when there is none.
  private mutating func resolve(
    _ first: [UInt8], _ second: [UInt8]?, _ origin: [UInt8]
  ) throws(ConfigurationError) -> (table: Table, name: [UInt8])? {
    guard let table = Table.named(first) else {
      var words = Text("unknown table ")
      words.append(quoted: Self.shown(first))
      words.append("; known are ")
      for (i, table) in Table.allCases.enumerated() {
        if i > 0 { words.append(", ") }
        words.append(table.row.name)
      }
      warn(origin, first, words)
      return nil
    }
    guard let name = second else {
      if case .single = table.row.naming { return (table, []) }
      throw ConfigurationError(origin, Self.expectedHeader(table))
    }
    let isGood: Bool
    switch table.row.naming {
    case .single: throw ConfigurationError(origin, Self.expectedHeader(table))
    case .chosen:
      isGood =
        name.count <= ConfigurationLimits.chosenNameBytesMax && name.allSatisfy(TOMLReader.isBare)
    case .device:
      isGood =
        name.count <= ConfigurationLimits.deviceNameBytesMax
        && name.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    case .protocolName:
      guard protocolID(named: name) != nil else {
        var words = Text("unknown protocol ")
        words.append(quoted: Self.shown(name))
        words.append("; 'edgerelay protocols' lists those that are known")
        warn(origin, name, words)
        return nil
      }
      isGood = true
    }
    guard isGood, !name.isEmpty else {
      throw ConfigurationError(
        origin,
        Text("expected a name of 1 to 32 letters, digits, - and _; a device's has no blanks"))
    }
    return (table, name)
  }

  @inline(never)
  private mutating func knownKey(_ name: [UInt8], in table: Table, _ origin: [UInt8]) -> Key? {
    if let key = Key.named(name, in: table) { return key }
    var words = Text("unknown key ")
    words.append(quoted: Self.shown(name))
    words.append(" in ")
    table.writeHeader(nil, to: &words)
    words.append("; known are ")
    Self.writeKeys(of: table, to: &words)
    warn(origin, name, words)
    return nil
  }

  private mutating func warn(_ origin: [UInt8], _ name: [UInt8], _ words: Text) {
    warnings.append(ConfigurationError(origin, words).message)
    var place = Text()
    place.append(quoted: Self.shown(name))
    place.append(" (")
    place.append(origin)
    place.append(")")
    unknownNames.append(place)
  }

  private static func writeKeys(of table: Table, to text: inout Text) {
    var isFirst = true
    for key in Key.allCases where key.row.table == table {
      if !isFirst { text.append(", ") }
      isFirst = false
      text.append(key.row.name)
    }
  }

  /// Writes what a key wants, and what it was given instead.
  @inline(never)
  public static func expectation(_ key: Key, _ found: [UInt8]?) -> Text {
    var words = Text("expected ")
    key.row.kind.writeExpectation(to: &words)
    if let found {
      words.append(", not ")
      words.append(quoted: shown(found))
    }
    return words
  }

  private static func emptyTable(
    _ table: Table, _ name: [UInt8], _ origin: [UInt8]
  ) -> ConfigurationError {
    var words = Text("expected a key in ")
    table.writeHeader(name, to: &words)
    words.append(": ")
    writeKeys(of: table, to: &words)
    return ConfigurationError(origin, words)
  }

  private static func expectedHeader(_ table: Table) -> Text {
    var words = Text("expected ")
    table.writeHeader(nil, to: &words)
    return words
  }

  /// The start of what somebody wrote, fit for a line of the log.
  private static func shown(_ bytes: [UInt8]) -> [UInt8] {
    var text = Text()
    for byte in bytes.prefix(ConfigurationLimits.shownBytesMax) {
      text.append(byte: byte < 0x20 || byte >= 0x7F ? 0x3F : byte)
    }
    return text.bytes
  }

  @inline(never)
  private static func path(_ key: Key, _ name: [UInt8]) -> Text {
    var text = Text(key.row.table.row.name)
    text.append(".")
    if !name.isEmpty {
      text.append(name)
      text.append(".")
    }
    text.append(key.row.name)
    return text
  }

  // MARK: Variables

  /// The parts of a variable's name between double underscores: table, perhaps a name, key.
  private static func parts(of variable: [UInt8]) -> [[UInt8]]? {
    let prefix = Text("EDGERELAY_").bytes
    guard variable.starts(with: prefix) else { return nil }
    let rest = Array(variable[prefix.count...])
    var parts: [[UInt8]] = []
    var start = 0
    var i = 0
    while i + 1 < rest.count {
      if rest[i] == 0x5F, rest[i + 1] == 0x5F {
        parts.append(Array(rest[start..<i]))
        start = i + 2
        i = start
      } else {
        i += 1
      }
    }
    parts.append(Array(rest[start...]))
    return parts.count == 2 || parts.count == 3 ? parts : nil
  }

  private static func lowercased(_ bytes: [UInt8]) -> [UInt8] {
    var text = Text()
    for byte in bytes { text.append(byte: byte >= 0x41 && byte <= 0x5A ? byte + 32 : byte) }
    return text.bytes
  }
}
