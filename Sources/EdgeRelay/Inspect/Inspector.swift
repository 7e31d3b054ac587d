// Reads one conversation with the relay's reader and says what it makes of it.
//
// Adjacent skipped bytes are one entry, so that the result does not depend on how they were cut. What the
// server says by itself stands where the device had come to.

import CLinux
import Detect

/// Follows one device through one conversation.
struct Inspector {
  /// Milliseconds since 1970: earlier times are no times of day.
  private static let clockMin: Int64 = 365 * 86_400_000

  private let policies: ReplyPolicies
  private(set) var tally = InspectTally()
  /// Who was named first, and who last.
  private(set) var firstIdentity: DeviceIdentity?
  private(set) var identity: DeviceIdentity?
  private var reader = FrameReader()
  /// As the engine keeps it for a session.
  private var transferNumber: UInt32 = 0
  private var skipStart = 0
  private var skipCount = 0
  private var skipIsGarbage = false

  init(_ policies: ReplyPolicies) { self.policies = policies }

  var protocolID: ProtocolID? { reader.protocolID }
  var confidence: Confidence { reader.confidence }

  /// Reads everything and shows it to `report`.
  mutating func read(_ conversation: Conversation, _ report: inout InspectReport) {
    let device = conversation.device
    var server = ServerSide(conversation)
    var cursor = BurstCursor(isStream: conversation.isStream)
    while cursor.load(device) {
      showGap(&cursor, &report)
      let offset = cursor.offset
      let rest = device.bytes.span.extracting(offset..<cursor.limit)
      switch reader.next(rest, silence: cursor.silence) {
      case .needMore:
        if cursor.deepen(device) { continue }
        showRest(
          "incomplete", device.bytes[offset..<cursor.limit], isKnown: protocolID != nil,
          Text("the frame's end is missing"), &report)
        cursor.offset = cursor.limit
      case .skip(let byteCount, let reason):
        skip(offset, byteCount, reason)
        cursor.offset += byteCount
      case .frame(let byteCount, let oddities):
        endSkip(&report)
        cursor.offset += byteCount
        showFrame(
          device.bytes[offset..<offset + byteCount], oddities, cursor.milliseconds(device), &server,
          &report)
      case .reject(let reason):
        // A stream ends here, a datagram is followed by others.
        let end = conversation.isStream ? device.bytes.count : cursor.limit
        var note = Text("refused: ")
        note.append(reason.name)
        showRest("rejected", device.bytes[offset..<end], isKnown: false, note, &report)
        cursor.offset = end
        if conversation.isStream {
          showServer(&server, before: nil, &report)
          return
        }
      }
      if cursor.offset == cursor.limit, !conversation.isStream { endSkip(&report) }
    }
    endSkip(&report)
    showServer(&server, before: nil, &report)
  }

  // MARK: Frames

  @inline(never)
  private mutating func showFrame(
    _ bytes: ArraySlice<UInt8>, _ oddities: Oddities, _ milliseconds: Int64,
    _ server: inout ServerSide, _ report: inout InspectReport
  ) {
    guard let protocolID = reader.protocolID else { return }
    let frame = bytes.span
    let facts = protocolID.row.facts(frame)
    if let named = facts.identity, identity == nil || facts.naming == .certain {
      if let identity, identity != named { tally[.renamings] += 1 }
      if firstIdentity == nil { firstIdentity = named }
      identity = named
    }
    if facts.transferNumber != 0 { transferNumber = facts.transferNumber }
    tally[.frames] += 1
    tally.count(oddities)
    showServer(&server, before: bytes.endIndex, &report)
    var entry = InspectEntry(
      offset: bytes.startIndex, length: bytes.count, protocolID: protocolID,
      confidence: reader.confidence, kind: facts.kind.name, identity: identity,
      answerClass: facts.answer.letter, replayClass: facts.replay.letter)
    let namesNobody = facts.replay == .head && facts.identity == nil
    let policy = identity.map { policies.policy(for: $0) } ?? policies.policy(for: protocolID)
    let isAnswered = facts.isAnswered(under: policy) && !namesNobody
    if isAnswered {
      // Lines of text carry no time of day.
      let seconds = milliseconds >= Self.clockMin ? milliseconds / 1_000 : clinux_wall_seconds()
      entry.answer = answer(protocolID, frame, facts, seconds)
    }
    if let range = server.takeAnswer(
      facts.key, entry.answer, to: bytes.indices, milliseconds, protocolID)
    {
      entry.server = server.stream.bytes[range]
    }
    if server.isKnown { entry.agreement = agreement(entry, protocolID, frame, facts) }
    if let agreement = entry.agreement { tally.count(agreement) }
    if report.isMuted { return }
    entry.notes = notes(facts, oddities)
    if namesNobody { entry.notes.append(Text("login names nobody, not answered")) }
    report.show(entry)
  }

  private func notes(_ facts: FrameFacts, _ oddities: Oddities) -> [Text] {
    var type = Text("type ")
    if facts.key.type > 0xFF { type.append(hex: UInt8(facts.key.type >> 8)) }
    type.append(hex: UInt8(facts.key.type & 0xFF))
    var notes = [type]
    if oddities.contains(.badChecksum) { notes.append(Text("checksum does not match")) }
    if oddities.contains(.lyingLength) {
      notes.append(Text("length field contradicts the stop bytes"))
    }
    if oddities.contains(.foreignShape) { notes.append(Text("shape of a look-alike protocol")) }
    return notes
  }

  @inline(never)
  private func answer(
    _ protocolID: ProtocolID, _ frame: Span<UInt8>, _ facts: FrameFacts, _ seconds: Int64
  ) -> [UInt8]? {
    var reply = Reply()
    let context = AnswerContext(
      time: CalendarTime(secondsSince1970: seconds), transferNumber: transferNumber)
    guard protocolID.row.answer(frame, facts, context, &reply) else { return nil }
    var bytes: [UInt8] = []
    reply.withBytes { bytes.append($0) }
    return bytes
  }

  // MARK: Comparing answers

  /// 1970-01-01 00:00:00, 2011-11-11 11:11:11, 2022-12-22 22:22:22 and 2033-03-03 13:33:33: every digit
  /// of a time differs from that of one of them, if it can differ.
  private static let sampleTimes: InlineArray<4, Int64> = [
    0, 1_321_009_871, 1_671_747_742, 1_993_469_613,
  ]

  private func agreement(
    _ entry: InspectEntry, _ protocolID: ProtocolID, _ frame: Span<UInt8>, _ facts: FrameFacts
  ) -> Agreement? {
    guard let theirs = entry.server else { return entry.answer == nil ? nil : .oursOnly }
    guard let ours = entry.answer else { return .serverOnly }
    if ours.elementsEqual(theirs) { return .same }
    guard ours.count == theirs.count else { return .differs }
    var varies = InlineArray<128, Bool>(repeating: false)
    for place in Self.sampleTimes.indices {
      guard let sample = answer(protocolID, frame, facts, Self.sampleTimes[place]) else { continue }
      for i in 0..<min(sample.count, ours.count) where sample[i] != ours[i] { varies[i] = true }
    }
    for i in 0..<ours.count where ours[i] != theirs[theirs.startIndex + i] && !varies[i] {
      return .differs
    }
    return .sameButTime
  }

  // MARK: The server's own words

  /// Shows what the server said by itself before the device's byte `end`, or all of it.
  private mutating func showServer(
    _ server: inout ServerSide, before end: Int?, _ report: inout InspectReport
  ) {
    guard let protocolID = reader.protocolID else {
      if end == nil { tally[.serverSkippedBytes] += Int64(server.stream.bytes.count) }
      return
    }
    while true {
      let frame =
        if let end { server.takePassed(before: end, protocolID) } else {
          server.takeRest(protocolID)
        }
      guard let frame else { return }
      let kind: Literal
      switch frame.meaning {
      case .answer:
        tally[.strayAnswers] += 1
        kind = "stray-answer"
      case .command:
        tally[.commands] += 1
        kind = "command"
      case nil:
        tally[.serverSkippedBytes] += Int64(frame.range.count)
        kind = "server-skipped"
      }
      report.show(
        InspectEntry(
          offset: frame.range.lowerBound, length: frame.range.count, protocolID: protocolID,
          kind: kind, server: server.stream.bytes[frame.range], isFromServer: true))
    }
  }

  // MARK: What is no frame

  private mutating func showGap(_ cursor: inout BurstCursor, _ report: inout InspectReport) {
    if cursor.missingByteCount == 0 { return }
    endSkip(&report)
    tally[.gaps] += 1
    tally[.missingBytes] += cursor.missingByteCount
    var note = Text("not captured: ")
    note.append(cursor.missingByteCount)
    note.append(" bytes")
    show("missing", cursor.offset, 0, note, &report)
    cursor.missingByteCount = 0
  }

  /// Shows bytes that no more can follow, and whether anybody knows whose they are.
  @inline(never)
  private mutating func showRest(
    _ kind: Literal, _ bytes: ArraySlice<UInt8>, isKnown: Bool, _ note: Text,
    _ report: inout InspectReport
  ) {
    endSkip(&report)
    tally[isKnown ? .incompleteBytes : .unknownBytes] += Int64(bytes.count)
    show(kind, bytes.startIndex, bytes.count, note, unknown: isKnown ? nil : bytes, &report)
  }

  private mutating func skip(_ offset: Int, _ byteCount: Int, _ reason: SkipReason) {
    if skipCount == 0 {
      skipStart = offset
      skipIsGarbage = false
    }
    skipCount += byteCount
    if reason == .garbage {
      skipIsGarbage = true
      tally[.skippedBytes] += Int64(byteCount)
    }
  }

  @inline(never)
  private mutating func endSkip(_ report: inout InspectReport) {
    if skipCount == 0 { return }
    let reason: SkipReason = skipIsGarbage ? .garbage : .padding
    show("skipped", skipStart, skipCount, Text(reason.name), &report)
    skipCount = 0
  }

  @inline(never)
  private func show(
    _ kind: Literal, _ offset: Int, _ length: Int, _ note: Text,
    unknown: ArraySlice<UInt8>? = nil, _ report: inout InspectReport
  ) {
    report.show(
      InspectEntry(
        offset: offset, length: length, protocolID: unknown == nil ? protocolID : nil, kind: kind,
        unknown: unknown, notes: [note]))
  }
}
