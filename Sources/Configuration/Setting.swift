// One key with its value, and where it was set.

import Detect

/// One key with its value.
public struct Setting: Equatable, Sendable {
  public var key: Key
  /// The name of the table, empty when it has none.
  public var name: [UInt8]
  public var value: SettingValue
  /// Where it was set, as editors and compilers write places.
  public var origin: [UInt8]

  /// Reads `text` as the key's kind; `nil` when it is not of that kind.
  @inline(never)
  public init?(_ key: Key, _ name: [UInt8], _ text: [UInt8], _ origin: [UInt8]) {
    guard let value = key.row.kind.read(text) else { return nil }
    self.key = key
    self.name = name
    self.value = value
    self.origin = origin
  }

  /// Adds what it says of answers, if it does; devices beyond `ReplyPolicies.deviceCountMax` have
  /// no effect.
  @inline(never)
  public func apply(to policies: inout ReplyPolicies) {
    let isGenerous = value.text.spells("generous")
    let policy: ReplyPolicy = isGenerous ? .generous : .minimal
    switch key {
    case .policyReplies:
      if isGenerous || value.text.spells("minimal") { policies.set(policy) }
    case .protocolReplies:
      if let protocolID = protocolID(named: name) { policies.set(policy, for: protocolID) }
    case .protocolAtRisk:
      if value.text.spells("answer"), let protocolID = protocolID(named: name) {
        policies.answerAtRisk(protocolID)
      }
    case .deviceReplies: _ = policies.set(policy, forDevice: name)
    case .listenerAddress, .upstreamAddress, .spoolDirectory, .spoolSize, .spoolWhenFull,
      .spoolHold, .policyPassUnknown, .policyClock, .accessNetworks, .accessAllow, .accessAllowFile,
      .accessDeny,
      .accessDenyFile, .protocolEnabled, .limitSessions,
      .limitSessionsPerSource, .limitUnnamedPerSource, .logLevel, .logSummarySeconds,
      .metricsListen:
      break
    }
  }

  /// The address that it is, if its key is of such a kind.
  public var endpoint: HostAndPort? { HostAndPort(value.text) }
}

extension Text {
  /// The place in a file, or a variable or option, fit for a line of the log.
  @inline(never)
  init(origin source: [UInt8], _ place: TOMLPlace) {
    self.init(origin: source)
    append(":", place.line)
    append(":", place.column)
  }

  @inline(never)
  public init(origin source: [UInt8]) {
    self.init()
    // Names of files and variables are whatever somebody has chosen.
    for byte in source { append(byte: byte < 0x20 || byte == 0x7F ? 0x3F : byte) }
  }
}
