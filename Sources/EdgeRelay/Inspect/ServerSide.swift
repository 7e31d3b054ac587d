// The server's bytes of a conversation, cut by the device's protocol and paired with its frames.
//
// A server's frame that the protocol calls an answer belongs to the first frame of the device that it fits
// and that the server had received by then: TCP says so in every segment. What equals our own answer comes
// first, then what repeats type and serial number. Some servers write any serial number: the right type is
// enough when nothing else had arrived since. Frames that are no answers are commands.
//
// Memory: at most `pendingCountMax` frames are cut ahead.

import Detect

/// One frame of the server.
struct ServerFrame {
  /// Its bytes in the server's stream.
  var range: Range<Int>
  /// What it means; `nil` for bytes that are no frame.
  var meaning: DownlinkMeaning?
  /// The bytes of the device that it may answer.
  var answerable: Range<Int>
  /// When it came.
  var milliseconds: Int64
}

/// Cuts the server's bytes as they are asked for.
struct ServerSide {
  private static let pendingCountMax = 64
  /// What comes later answers a later frame; the relay waits as long.
  private static let answerDelayMax: Int64 = 30_000

  let stream: CapturedBytes
  /// Whether it is known what the server said, be it nothing.
  let isKnown: Bool
  private var cursor: BurstCursor
  private var pending: [ServerFrame] = []
  /// The arrivals that hold the first and the last byte of what is cut next.
  private var firstArrival = 0
  private var lastArrival = 0

  init(_ conversation: Conversation) {
    stream = conversation.server
    isKnown = conversation.hasServer
    cursor = BurstCursor(isStream: conversation.isStream)
  }

  /// Takes out the answer to the device's frame at `range`, which came at `milliseconds` and to which
  /// the relay would say `ours`.
  mutating func takeAnswer(
    _ key: AnswerKey, _ ours: [UInt8]?, to range: Range<Int>, _ milliseconds: Int64,
    _ protocolID: ProtocolID
  ) -> Range<Int>? {
    fill(protocolID)
    var best: (place: Int, fit: Int)?
    for (i, frame) in pending.enumerated()
    where frame.answerable.lowerBound <= range.lowerBound
      && range.upperBound <= frame.answerable.upperBound
      && frame.milliseconds - milliseconds <= Self.answerDelayMax
    {
      let fit = fit(frame, key, ours, isLast: range.upperBound == frame.answerable.upperBound)
      if fit > (best?.fit ?? 0) { best = (i, fit) }
    }
    return best.map { pending.remove(at: $0.place).range }
  }

  /// How well a frame of the server fits as an answer; zero when it does not.
  private func fit(
    _ frame: ServerFrame, _ key: AnswerKey, _ ours: [UInt8]?, isLast: Bool
  ) -> Int {
    if let ours, ours.elementsEqual(stream.bytes[frame.range]) { return 3 }
    guard case .answer(let answered)? = frame.meaning, answered.type == key.type else { return 0 }
    return answered == key ? 2 : isLast ? 1 : 0
  }

  /// Takes out the first frame that can be no answer to what ends at `end` or later.
  mutating func takePassed(before end: Int, _ protocolID: ProtocolID) -> ServerFrame? {
    fill(protocolID)
    guard let first = pending.first else { return nil }
    let isPassed = first.answerable.upperBound < end
    return isPassed ? pending.removeFirst() : nil
  }

  /// Takes out what is left, at the device's end.
  mutating func takeRest(_ protocolID: ProtocolID) -> ServerFrame? {
    fill(protocolID)
    return pending.isEmpty ? nil : pending.removeFirst()
  }

  // MARK: Cutting

  private mutating func fill(_ protocolID: ProtocolID) {
    while pending.count < Self.pendingCountMax, cursor.load(stream) {
      let (cut, meaning) = next(protocolID)
      switch cut {
      case .needMore:
        if !cursor.deepen(stream) { add(cursor.limit - cursor.offset, nil) }
      case .skip(let byteCount, .padding): cursor.offset += byteCount
      case .skip(let byteCount, .garbage): add(byteCount, nil)
      case .frame(let byteCount, _): add(byteCount, meaning)
      }
    }
  }

  /// What comes next, and what it means if it is a frame.
  private func next(_ protocolID: ProtocolID) -> (Cut, DownlinkMeaning?) {
    let rest = stream.bytes.span.extracting(cursor.offset..<cursor.limit)
    let cut = protocolID.row.downCut(rest, cursor.silence)
    guard case .frame(let byteCount, _) = cut else { return (cut, nil) }
    return (cut, protocolID.row.downMeaning(rest.extracting(0..<byteCount)))
  }

  private mutating func add(_ byteCount: Int, _ meaning: DownlinkMeaning?) {
    let range = cursor.offset..<cursor.offset + byteCount
    cursor.offset = range.upperBound
    while stream.arrivals[firstArrival].end <= range.lowerBound { firstArrival += 1 }
    lastArrival = max(lastArrival, firstArrival)
    while stream.arrivals[lastArrival].end < range.upperBound { lastArrival += 1 }
    let start = stream.arrivals[firstArrival].peerStart
    let end = max(start, stream.arrivals[lastArrival].peerEnd)
    if meaning == nil, let last = pending.last, last.meaning == nil,
      last.range.upperBound == range.lowerBound
    {
      pending[pending.count - 1].range = last.range.lowerBound..<range.upperBound
      return
    }
    pending.append(
      ServerFrame(
        range: range, meaning: meaning, answerable: start..<end,
        milliseconds: stream.arrivals[firstArrival].milliseconds))
  }
}
