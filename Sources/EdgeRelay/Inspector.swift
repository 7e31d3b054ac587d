// Walks captured bytes with the relay's reader and prints what it makes of them.
//
// Adjacent skipped bytes are one entry, so that the result does not depend on how they were cut.

import CLinux
import Detect

/// One line of the result.
private struct Entry {
  var offset: Int
  var length: Int
  var protocolID: ProtocolID?
  var confidence: Confidence?
  var kind: StaticString
  var identity: DeviceIdentity?
  var answerClass: StaticString?
  var replayClass: StaticString?
  var answer: Reply?
  var notes: [Text] = []
}

/// Prints frames as text or as JSON lines.
struct Inspector {
  private let options: InspectOptions
  private var base = 0
  private var reader = FrameReader()
  private var identity: DeviceIdentity?
  /// As the engine keeps it for a session.
  private var transferNumber: UInt32 = 0
  private var skipStart = 0
  private var skipCount = 0
  private var skipIsGarbage = false
  private var frameCount = 0
  private var output = Text()

  init(_ options: InspectOptions) { self.options = options }

  /// Explains one stream, or one datagram of a source that keeps its identity.
  mutating func inspect(_ bytes: [UInt8], isDatagram: Bool) {
    var offset = 0
    var silence = isDatagram ? Silence.long : Silence.none
    while offset < bytes.count {
      let rest = bytes.span.extracting(offset..<bytes.count)
      switch reader.next(rest, silence: silence) {
      case .needMore:
        switch silence {
        case .none: silence = .brief
        case .brief: silence = .long
        case .long:
          endSkip()
          show(
            Entry(
              offset: base + offset, length: bytes.count - offset,
              protocolID: reader.protocolID, confidence: nil, kind: "incomplete",
              notes: [Text("the frame's end is missing")]))
          offset = bytes.count
        }
      case .skip(let byteCount, let reason):
        skip(base + offset, byteCount, reason)
        offset += byteCount
      case .frame(let byteCount, let oddities):
        endSkip()
        show(rest.extracting(0..<byteCount), at: base + offset, oddities)
        offset += byteCount
      case .reject(let reason):
        endSkip()
        var note = Text("refused: ")
        note.append(reason.name)
        show(
          Entry(
            offset: base + offset, length: bytes.count - offset, kind: "rejected", notes: [note]))
        offset = bytes.count
      }
    }
    endSkip()
    base += bytes.count
  }

  /// Prints what is left and, for people, a summary.
  mutating func finish() {
    if !options.isJSON {
      output.append(frameCount)
      output.append(frameCount == 1 ? " frame" : " frames")
      if let protocolID = reader.protocolID {
        output.append(", ")
        output.append(protocolID.row.name)
        output.append(" (")
        output.append(reader.confidence.name)
        output.append(")")
      }
      if let identity {
        output.append(", device ")
        append(identity)
      }
      output.append("\n")
    }
    output.print()
    output = Text()
  }

  // MARK: Frames

  private mutating func show(_ frame: Span<UInt8>, at offset: Int, _ oddities: Oddities) {
    guard let protocolID = reader.protocolID else { return }
    let row = protocolID.row
    let facts = row.facts(frame)
    if let named = facts.identity, identity == nil || facts.naming == .certain { identity = named }
    var entry = Entry(
      offset: offset, length: frame.count, protocolID: protocolID, confidence: reader.confidence,
      kind: facts.kind.name, identity: identity, answerClass: facts.answer.letter,
      replayClass: facts.replay.letter)
    let policy =
      identity.map { options.policies.policy(for: $0) } ?? options.policies.policy(for: protocolID)
    if facts.transferNumber != 0 { transferNumber = facts.transferNumber }
    var reply = Reply()
    let namesNobody = facts.replay == .head && facts.identity == nil
    if facts.isAnswered(under: policy), !namesNobody,
      row.answer(
        frame, facts,
        AnswerContext(
          time: CalendarTime(secondsSince1970: clinux_wall_seconds()),
          transferNumber: transferNumber), &reply)
    {
      entry.answer = reply
    }
    var type = Text("type ")
    if facts.key.type > 0xFF { type.append(hex: UInt8(facts.key.type >> 8)) }
    type.append(hex: UInt8(facts.key.type & 0xFF))
    entry.notes.append(type)
    if oddities.contains(.badChecksum) { entry.notes.append(Text("checksum does not match")) }
    if oddities.contains(.lyingLength) {
      entry.notes.append(Text("length field contradicts the stop bytes"))
    }
    if oddities.contains(.foreignShape) {
      entry.notes.append(Text("shape of a look-alike protocol"))
    }
    if namesNobody { entry.notes.append(Text("login names nobody, not answered")) }
    frameCount += 1
    show(entry)
  }

  private mutating func skip(_ offset: Int, _ byteCount: Int, _ reason: SkipReason) {
    if skipCount == 0 {
      skipStart = offset
      skipIsGarbage = false
    }
    skipCount += byteCount
    if reason == .garbage { skipIsGarbage = true }
  }

  private mutating func endSkip() {
    if skipCount == 0 { return }
    let reason: SkipReason = skipIsGarbage ? .garbage : .padding
    show(
      Entry(
        offset: skipStart, length: skipCount, protocolID: reader.protocolID, kind: "skipped",
        notes: [Text(reason.name)]))
    skipCount = 0
  }

  // MARK: Output

  private mutating func show(_ entry: Entry) {
    if options.isJSON { appendJSON(entry) } else { appendLine(entry) }
    if output.count > 64 * 1_024 {
      output.print()
      output = Text()
    }
  }

  private mutating func appendLine(_ entry: Entry) {
    output.append(UInt64(entry.offset), width: 6)
    output.append(UInt64(entry.length), width: 6)
    output.append("  ")
    output.append(entry.protocolID.map { $0.row.name } ?? "-", width: 8)
    output.append(entry.kind, width: 16)
    output.append(" ")
    output.append(entry.answerClass ?? "-")
    output.append(entry.replayClass ?? "-")
    output.append("  ")
    if let identity = entry.identity { append(identity) } else { output.append("-") }
    if let answer = entry.answer {
      output.append("  answer ")
      for i in 0..<answer.count { output.append(hex: answer[i]) }
    }
    for (i, note) in entry.notes.enumerated() {
      output.append(i == 0 ? "  (" : ", ")
      output.append(note)
    }
    if !entry.notes.isEmpty { output.append(")") }
    output.append("\n")
  }

  private mutating func appendJSON(_ entry: Entry) {
    output.append("{\"offset\":")
    output.append(entry.offset)
    output.append(",\"length\":")
    output.append(entry.length)
    key("protocol", entry.protocolID.map { $0.row.name })
    key("confidence", entry.confidence?.name)
    key("kind", entry.kind)
    output.append(",\"identity\":")
    if let identity = entry.identity {
      output.append("\"")
      append(identity)
      output.append("\"")
    } else {
      output.append("null")
    }
    key("class", entry.answerClass)
    key("replay", entry.replayClass)
    output.append(",\"answer\":")
    if let answer = entry.answer {
      output.append("\"")
      for i in 0..<answer.count { output.append(hex: answer[i]) }
      output.append("\"")
    } else {
      output.append("null")
    }
    output.append(",\"notes\":[")
    for (i, note) in entry.notes.enumerated() {
      output.append(i == 0 ? "\"" : ",\"")
      output.append(note)
      output.append("\"")
    }
    output.append("]}\n")
  }

  /// Appends a key with a name or null; the names need no escaping.
  private mutating func key(_ name: StaticString, _ value: StaticString?) {
    output.append(",\"")
    output.append(name)
    output.append("\":")
    if let value {
      output.append("\"")
      output.append(value)
      output.append("\"")
    } else {
      output.append("null")
    }
  }

  private mutating func append(_ identity: DeviceIdentity) {
    for i in 0..<identity.characterCount { output.append(byte: identity.character(i)) }
  }
}
