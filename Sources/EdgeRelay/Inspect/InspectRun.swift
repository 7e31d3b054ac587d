// One run of `inspect`: from the input to conversations, from those to the report.
//
// A conversation is read twice, first for its summary and then for its frames, so that neither the
// frames nor what is written about them is ever kept.

import Detect
import Relay

/// Inspects one input.
struct InspectRun {
  private let options: InspectOptions
  private var report: InspectReport
  private var frameCount: Int64 = 0
  private var unknownFlowCount = 0

  init(_ options: InspectOptions) {
    self.options = options
    report = InspectReport(isJSON: options.isJSON)
  }

  // MARK: Plain bytes

  /// Inspects bytes of which nothing is known: one stream, or datagrams.
  @discardableResult
  mutating func inspect(_ pieces: [[UInt8]]) -> Bool {
    var inspector = Inspector(options.policies)
    inspector.read(
      Conversation(pieces: pieces, isStream: options.transport == .tcp), &report)
    report.end(
      frameCount: inspector.tally[.frames], inspector.protocolID, inspector.confidence,
      inspector.identity)
    report.print()
    return true
  }

  // MARK: Flows

  /// What the inspector makes of a conversation when nothing is shown.
  @inline(never)
  private func survey(_ conversation: Conversation) -> Inspector {
    var nothing = InspectReport(isJSON: false, isMuted: true)
    var inspector = Inspector(options.policies)
    inspector.read(conversation, &nothing)
    return inspector
  }

  @inline(never)
  private mutating func show(_ conversation: Conversation, _ summary: FlowSummary) {
    frameCount += summary.tally[.frames]
    if summary.protocolID == nil, !summary.isSilent { unknownFlowCount += 1 }
    report.begin(summary)
    var inspector = Inspector(options.policies)
    inspector.read(conversation, &report)
    report.end(summary)
  }

  // MARK: Packet captures

  /// Inspects a pcap or pcapng file; `false` when not even one packet could be read.
  @inline(never)
  mutating func inspectCapture(_ content: [UInt8], _ start: CaptureReader) -> Bool {
    let file = content.span
    var capture = Capture(file, start)
    if let fault = capture.fault {
      var reason = Text(Literal(fault.reason.name))
      reason.append(", at byte ", fault.offset)
      complain("the capture is damaged: ", reason.bytes)
      if capture.packetCount == 0 { return false }
    }
    capture.table.sort()
    for i in capture.table.flows.indices {
      let flow = capture.table.flows[i]
      let side = deviceSide(flow, file)
      let conversation = Conversation(flow, device: side, in: file)
      var summary = FlowSummary(number: i + 1, isTCP: flow.isTCP, survey(conversation))
      summary.endpoints = (flow.endpoint(side), flow.endpoint(side.other))
      summary.isStartMissing = conversation.device.isStartMissing
      summary.isSilent = conversation.device.bytes.isEmpty
      show(conversation, summary)
    }
    let total = total(capture)
    report.note(total)
    report.print()
    return true
  }

  /// The device is who connected, else who is understood better, else who has the higher port.
  private func deviceSide(_ flow: CapturedFlow, _ file: Span<UInt8>) -> FlowSide {
    if let opener = flow.opener { return opener }
    let first = understanding(flow, .first, file)
    let second = understanding(flow, .second, file)
    if first != second { return first > second ? .first : .second }
    return flow.first.port >= flow.second.port ? .first : .second
  }

  private func understanding(
    _ flow: CapturedFlow, _ side: FlowSide, _ file: Span<UInt8>
  ) -> Int {
    let inspector = survey(Conversation(flow, device: side, in: file))
    return inspector.identity != nil ? 2 : inspector.tally[.frames] > 0 ? 1 : 0
  }

  private func total(_ capture: Capture) -> Text {
    var line = Text()
    line.append(capture.packetCount)
    line.append(" packets, ", capture.table.flows.count)
    line.append(" flows, of them unknown ", unknownFlowCount)
    line.append(", frames ")
    line.append(frameCount)
    if capture.fragmentCount > 0 { line.append("; fragments, not read: ", capture.fragmentCount) }
    if capture.otherCount > 0 { line.append("; neither TCP nor UDP: ", capture.otherCount) }
    if capture.malformedCount > 0 { line.append("; malformed: ", capture.malformedCount) }
    if capture.unknownLinkCount > 0 {
      line.append("; of an unknown link type: ", capture.unknownLinkCount)
    }
    if capture.table.leftOutCount > 0 {
      line.append("; of too many flows: ", capture.table.leftOutCount)
    }
    return line
  }

  // MARK: Lines of captured frames

  /// Inspects a captures.jsonl; `false` when not even one line could be read.
  @inline(never)
  mutating func inspectLines(_ content: [UInt8]) -> Bool {
    var lineCount = 0
    var family = Score()
    var identity = Score()
    var tally = InspectTally()
    var number = 0
    var start = 0
    while let bytes = content.line(from: &start) {
      number += 1
      if !bytes.contains(where: { $0 > 0x20 }) { continue }
      do throws(CaptureLine.Fault) {
        let line = try CaptureLine(bytes.span)
        lineCount += 1
        let isStream =
          line.transport.map { !$0.spells("udp") } ?? (options.transport == .tcp)
        let conversation = Conversation(line, isStream: isStream)
        var summary = FlowSummary(number: number, isTCP: isStream, survey(conversation))
        summary.isSilent = conversation.device.bytes.isEmpty
        summary.judge(line)
        family.add(summary.isFamilyTold)
        identity.add(summary.isIdentityTold)
        tally.add(summary.tally)
        show(conversation, summary)
      } catch {
        var text = Text()
        text.append(number)
        text.append(": ")
        text.append(Literal(error.name))
        complain("cannot read line ", text.bytes)
      }
    }
    let total = total(lineCount, family, identity, tally)
    report.note(total)
    report.print()
    return lineCount > 0
  }

  /// How often something was as it was told to be.
  private struct Score {
    var rightCount = 0
    var toldCount = 0

    mutating func add(_ isRight: Bool?) {
      guard let isRight else { return }
      toldCount += 1
      if isRight { rightCount += 1 }
    }

    func write(_ label: Literal, to text: inout Text) {
      text.append(label, rightCount)
      text.append(" of ", toldCount)
    }
  }

  private func total(
    _ lineCount: Int, _ family: Score, _ identity: Score, _ tally: InspectTally
  ) -> Text {
    var line = Text()
    line.append(lineCount)
    family.write(" lines; as told: family ", to: &line)
    identity.write(", identity ", to: &line)
    line.append("; ")
    tally.write(to: &line)
    return line
  }
}
