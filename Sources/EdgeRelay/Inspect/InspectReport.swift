// Writes what the inspector found, as text for people or as one JSON object a line.

import CLinux
import Detect
import Relay

/// The output of `inspect`.
struct InspectReport {
  private static let bufferedByteCountMax = 64 * 1_024

  let isJSON: Bool
  /// Whether nothing is written: for who only wants to count.
  let isMuted: Bool
  /// The flow whose entries are shown; `nil` for plain bytes.
  private var flow: Int?
  private var output = Text()

  init(isJSON: Bool, isMuted: Bool = false) {
    self.isJSON = isJSON
    self.isMuted = isMuted
  }

  mutating func print() {
    output.print()
    output = Text()
  }

  private mutating func printIfFull() {
    if output.count > Self.bufferedByteCountMax { print() }
  }

  /// Shows one piece of a conversation.
  mutating func show(_ entry: InspectEntry) {
    if isMuted { return }
    if isJSON { appendJSON(entry) } else { appendLine(entry) }
    printIfFull()
  }

  // MARK: Flows

  /// Shows what is known about a flow; its entries follow.
  mutating func begin(_ summary: FlowSummary) {
    flow = summary.number
    if isJSON { appendJSON(summary) } else { appendHeader(summary) }
  }

  /// Shows the counts of a flow whose entries were shown.
  mutating func end(_ summary: FlowSummary) {
    if isJSON { return }
    output.append("  ")
    summary.tally.write(to: &output)
    output.append(summary.isStartMissing ? ", began before the capture\n" : "\n")
    printIfFull()
  }

  /// Shows the last line for plain bytes.
  mutating func end(
    frameCount: Int64, _ protocolID: ProtocolID?, _ confidence: Confidence,
    _ identity: DeviceIdentity?
  ) {
    if isJSON { return }
    output.append(frameCount)
    output.append(frameCount == 1 ? " frame" : " frames")
    if let protocolID {
      output.append(", ")
      output.append(protocolID.row.name)
      output.append(" (")
      output.append(confidence.name)
      output.append(")")
    }
    if let identity {
      output.append(", device ")
      output.append(identity.written)
    }
    output.append("\n")
  }

  /// Shows a line that is for people only.
  mutating func note(_ line: Text) {
    if isJSON { return }
    output.append(line)
    output.append("\n")
  }

  private mutating func appendHeader(_ summary: FlowSummary) {
    if let endpoints = summary.endpoints {
      output.append("flow ", summary.number)
      output.append(summary.isTCP ? "  tcp " : "  udp ")
      output.append(endpoints.device.written)
      output.append(" > ")
      output.append(endpoints.server.written)
    } else {
      output.append("line ", summary.number)
      output.append(summary.isTCP ? "  tcp" : "  udp")
    }
    output.append("  ")
    if let protocolID = summary.protocolID {
      output.append(protocolID.row.name)
      output.append(" (")
      output.append(summary.confidence.name)
      output.append(")")
    } else {
      output.append(summary.isSilent ? "silent" : "unknown")
    }
    if let identity = summary.identity {
      output.append("  device ")
      output.append(identity.written)
    }
    if let agrees = summary.isFamilyTold {
      output.append(agrees ? "  family as told" : "  FAMILY NOT AS TOLD")
    }
    if let agrees = summary.isIdentityTold {
      output.append(agrees ? "  identity as told" : "  IDENTITY NOT AS TOLD")
    }
    output.append("\n")
  }

  // MARK: Entries for people

  private mutating func appendLine(_ entry: InspectEntry) {
    output.append(UInt64(entry.offset), width: 6)
    output.append(UInt64(entry.length), width: 6)
    output.append("  ")
    output.append(entry.protocolID.map { $0.row.name } ?? "-", width: 8)
    output.append(entry.kind, width: 16)
    output.append(" ")
    output.append(entry.answerClass ?? "-")
    output.append(entry.replayClass ?? "-")
    output.append("  ")
    if let identity = entry.identity { output.append(identity.written) } else { output.append("-") }
    if let answer = entry.answer {
      output.append("  answer ")
      output.append(hex: answer.span)
    }
    if let server = entry.server {
      output.append("  server ")
      output.append(hex: server.span)
    }
    if let agreement = entry.agreement {
      output.append(" [")
      output.append(agreement.name)
      output.append("]")
    }
    for (i, note) in entry.notes.enumerated() {
      output.append(i == 0 ? "  (" : ", ")
      output.append(note)
    }
    if !entry.notes.isEmpty { output.append(")") }
    output.append("\n")
    if let unknown = entry.unknown { appendUnknown(unknown.span) }
  }

  private mutating func appendUnknown(_ bytes: Span<UInt8>) {
    for sentence in UnknownTraffic.explanations(bytes) {
      output.append("              ")
      output.append(sentence)
      output.append("\n")
    }
    output.append("              hex   ")
    UnknownTraffic.writeHex(bytes, to: &output)
    output.append("\n              text  ")
    UnknownTraffic.writeText(bytes, to: &output)
    output.append("\n")
  }

  // MARK: Entries for programs

  private mutating func appendJSON(_ entry: InspectEntry) {
    output.append("{")
    if let flow {
      output.append("\"flow\":", flow)
      output.append(",")
    }
    output.append("\"offset\":", entry.offset)
    output.append(",\"length\":", entry.length)
    key("protocol", entry.protocolID.map { Text($0.row.name) })
    key("confidence", entry.confidence.map { Text($0.name) })
    key("kind", Text(entry.kind))
    key("identity", entry.identity?.written)
    key("class", entry.answerClass.map { Text($0) })
    key("replay", entry.replayClass.map { Text($0) })
    key("answer", entry.answer.map { Text(hex: $0.span) })
    if flow != nil {
      key("server", entry.server.map { Text(hex: $0.span) })
      key("agreement", entry.agreement.map { Text($0.name) })
      key("from", Text(entry.isFromServer ? "server" : "device"))
    }
    var notes = entry.notes
    if let unknown = entry.unknown {
      output.append(",\"hex\":\"")
      UnknownTraffic.writeHex(unknown.span, to: &output)
      output.append("\",\"text\":\"")
      UnknownTraffic.writeText(unknown.span, to: &output)
      output.append("\"")
      notes += UnknownTraffic.explanations(unknown.span)
    }
    output.append(",\"notes\":[")
    for (i, note) in notes.enumerated() {
      output.append(i == 0 ? "\"" : ",\"")
      output.append(note)
      output.append("\"")
    }
    output.append("]}\n")
  }

  private mutating func appendJSON(_ summary: FlowSummary) {
    output.append("{\"flow\":", summary.number)
    key("transport", Text(summary.isTCP ? "tcp" : "udp"))
    key("source", summary.endpoints?.device.written)
    key("destination", summary.endpoints?.server.written)
    key("protocol", summary.protocolID.map { Text($0.row.name) })
    key("confidence", summary.protocolID.map { _ in Text(summary.confidence.name) })
    key(.frames, summary.tally)
    key("identity", summary.identity?.written)
    key(.skippedBytes, summary.tally)
    appendKey("odd")
    object(.badChecksum, .missingBytes, summary.tally)
    appendKey("answers")
    object(.same, .strayAnswers, summary.tally)
    key(.commands, summary.tally)
    key(.serverSkippedBytes, summary.tally)
    key("start_missing", summary.isStartMissing)
    key("family_as_told", summary.isFamilyTold)
    key("identity_as_told", summary.isIdentityTold)
    output.append("}\n")
  }

  /// Appends a key with a text or null.
  @inline(never)
  private mutating func key(_ name: Literal, _ value: Text?) {
    appendKey(name)
    guard let value else {
      output.append("null")
      return
    }
    output.append("\"")
    // Names of devices may hold any printable character.
    for byte in value.bytes {
      if byte == 0x22 || byte == 0x5C { output.append(byte: 0x5C) }
      output.append(byte: byte)
    }
    output.append("\"")
  }

  @inline(never)
  private mutating func key(_ name: Literal, _ value: Bool?) {
    appendKey(name)
    output.append(value.map { $0 ? "true" : "false" } ?? "null")
  }

  @inline(never)
  private mutating func key(_ count: InspectCount, _ tally: InspectTally) {
    appendKey(count.key)
    output.append(tally[count])
  }

  /// Appends an object of the counts from `first` to `last`.
  private mutating func object(
    _ first: InspectCount, _ last: InspectCount, _ tally: InspectTally
  ) {
    output.append("{")
    for i in first.rawValue...last.rawValue {
      guard let count = InspectCount(rawValue: i), count != .skippedBytes else { continue }
      if i > first.rawValue { output.append(",") }
      output.append("\"")
      output.append(count.key)
      output.append("\":")
      output.append(tally[count])
    }
    output.append("}")
  }

  private mutating func appendKey(_ name: Literal) {
    output.append(",\"")
    output.append(name)
    output.append("\":")
  }
}

extension Endpoint {
  /// Address and port as operators write them.
  fileprivate var written: Text {
    var peer = PeerAddress()
    peer[0] = isIPv6 ? 6 : 4
    peer[2] = UInt8(port >> 8)
    peer[3] = UInt8(port & 0xFF)
    for i in 0..<16 { peer[4 + i] = self[i] }
    var text = Text()
    peer.write(to: &text)
    return text
  }
}

extension InspectTally {
  /// Writes the frames, and of the other counts what is not zero.
  func write(to text: inout Text) {
    for i in 0..<InspectCount.count {
      guard let count = InspectCount(rawValue: i), i == 0 || self[count] > 0 else { continue }
      if i > 0 { text.append(", ") }
      text.append(self[count])
      text.append(" ")
      text.append(count == .frames && self[count] == 1 ? "frame" : count.words)
    }
  }
}
