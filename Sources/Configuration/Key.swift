// The key table. Everything that knows of keys is driven by it: the parser, `check-config --show`,
// `default-config` and with it etc/edgerelay.toml, the keys in edgerelay.toml(5), the options of
// `run` and the completion of the shell. A new key is one case and one row.

import Detect

/// When a changed value takes effect.
public enum KeyChange: Sendable {
  /// At a reload.
  case reload
  /// At the next start.
  case restart
}

/// What is known about one key.
public struct KeyRow: Sendable {
  public let table: Table
  public let name: Literal
  public let kind: ValueKind
  /// What holds when the key is not set, without quotes; empty when nothing does.
  public let standard: Literal
  /// What to show where there is no standard.
  public let example: Literal
  public let change: KeyChange
  /// The option of `run` that sets it, if there is one.
  public let option: Literal
  /// For people; lines are broken where they should be.
  public let summary: Literal
}

/// Everything that can be set.
public enum Key: UInt8, CaseIterable, Sendable {
  case listenerAddress, upstreamAddress
  case spoolDirectory, spoolSize, spoolWhenFull, spoolHold
  case policyReplies, policyPassUnknown, policyClock
  case accessNetworks, accessAllow, accessAllowFile, accessDeny, accessDenyFile
  case protocolReplies, protocolEnabled, protocolAtRisk, deviceReplies
  case limitSessions, limitSessionsPerSource, limitUnnamedPerSource
  case logLevel, logSummarySeconds
  case metricsListen

  static let policies: ValueKind = .word("minimal generous")

  @inline(never)
  public var row: KeyRow {
    switch self {
    case .listenerAddress:
      KeyRow(
        table: .listener, name: "address", kind: .listenAddress, standard: "",
        example: "[::]:8888", change: .restart, option: "--listen",
        summary: """
          A literal address of this machine, IPv6 in brackets; TCP and UDP alike. "[::]:8888"
          takes IPv4 as well.
          """)
    case .upstreamAddress:
      KeyRow(
        table: .upstream, name: "address", kind: .remoteAddress, standard: "",
        example: "d.example.com:8888", change: .restart, option: "--upstream",
        summary: """
          HOST:PORT of the platform. A name is looked up in the background, and the last good
          address is kept while look-ups fail.
          """)
    case .spoolDirectory:
      KeyRow(
        table: .spool, name: "directory", kind: .path, standard: "/var/lib/edgerelay",
        example: "", change: .restart, option: "--spool",
        summary: "Created if its parent exists.")
    case .spoolSize:
      KeyRow(
        table: .spool, name: "size", kind: .size(min: 4 << 20, max: 16 << 30),
        standard: "256MiB", example: "", change: .restart, option: "--spool-size",
        summary: """
          The most that the spool may take, allocated at the first start. An existing spool is
          never made smaller.
          """)
    case .spoolWhenFull:
      KeyRow(
        table: .spool, name: "when_full", kind: .word("drop-oldest refuse"),
        standard: "drop-oldest", example: "", change: .restart, option: "--when-full",
        summary: """
          What happens when the spool is full of undelivered frames. "drop-oldest": the oldest
          are given up, counted per device; "refuse": new ones are not taken, so not answered.
          """)
    case .spoolHold:
      KeyRow(
        table: .spool, name: "hold_ms", kind: .count(min: 0, max: 5_000), standard: "250",
        example: "", change: .restart, option: "",
        summary: """
          Milliseconds that a frame on its way to a prompt platform waits in memory for its
          confirmation, unanswered, before it is written. 0 writes every frame first.
          """)
    case .policyReplies:
      KeyRow(
        table: .policy, name: "replies", kind: .word("recommended minimal generous"),
        standard: "recommended", example: "", change: .reload, option: "",
        summary: """
          How much devices are answered. "minimal": what the protocol owes; "generous": also
          what is optional; "recommended": what suits each protocol ('edgerelay protocols').
          """)
    case .policyPassUnknown:
      KeyRow(
        table: .policy, name: "pass_unknown", kind: .boolean, standard: "false", example: "",
        change: .reload, option: "--pass-unknown",
        summary: """
          Whether connections that speak nothing known are passed on to the platform as they
          are, unstored and unanswered, instead of being closed.
          """)
    case .policyClock:
      KeyRow(
        table: .policy, name: "clock", kind: .word("synchronised trusted"),
        standard: "synchronised", example: "", change: .reload, option: "",
        summary: """
          When devices that ask for the time are answered. "synchronised": when something keeps
          this machine's clock, or a battery has set it; "trusted": whenever its year can be right.
          """)
    case .accessNetworks:
      KeyRow(
        table: .access, name: "networks", kind: .networks, standard: "",
        example: "10.0.0.0/8 2001:db8::/32", change: .reload, option: "",
        summary: "Where devices may connect from; everywhere when there is none.")
    case .accessAllow:
      KeyRow(
        table: .access, name: "allow", kind: .deviceNames, standard: "",
        example: "358911020012345", change: .reload, option: "",
        summary: """
          The devices that may, by their names as they stand in the log; together with those of
          allow_file. Every device may when neither names any.
          """)
    case .accessAllowFile:
      KeyRow(
        table: .access, name: "allow_file", kind: .path, standard: "",
        example: "/etc/edgerelay/allow", change: .reload, option: "",
        summary: """
          A file of such names, one a line, # before a comment; 65 536 at most. It is read at the
          start and at a reload. An empty file lets no device in.
          """)
    case .accessDeny:
      KeyRow(
        table: .access, name: "deny", kind: .deviceNames, standard: "",
        example: "358911020012345", change: .reload, option: "",
        summary: "Devices that may not, even if they are allowed.")
    case .accessDenyFile:
      KeyRow(
        table: .access, name: "deny_file", kind: .path, standard: "",
        example: "/etc/edgerelay/deny", change: .reload, option: "",
        summary: "A file of such names, as allow_file.")
    case .protocolEnabled:
      KeyRow(
        table: .protocols, name: "enabled", kind: .boolean, standard: "true", example: "",
        change: .reload, option: "",
        summary: "Whether it may be spoken; if not, it is refused like unknown traffic.")
    case .protocolReplies:
      KeyRow(
        table: .protocols, name: "replies", kind: Self.policies, standard: "",
        example: "generous", change: .reload, option: "",
        summary: "As in [policy], for this protocol.")
    case .protocolAtRisk:
      KeyRow(
        table: .protocols, name: "at_risk", kind: .word("silence answer"), standard: "silence",
        example: "", change: .reload, option: "",
        summary: """
          What a frame gets while the disk fails and the platform is away: "silence", so that the device
          keeps it, or "answer", though only memory has it. A restart loses it then; such answers
          are counted.
          """)
    case .deviceReplies:
      KeyRow(
        table: .devices, name: "replies", kind: Self.policies, standard: "",
        example: "minimal", change: .reload, option: "",
        summary: "As in [policy], for this device.")
    case .limitSessions:
      KeyRow(
        table: .limits, name: "sessions", kind: .count(min: 1, max: 16_384),
        standard: "16384",
        example: "", change: .restart, option: "",
        summary: """
          Connections of devices and bound UDP sources at a time; more are refused. Fewer than that
          when the descriptors do not suffice: two are needed for each.
          """)
    case .limitSessionsPerSource:
      KeyRow(
        table: .limits, name: "sessions_per_source", kind: .count(min: 0, max: 16_384),
        standard: "4096", example: "", change: .reload, option: "",
        summary: """
          The same for one source: an IPv4 address or an IPv6 /64. A carrier may hide thousands of
          devices behind one address. 0: no such limit.
          """)
    case .limitUnnamedPerSource:
      KeyRow(
        table: .limits, name: "unnamed_per_source", kind: .count(min: 0, max: 16_384),
        standard: "256", example: "", change: .reload, option: "",
        summary: """
          Connections of one source that have not named their device yet. 0: no such limit.
          """)
    case .logLevel:
      KeyRow(
        table: .log, name: "level", kind: .word("warning info"),
        standard: "info", example: "", change: .reload, option: "",
        summary: "The least important lines to write: \"warning\" or \"info\".")
    case .logSummarySeconds:
      KeyRow(
        table: .log, name: "summary_seconds", kind: .count(min: 0, max: 86_400), standard: "60",
        example: "", change: .reload, option: "",
        summary: """
          How often a line sums up sessions, frames and the platform, if anything has changed or
          waits. 0: never.
          """)
    case .metricsListen:
      KeyRow(
        table: .metrics, name: "listen", kind: .listenAddress, standard: "",
        example: "127.0.0.1:9109", change: .restart, option: "",
        summary: """
          Where GET /metrics is answered, nowhere if this is not set. Nobody is asked for a password:
          let it be an address that only the collector reaches.
          """)
    }
  }

  /// What holds when the key is not set; `nil` when nothing does.
  @inline(never)
  var standard: SettingValue? {
    row.standard.isEmpty ? nil : row.kind.read(Text(row.standard).bytes)
  }

  static func named(_ name: [UInt8], in table: Table) -> Key? {
    allCases.first { $0.row.table == table && name.spells($0.row.name) }
  }

  /// The key that an option of `run` sets.
  public static func option(_ word: [UInt8]) -> Key? {
    allCases.first { !$0.row.option.isEmpty && word.spells($0.row.option) }
  }
}
