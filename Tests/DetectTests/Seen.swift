// What the code under test makes of a stream, in a form that can be compared and printed.
//
// `see` plays the caller of `FrameReader`: bytes arrive in bursts, pauses deepen the silence, and
// everything a step names is consumed before the next step is asked for.

@testable import Detect

/// 2024-03-02 12:00:00 UTC.
let frozenClock = CalendarTime(secondsSince1970: 1_709_380_800)

/// One frame with everything its row says about it.
struct SeenFrame: Equatable, Sendable, CustomStringConvertible {
  var bytes: Bytes
  var protocolName: String
  var confidence: String
  var kind: String
  var answerClass: String
  var replayClass: String
  var identity: String?
  var oddities: Oddities = []
  var minimalAnswer: Bytes?
  var generousAnswer: Bytes?
  var neutralAnswer: Bytes?

  var description: String {
    let odd = oddityNames.filter { oddities.contains($0.oddity) }.map(\.name)
    return [
      "\n    < \(bytes.hex)", "=", protocolName, confidence, kind, answerClass, replayClass,
      identity ?? "", odd.joined(separator: ","), "> \(minimalAnswer?.hex ?? "-")",
      ">> \(generousAnswer?.hex ?? "-")", "n \(neutralAnswer?.hex ?? "-")",
    ].joined(separator: " ")
  }

  /// The same frame on a connection whose earlier frames may have proven more.
  var withoutConfidence: SeenFrame {
    var copy = self
    copy.confidence = ""
    return copy
  }
}

/// One thing that happens on a connection.
enum Arrival {
  case bytes(Bytes)
  /// A brief silence.
  case pause
}

/// Everything one stream led to.
struct Seen: Equatable, CustomStringConvertible {
  var frames: [SeenFrame] = []
  /// Where skipped bytes stood, neighbouring ones joined.
  var skipped: [Range<Int>] = []
  var unread: Bytes = []
  var rejection: RejectReason?
  /// A promise of the reader that was broken, in words.
  var fault: String?

  var description: String {
    let parts = [
      "frames \(frames)", "skipped \(skipped)", "unread \(unread.hex)",
      rejection.map { "rejected \($0.name)" } ?? "", fault.map { "FAULT \($0)" } ?? "",
    ]
    return parts.filter { !$0.isEmpty }.joined(separator: "\n    ")
  }

  /// What must be equal however much was refused at once.
  var untilRejection: Seen {
    var copy = self
    if rejection != nil {
      copy.skipped = []
      copy.unread = []
    }
    return copy
  }

  mutating func skip(_ range: Range<Int>) {
    if let last = skipped.last, last.upperBound == range.lowerBound {
      skipped[skipped.count - 1] = last.lowerBound..<range.upperBound
    } else {
      skipped.append(range)
    }
  }
}

/// Plays `arrivals` to a reader, then a brief and a long silence.
func see(_ arrivals: [Arrival], with start: FrameReader = FrameReader()) -> Seen {
  var player = Player(reader: start)
  for arrival in arrivals {
    switch arrival {
    case .bytes(let bytes):
      player.buffer += bytes
      player.read(.none)
    case .pause:
      player.read(.brief)
    }
  }
  player.read(.brief)
  player.read(.long)
  player.seen.unread = player.buffer
  return player.seen
}

/// Plays `bytes` to a reader that never hears of a silence.
func seeWithoutSilence(_ bytes: Bytes) -> Seen {
  var player = Player(reader: FrameReader())
  player.buffer = bytes
  player.read(.none)
  player.seen.unread = player.buffer
  return player.seen
}

func see(_ bytes: Bytes) -> Seen { see([.bytes(bytes)]) }

func seeByteByByte(_ bytes: Bytes) -> Seen { see(bytes.map { .bytes([$0]) }) }

private struct Player {
  var reader: FrameReader
  var buffer: Bytes = []
  var seen = Seen()
  private var offset = 0
  /// The total below which the last step promised to stay undecided.
  private var promisedTotal = 0

  init(reader: FrameReader) { self.reader = reader }

  mutating func read(_ silence: Silence) {
    while seen.rejection == nil, seen.fault == nil {
      let shown = buffer
      let step = reader.next(shown.span, silence: silence)
      if case .needMore(let total) = step {
        if total <= buffer.count { seen.fault = "wants \(total) of \(buffer.count) bytes" }
        promisedTotal = silence == .none ? total : 0
        return
      }
      if silence == .none, buffer.count < promisedTotal {
        seen.fault = "decided at \(buffer.count) bytes after asking for \(promisedTotal)"
      }
      promisedTotal = 0
      switch step {
      case .needMore: return
      case .skip(let byteCount, _):
        if take(byteCount) { seen.skip(offset - byteCount..<offset) }
      case .frame(let byteCount, let oddities):
        let frame = Bytes(buffer.prefix(max(byteCount, 0)))
        guard take(byteCount), let protocolID = reader.protocolID else { return }
        if byteCount > protocolID.row.frameBytesMax {
          seen.fault = "a frame of \(byteCount) bytes in \(protocolID.row.name)"
        }
        seen.frames.append(SeenFrame(frame, protocolID, reader.confidence, oddities))
      case .reject(let reason):
        seen.rejection = reason
      }
    }
  }

  private mutating func take(_ byteCount: Int) -> Bool {
    guard byteCount >= 1, byteCount <= buffer.count else {
      seen.fault = "consumes \(byteCount) of \(buffer.count) bytes"
      return false
    }
    buffer.removeFirst(byteCount)
    offset += byteCount
    return true
  }
}

extension SeenFrame {
  /// Asks the row of `protocolID` everything about a whole frame.
  init(
    _ bytes: Bytes, _ protocolID: ProtocolID, _ confidence: Confidence, _ oddities: Oddities
  ) {
    let row = protocolID.row
    let facts = row.facts(bytes.span)
    self.init(
      bytes: bytes, protocolName: "\(row.name)", confidence: "\(confidence.name)",
      kind: "\(facts.kind.name)", answerClass: "\(facts.answer.letter)",
      replayClass: "\(facts.replay.letter)", identity: facts.identity?.text, oddities: oddities)
    minimalAnswer = row.answerBytes(bytes, under: .minimal)
    generousAnswer = row.answerBytes(bytes, under: .generous)
    var neutral = Reply()
    if row.neutralAnswer(bytes.span, facts, &neutral) { neutralAnswer = neutral.bytes }
  }
}

extension ProtocolRow {
  /// The answer to a whole frame under `policy`; `nil` when there is none.
  func answerBytes(
    _ frame: Bytes, under policy: ReplyPolicy, clock: CalendarTime? = frozenClock
  ) -> Bytes? {
    let facts = facts(frame.span)
    var reply = Reply()
    guard facts.isAnswered(under: policy) else { return nil }
    return answer(frame.span, facts, AnswerContext(time: clock), &reply) ? reply.bytes : nil
  }
}

extension Reply {
  var bytes: Bytes { (0..<count).map { self[$0] } }
}

extension DeviceIdentity {
  var text: String {
    String((0..<characterCount).map { Character(UnicodeScalar(character($0))) })
  }
}

/// One frame of the server with its meaning, as golden files write it.
struct SeenDown: Equatable, Sendable, CustomStringConvertible {
  var bytes: Bytes
  var meaning: String
  var description: String { "\n    v \(bytes.hex) = \(meaning)" }
}

/// What a server's stream led to.
struct SeenDownlink: Equatable {
  var frames: [SeenDown] = []
  var unread: Bytes = []
  var fault: String?
}

/// Plays `pieces` of a server's stream to a row, then a brief and a long silence.
func seeDownlink(
  _ pieces: [Bytes], _ row: ProtocolRow, silences: [Silence] = [.brief, .long]
) -> SeenDownlink {
  var seen = SeenDownlink()
  var buffer: Bytes = []
  func read(_ silence: Silence) {
    while !buffer.isEmpty, seen.fault == nil {
      switch row.downCut(buffer.span, silence) {
      case .needMore(let total):
        if total <= buffer.count { seen.fault = "wants \(total) of \(buffer.count) bytes" }
        return
      case .skip(let byteCount, _):
        if byteCount < 1 || byteCount > buffer.count {
          seen.fault = "skips \(byteCount) of \(buffer.count) bytes"
          return
        }
        buffer.removeFirst(byteCount)
      case .frame(let byteCount, _):
        if byteCount < 1 || byteCount > min(buffer.count, row.frameBytesMax) {
          seen.fault = "a frame of \(byteCount) of \(buffer.count) bytes"
          return
        }
        let frame = Bytes(buffer.prefix(byteCount))
        buffer.removeFirst(byteCount)
        seen.frames.append(SeenDown(bytes: frame, meaning: row.downMeaning(frame.span).text))
      }
    }
  }
  for piece in pieces {
    buffer += piece
    read(.none)
  }
  for silence in silences { read(silence) }
  seen.unread = buffer
  return seen
}

extension DownlinkMeaning {
  var text: String {
    switch self {
    case .command: "command"
    case .answer(let key): "answer \(Bytes([UInt8(key.type & 0xFF)]).hex) \(key.serialHex)"
    }
  }
}

extension AnswerKey {
  var serialHex: String { Bytes([UInt8(serial >> 8), UInt8(serial & 0xFF)]).hex }
}
