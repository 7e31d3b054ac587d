// The options of `edgerelay run`. They stay valid beside a configuration file and override it.

import Detect

/// What `run` was told.
struct RunOptions {
  static let defaultPort: UInt16 = 8_888
  static let listenCountMax = 4
  static let spoolCapMin: Int64 = 4 << 20
  static let spoolCapMax: Int64 = 16 << 30

  /// Where devices connect, TCP and UDP alike; empty means port 8888 on every address.
  var listen: [HostAndPort] = []
  var upstream: HostAndPort
  var spool: [UInt8] = Text("/var/lib/edgerelay").bytes
  var spoolCapBytes: Int64 = 256 << 20
  var policies = ReplyPolicies()
  /// Whether connections that speak nothing known are passed on as they are.
  var passesUnknown = false
  /// Whether only warnings and errors are logged.
  var isQuiet = false

  init(upstream: HostAndPort) { self.upstream = upstream }

  /// Reads the command line; `nil` when help was asked for.
  static func parse(_ arguments: inout Arguments) throws(UsageError) -> RunOptions? {
    var upstream: HostAndPort?
    // Replaced below; the other options are collected in it.
    var options = RunOptions(upstream: HostAndPort(Text("localhost:1").bytes)!)
    while let word = arguments.take() {
      if word.spells("--help") || word.spells("-h") { return nil }
      if word.spells("--listen") {
        let value = try arguments.value(of: word)
        guard let address = HostAndPort(value) else {
          throw UsageError("--listen wants ADDRESS:PORT, not '", value, "'")
        }
        guard options.listen.count < listenCountMax else {
          throw UsageError("--listen may be given four times at most")
        }
        options.listen.append(address)
      } else if word.spells("--upstream") {
        let value = try arguments.value(of: word)
        guard let target = HostAndPort(value), target.port > 0 else {
          throw UsageError("--upstream wants HOST:PORT, not '", value, "'")
        }
        upstream = target
      } else if word.spells("--spool") {
        options.spool = try arguments.value(of: word)
        if options.spool.isEmpty { throw UsageError("--spool wants a directory") }
      } else if word.spells("--spool-size") {
        let value = try arguments.value(of: word)
        guard let size = ArgumentValue.byteCount(value), size >= spoolCapMin, size <= spoolCapMax
        else {
          throw UsageError("--spool-size wants 4M to 16G, such as 256M, not '", value, "'")
        }
        options.spoolCapBytes = size
      } else if word.spells("--replies") {
        try parsePolicy(try arguments.value(of: word), into: &options.policies)
      } else if word.spells("--pass-unknown") {
        try arguments.requireNoValue(of: word)
        options.passesUnknown = true
      } else if word.spells("--quiet") || word.spells("-q") {
        try arguments.requireNoValue(of: word)
        options.isQuiet = true
      } else {
        throw UsageError("run does not know '", word, "'")
      }
    }
    guard let upstream else {
      throw UsageError("run needs --upstream HOST:PORT, the platform to forward to")
    }
    options.upstream = upstream
    return options
  }

  /// Reads `POLICY`, `PROTOCOL=POLICY` or `DEVICE=POLICY`.
  static func parsePolicy(
    _ value: [UInt8], into policies: inout ReplyPolicies
  ) throws(UsageError) {
    guard let equals = value.firstIndex(of: 0x3D) else {
      policies.set(try policy(value, in: value))
      return
    }
    let name = [UInt8](value[..<equals])
    let policy = try policy([UInt8](value[(equals + 1)...]), in: value)
    for rank in 0..<ProtocolID.count where name.spells(ProtocolID.ranked(rank).row.name) {
      policies.set(policy, for: ProtocolID.ranked(rank))
      return
    }
    guard !name.isEmpty, policies.set(policy, forDevice: name) else {
      throw UsageError(
        "--replies wants POLICY, PROTOCOL=POLICY or DEVICE=POLICY, and 1024 devices at most, not '",
        value, "'")
    }
  }

  private static func policy(
    _ word: [UInt8], in value: [UInt8]
  ) throws(UsageError) -> ReplyPolicy {
    if word.spells("minimal") { return .minimal }
    if word.spells("generous") { return .generous }
    throw UsageError("--replies wants minimal or generous, not '", value, "'")
  }
}
