// What was set, and where: files, then the environment, then the command line, each over the former.
//
// Invariants: a key stands once, or once for each name of its table; every value is of its key's
// kind; `finish` has held before a value is used. Nothing here reads or writes anything.

import Detect

/// Where a value comes from.
public struct Origin: Equatable, Sendable {
  /// A file, a variable or an option.
  public var source: [UInt8]
  public var place: TOMLPlace?

  public init(_ source: [UInt8], _ place: TOMLPlace? = nil) {
    self.source = source
    self.place = place
  }

  /// Writes the place as editors and compilers do.
  public func write(to text: inout Text) {
    // Names of files and variables are whatever somebody has chosen.
    text.append(source.map { $0 < 0x20 || $0 == 0x7F ? 0x3F : $0 })
    guard let place else { return }
    text.append(":", place.line)
    text.append(":", place.column)
  }
}

/// One key with its value.
public struct Setting: Equatable, Sendable {
  public var key: Key
  /// The name of the table, empty when it has none.
  public var name: [UInt8]
  public var value: SettingValue
  public var origin: Origin

  /// Reads `text` as the key's kind; `nil` when it is not of that kind.
  public init?(_ key: Key, _ name: [UInt8], _ text: [UInt8], _ origin: Origin) {
    guard let value = key.row.kind.read(text) else { return nil }
    self.key = key
    self.name = name
    self.value = value
    self.origin = origin
  }

  /// Adds what it says of answers, if it does; devices beyond `ReplyPolicies.deviceCountMax` have
  /// no effect.
  public func apply(to policies: inout ReplyPolicies) {
    let isGenerous = value.text.spells("generous")
    let policy: ReplyPolicy = isGenerous ? .generous : .minimal
    switch key {
    case .policyReplies:
      if isGenerous || value.text.spells("minimal") { policies.set(policy) }
    case .protocolReplies:
      if let protocolID = protocolID(named: name) { policies.set(policy, for: protocolID) }
    case .deviceReplies: _ = policies.set(policy, forDevice: name)
    case .listenerAddress, .upstreamAddress, .spoolDirectory, .spoolSize, .policyPassUnknown,
      .limitSessions, .logLevel:
      break
    }
  }

  /// The address that it is, if its key is of such a kind.
  public var endpoint: HostAndPort? { HostAndPort(value.text) }
}

/// Why a configuration cannot be used, in words for the operator.
public struct ConfigurationError: Error {
  public var message: Text

  public init(_ message: Text) { self.message = message }

  public init(_ origin: Origin, _ words: Text) {
    message = Text()
    origin.write(to: &message)
    message.append(": ")
    message.append(words)
  }
}

/// Everything that was set.
public struct Settings: Sendable {
  /// In the order in which the keys were first set.
  public private(set) var settings: [Setting] = []
  /// What was not understood, and where; it has no effect.
  public private(set) var warnings: [Text] = []
  /// Tables with a name, whether or not anything was set in them.
  private var named: [(table: Table, name: [UInt8], origin: Origin)] = []

  public init() {}

  // MARK: Layers

  /// Takes everything a file says.
  public mutating func addFile(_ bytes: [UInt8], name: [UInt8]) throws(ConfigurationError) {
    let document: TOMLDocument
    do throws(TOMLError) {
      document = try TOMLDocument(bytes)
    } catch {
      throw ConfigurationError(Origin(name, error.place), error.message)
    }
    for table in document.tables {
      let origin = Origin(name, table.place)
      guard let (kind, tableName) = try resolve(table.first, table.second, origin) else { continue }
      for entry in table.entries {
        let place = Origin(name, entry.keyPlace)
        guard let key = find(entry.key, in: kind, place) else { continue }
        guard key.row.kind.form == entry.value.form,
          let setting = Setting(key, tableName, entry.value.text, place)
        else {
          throw ConfigurationError(Origin(name, entry.valuePlace), Self.expectation(key, nil))
        }
        set(setting)
      }
    }
  }

  /// Takes a variable of the environment: `EDGERELAY_TABLE__KEY` or `EDGERELAY_TABLE__NAME__KEY`.
  /// Variables of other shapes are somebody else's.
  public mutating func addVariable(
    _ variable: [UInt8], _ text: [UInt8]
  ) throws(ConfigurationError) {
    guard let parts = Self.parts(of: variable) else { return }
    let origin = Origin(variable)
    let middle = parts.count == 3 ? parts[1] : nil
    let table = Self.lowercased(parts[0])
    // A device is named as it is; other names are in lower case, because variables are not.
    let name = table.spells(Table.devices.row.name) ? middle : middle.map(Self.lowercased)
    guard let (kind, tableName) = try resolve(table, name, origin),
      let key = find(Self.lowercased(parts[parts.count - 1]), in: kind, origin)
    else { return }
    guard let setting = Setting(key, tableName, text, origin) else {
      throw ConfigurationError(origin, Self.expectation(key, text))
    }
    set(setting)
  }

  /// Takes an option of the command line, whose text is of the key's kind.
  public mutating func addOption(_ option: Setting) {
    let origin = option.origin
    switch option.key.row.table.row.naming {
    case .chosen:
      // The first one of its kind replaces all that files and variables say.
      settings.removeAll { $0.key == option.key && $0.origin != origin }
      named.removeAll { $0.table == option.key.row.table && $0.origin != origin }
    case .single, .protocolName, .device: break
    }
    if !option.name.isEmpty { named.append((option.key.row.table, option.name, origin)) }
    set(option)
  }

  /// What only the whole can tell: that no table is empty, and none stands too often.
  public func finish() throws(ConfigurationError) {
    for (i, table) in named.enumerated() {
      if !settings.contains(where: { $0.key.row.table == table.table && $0.name == table.name }) {
        var words = Text("expected a key in ")
        table.table.writeHeader(table.name, to: &words)
        words.append(": ")
        Self.writeKeys(of: table.table, to: &words)
        throw ConfigurationError(table.origin, words)
      }
      let max: Int
      switch table.table.row.naming {
      case .single: continue
      case .chosen(let chosenMax): max = chosenMax
      case .protocolName: max = ProtocolID.count
      case .device: max = ReplyPolicies.deviceCountMax
      }
      var count = 0
      for other in named[...i] where other.table == table.table { count += 1 }
      guard count > max else { continue }
      var words = Text("expected no more than ")
      words.append(max)
      words.append(" ")
      table.table.writeHeader(nil, to: &words)
      throw ConfigurationError(table.origin, words)
    }
    for (i, setting) in settings.enumerated() where setting.key == .listenerAddress {
      for other in settings[..<i] where other.key == .listenerAddress {
        guard other.value == setting.value, !Self.hasAnyPort(setting) else { continue }
        var words = Text("expected an address that is not taken by ")
        other.key.row.table.writeHeader(other.name, to: &words)
        throw ConfigurationError(setting.origin, words)
      }
    }
  }

  // MARK: Values

  /// What was set, or what holds otherwise; `nil` when nothing does.
  public func value(_ key: Key) -> SettingValue? {
    settings.first { $0.key == key }?.value ?? key.standard
  }

  /// A count, a size in bytes, or the place of a word among those allowed.
  public func number(_ key: Key) -> Int64 { value(key)?.number ?? 0 }

  public func isTrue(_ key: Key) -> Bool { number(key) == 1 }

  public func path(_ key: Key) -> [UInt8] { value(key)?.text ?? [] }

  /// The settings of a key that stands in tables with names.
  public func all(_ key: Key) -> [Setting] { settings.filter { $0.key == key } }

  /// Who is answered how much.
  public var policies: ReplyPolicies {
    var policies = ReplyPolicies()
    for setting in settings { setting.apply(to: &policies) }
    return policies
  }

  /// The keys whose effect differs between `self` and `other`, written as `table.name.key`.
  public func differences(from other: Settings, _ change: KeyChange) -> [Text] {
    var names: [Text] = []
    for key in Key.allCases where key.row.change == change {
      switch key.row.table.row.naming {
      case .single:
        if value(key) != other.value(key) { names.append(Self.path(key, [])) }
      case .chosen, .protocolName, .device:
        for setting in settings where setting.key == key {
          let old = other.settings.first { $0.key == key && $0.name == setting.name }
          if old?.value != setting.value { names.append(Self.path(key, setting.name)) }
        }
        for old in other.settings where old.key == key {
          let isKept = settings.contains { $0.key == key && $0.name == old.name }
          if !isKept { names.append(Self.path(key, old.name)) }
        }
      }
    }
    return names
  }

  /// These settings, with the keys that change at `change` as `other` has them.
  public func keeping(_ change: KeyChange, of other: Settings) -> Settings {
    var kept = self
    kept.settings.removeAll { $0.key.row.change == change }
    kept.settings += other.settings.filter { $0.key.row.change == change }
    return kept
  }

  /// Everything that holds, as a file, with a comment where it comes from.
  public func write(to text: inout Text) {
    for table in Table.allCases {
      switch table.row.naming {
      case .single: writeTable(table, [], to: &text)
      case .chosen, .protocolName, .device:
        var names: [[UInt8]] = []
        for setting in settings where setting.key.row.table == table {
          if !names.contains(setting.name) { names.append(setting.name) }
        }
        for name in names { writeTable(table, name, to: &text) }
      }
    }
  }

  private func writeTable(_ table: Table, _ name: [UInt8], to text: inout Text) {
    if !text.isEmpty { text.append("\n") }
    table.writeHeader(name, to: &text)
    text.append("\n")
    for key in Key.allCases where key.row.table == table {
      let setting = settings.first { $0.key == key && $0.name == name }
      guard let value = setting?.value ?? key.standard else { continue }
      text.append(key.row.name)
      text.append(" = ")
      key.row.kind.write(value.text, to: &text)
      text.append("  # ")
      setting.map { $0.origin.write(to: &text) } ?? text.append("default")
      text.append("\n")
    }
  }

  // MARK: Helpers

  /// Whether the system chooses the port, another one each time.
  private static func hasAnyPort(_ setting: Setting) -> Bool {
    setting.endpoint?.port == 0
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
    _ first: [UInt8], _ second: [UInt8]?, _ origin: Origin
  ) throws(ConfigurationError) -> (table: Table, name: [UInt8])? {
    guard let table = Table.named(first) else {
      var words = Text("unknown table ")
      words.append(quoted: Self.shown(first))
      words.append("; known are ")
      for (i, table) in Table.allCases.enumerated() {
        if i > 0 { words.append(", ") }
        words.append(table.row.name)
      }
      warn(origin, words)
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
        warn(origin, words)
        return nil
      }
      isGood = true
    }
    guard isGood, !name.isEmpty else {
      throw ConfigurationError(
        origin,
        Text("expected a name of 1 to 32 letters, digits, - and _; a device's has no blanks"))
    }
    if !named.contains(where: { $0.table == table && $0.name == name }) {
      named.append((table, name, origin))
    }
    return (table, name)
  }

  private mutating func find(_ name: [UInt8], in table: Table, _ origin: Origin) -> Key? {
    if let key = Key.named(name, in: table) { return key }
    var words = Text("unknown key ")
    words.append(quoted: Self.shown(name))
    words.append(" in ")
    table.writeHeader(nil, to: &words)
    words.append("; known are ")
    Self.writeKeys(of: table, to: &words)
    warn(origin, words)
    return nil
  }

  private mutating func warn(_ origin: Origin, _ words: Text) {
    warnings.append(ConfigurationError(origin, words).message)
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
  public static func expectation(_ key: Key, _ found: [UInt8]?) -> Text {
    var words = Text("expected ")
    key.row.kind.writeExpectation(to: &words)
    if let found {
      words.append(", not ")
      words.append(quoted: shown(found))
    }
    return words
  }

  private static func expectedHeader(_ table: Table) -> Text {
    var words = Text("expected ")
    table.writeHeader(nil, to: &words)
    return words
  }

  /// The start of what somebody wrote, fit for a line of the log.
  private static func shown(_ bytes: [UInt8]) -> [UInt8] {
    bytes.prefix(ConfigurationLimits.shownBytesMax).map { $0 < 0x20 || $0 >= 0x7F ? 0x3F : $0 }
  }

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
    bytes.map { $0 >= 0x41 && $0 <= 0x5A ? $0 + 32 : $0 }
  }
}
