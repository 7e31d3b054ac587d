// What the relay runs with, and the options of `edgerelay run`. Options stand over everything that
// files and the environment say.

import CLinux
import Configuration
import Detect
import Queue
import Relay

/// What the relay runs with: a class, because it is large and handed about.
final class RunOptions {
  static let defaultPort: UInt16 = 8_888

  /// Where devices connect, TCP and UDP alike; empty means port 8888 on every address.
  var listen: [HostAndPort] = []
  var upstream: HostAndPort
  var spool: [UInt8]
  var spoolCapBytes: Int64
  var fullPolicy: FullPolicy
  var holdMilliseconds: Int
  var policies = ReplyPolicies()
  var access: AccessRules
  /// Whether connections that speak nothing known are passed on as they are.
  var passesUnknown: Bool
  /// Whether the operator vouches for the wall clock.
  var isClockTrusted: Bool
  var sessionCountMax: Int
  /// Milliseconds between two lines that sum up, 0 for none.
  var summaryInterval: Int
  /// Where the figures are fetched over HTTP.
  var metricsListen: HostAndPort?
  /// Whether only warnings and errors are logged.
  var isQuiet: Bool

  /// Everything but the platform as it is when nothing is set.
  convenience init(upstream: HostAndPort) { self.init(Settings(), AccessRules(), upstream) }

  /// What the settings say; `nil` when they name no platform.
  convenience init?(_ settings: Settings) throws(ConfigurationError) {
    for key in [Key.listenerAddress, .metricsListen] {
      for setting in settings.all(key) where !Self.isUsable(setting) {
        throw ConfigurationError(setting.origin, Settings.expectation(key, nil))
      }
    }
    let access = try AccessRules(settings)
    guard let upstream = settings.all(.upstreamAddress).first?.endpoint else { return nil }
    self.init(settings, access, upstream)
  }

  private init(_ settings: Settings, _ access: AccessRules, _ upstream: HostAndPort) {
    self.access = access
    self.upstream = upstream
    for setting in settings.all(.listenerAddress) {
      if let endpoint = setting.endpoint { listen.append(endpoint) }
    }
    spool = settings.path(.spoolDirectory)
    spoolCapBytes = settings.number(.spoolSize)
    fullPolicy = settings.number(.spoolWhenFull) == 0 ? .dropOldest : .refuse
    holdMilliseconds = Int(settings.number(.spoolHold))
    policies = settings.policies
    passesUnknown = settings.isTrue(.policyPassUnknown)
    isClockTrusted = settings.number(.policyClock) == 1
    sessionCountMax = Int(settings.number(.limitSessions))
    summaryInterval = Int(settings.number(.logSummarySeconds)) * 1_000
    metricsListen = settings.setting(.metricsListen)?.endpoint
    isQuiet = settings.number(.logLevel) == 0
  }

  // MARK: The command line

  /// Reads the command line; `nil` when help was asked for.
  @inline(never)
  static func parse(_ arguments: inout Arguments) throws(UsageError) -> ConfigurationSource? {
    var source = ConfigurationSource()
    var listenCount = 0
    while let word = arguments.take() {
      if word.asksForHelp { return nil }
      if word.spells("--config") {
        source.path = try arguments.value(of: word)
      } else if word.spells("--replies") {
        source.options.append(try ReplyRule(try arguments.value(of: word)).setting)
      } else if word.spells("--quiet") || word.spells("-q") {
        try arguments.requireNoValue(of: word)
        source.add(.logLevel, Text("warning").bytes, word)
      } else if let key = Key.option(word) {
        if case .boolean = key.row.kind {
          try arguments.requireNoValue(of: word)
          source.add(key, Text("true").bytes, word)
          continue
        }
        let text = try arguments.value(of: word)
        var name = Text()
        switch key.row.table.row.naming {
        case .single: break
        case .chosen(let max):
          if key == .listenerAddress { listenCount += 1 }
          guard listenCount <= max else { throw UsageError("", word, " may be given four times") }
          name = Text("option")
          if key == .listenerAddress { name.append(listenCount) }
        case .protocolName, .device: break
        }
        guard let setting = Setting(key, name.bytes, text, Text(origin: word).bytes),
          isUsable(setting)
        else {
          throw UsageError(option: word, Settings.expectation(key, text))
        }
        source.options.append(setting)
      } else {
        throw UsageError("run does not know '", word, "'")
      }
    }
    let hasUpstream = source.options.contains { $0.key == .upstreamAddress }
    if source.path == nil, !hasUpstream, ConfigurationSource.hasStandardFile {
      source.path = ConfigurationSource.standardPath
    }
    return source
  }

  /// Reads `POLICY`, `PROTOCOL=POLICY` or `DEVICE=POLICY`.
  static func parsePolicy(
    _ value: [UInt8], into policies: inout ReplyPolicies
  ) throws(UsageError) {
    try ReplyRule(value).setting.apply(to: &policies)
  }

  /// Whether a listener's address is one of this machine's: only a literal one can be.
  private static func isUsable(_ setting: Setting) -> Bool {
    setting.key != .listenerAddress && setting.key != .metricsListen
      || setting.endpoint?.resolve(onlyLiteral: true).isEmpty == false
  }
}

/// What `--replies` says: `POLICY`, `PROTOCOL=POLICY` or `DEVICE=POLICY`.
struct ReplyRule {
  let setting: Setting

  init(_ value: [UInt8]) throws(UsageError) {
    var key = Key.policyReplies
    var name: [UInt8] = []
    var policy = value
    if let equals = value.firstIndex(of: 0x3D) {
      name = Array(value[..<equals])
      policy = Array(value[(equals + 1)...])
      key = protocolID(named: name) == nil ? .deviceReplies : .protocolReplies
    }
    guard key == .policyReplies || !name.isEmpty,
      let setting = Setting(key, name, policy, Text("--replies").bytes)
    else {
      throw UsageError(
        "--replies wants POLICY, PROTOCOL=POLICY or DEVICE=POLICY, with minimal or generous, not '",
        value, "'")
    }
    self.setting = setting
  }
}
