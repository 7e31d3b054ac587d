// The tables of a configuration, one case and one row each.

import Detect

/// How the tables of one kind are told apart.
public enum TableNaming: Sendable {
  /// There is one, and it has no name.
  case single
  /// The operator chooses; at most so many.
  case chosen(max: Int)
  case protocolName
  case device

  /// How many there may be.
  var max: Int {
    switch self {
    case .single: 1
    case .chosen(let max): max
    case .protocolName: ProtocolID.count
    case .device: ReplyPolicies.deviceCountMax
    }
  }
}

/// What is known about one kind of table.
public struct TableRow: Sendable {
  public let name: Literal
  public let naming: TableNaming
  /// A name to show in examples, as it is written in a header.
  public let example: Literal
  /// For people; lines are broken where they should be.
  public let summary: Literal
}

/// A kind of table.
public enum Table: UInt8, CaseIterable, Sendable {
  case listener, upstream, spool, policy, access, protocols, devices, limits, log, metrics

  public var row: TableRow {
    switch self {
    case .listener:
      TableRow(
        name: "listener", naming: .chosen(max: 4), example: "main",
        summary: "Where devices connect. Without any: port 8888 on every address, IPv4 and IPv6.")
    case .upstream:
      TableRow(
        name: "upstream", naming: .chosen(max: 1), example: "main",
        summary: "The platform. Without it the relay idles: it opens no port and accepts nothing.")
    case .spool:
      TableRow(
        name: "spool", naming: .single, example: "",
        summary: "Where frames are kept until the platform has them.")
    case .policy:
      TableRow(
        name: "policy", naming: .single, example: "",
        summary: "What holds for everything that has no word of its own.")
    case .access:
      TableRow(
        name: "access", naming: .single, example: "",
        summary: """
          Who may use the relay. Whoever may not is refused and counted: no answer, nothing
          stored. What the spool holds already is delivered all the same.
          """)
    case .protocols:
      TableRow(
        name: "protocol", naming: .protocolName, example: "gt06",
        summary: "One protocol; 'edgerelay protocols' lists their names.")
    case .devices:
      TableRow(
        name: "device", naming: .device, example: "\"358911020012345\"",
        summary: "One device, by its name as it stands in the log; it comes before its protocol.")
    case .limits:
      TableRow(
        name: "limits", naming: .single, example: "",
        summary: "What the relay may use at most.")
    case .log:
      TableRow(
        name: "log", naming: .single, example: "",
        summary: "What is written to the journal or to standard error.")
    case .metrics:
      TableRow(
        name: "metrics", naming: .single, example: "",
        summary: "The figures for Prometheus over HTTP; 'edgerelay metrics' writes the same.")
    }
  }

  /// The table that a header's first name means.
  static func named(_ name: [UInt8]) -> Table? {
    allCases.first { name.spells($0.row.name) }
  }

  /// Writes the header that names this table, `NAME` standing for any name.
  @inline(never)
  func writeHeader(_ name: [UInt8]?, to text: inout Text) {
    text.append("[")
    text.append(row.name)
    switch row.naming {
    case .single: break
    case .chosen, .protocolName, .device:
      text.append(".")
      if let name {
        name.isEmpty || name.contains { !TOMLReader.isBare($0) }
          ? text.append(quoted: name) : text.append(name)
      } else {
        text.append("NAME")
      }
    }
    text.append("]")
  }
}

/// The protocols by the names that people write.
public func protocolID(named name: [UInt8]) -> ProtocolID? {
  for rank in 0..<ProtocolID.count where name.spells(ProtocolID.ranked(rank).row.name) {
    return ProtocolID.ranked(rank)
  }
  return nil
}
