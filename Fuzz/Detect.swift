// The entry point of the fuzzer: every promise of a row, for any bytes.
//
//   input:  SELECTOR 1 | CONCERN and PIECES 1 | bytes
//
// SELECTOR modulo the number of protocols + 1 chooses the protocol that a stream is bound to, or none;
// the second byte chooses what is checked, and where the stream is cut. Inputs are short, because
// most of what can go wrong is in the first bytes; a few, those whose second byte is FF and whose last
// ends in three ones, are repeated until they are longer than most limits.
// With EDGERELAY_FUZZ_PROTOCOL and EDGERELAY_FUZZ_CONCERN one protocol and one of `probe`, `framing`,
// `answer` and `downlink` are fixed, so that each can be given its executions.
//
// Checked beside the sanitizer's own findings:
//   probe      asks for more than there is, keeps its word until then, moves once, needs nothing more
//              after a long silence and a full buffer
//   framing    consumes at least a byte and at most what is there, no frame is longer than the row's
//              limit, the same frames in any pieces, no wait for ever
//   answer     fits its memory, and there is none where the class forbids one
//   downlink   as framing and answer, for a server's bytes
// Source of the promises: ProtocolRow.swift, Detector.swift, FrameReader.swift.

#if canImport(Glibc)
  import Glibc
#endif

enum Concern: String, CaseIterable {
  case probe, framing, answer, downlink
}

enum Chosen {
  static let protocolID: ProtocolID? = unsafe getenv("EDGERELAY_FUZZ_PROTOCOL").flatMap { word in
    let name = unsafe String(cString: word)
    return ProtocolID.allCases.first { "\($0.row.name)" == name }
  }
  static let concern: Concern? = unsafe getenv("EDGERELAY_FUZZ_CONCERN").flatMap {
    unsafe Concern(rawValue: String(cString: $0))
  }
}

/// Longer than a frame of most protocols may be.
private let longByteCount = 5_000

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  guard count >= 2 else { return 0 }
  let input = unsafe Array(UnsafeBufferPointer(start: data, count: count))
  var bytes = Array(input[2...])
  if input[1] == 0xFF, let last = bytes.last, last & 7 == 7 {
    let part = bytes
    while bytes.count < longByteCount { bytes += part }
  }
  let place = Int(input[0]) % (ProtocolID.count + 1)
  let id = Chosen.protocolID ?? (place < ProtocolID.count ? ProtocolID.ranked(place) : nil)
  // One concern at a time, so that executions are many.
  let concern = Chosen.concern ?? Concern.allCases[Int(input[1] & 3)]
  func runs(_ it: Concern) -> Bool { it == concern }
  if let id, runs(.probe) { checkProbe(id.row, bytes) }
  if runs(.framing) || runs(.answer) {
    let start = id.map { FrameReader(boundTo: $0, .certain) } ?? FrameReader()
    let whole = read(bytes, start, pieces: [], answers: runs(.answer))
    if runs(.framing) {
      let places = pieces(input[1], bytes.count)
      let inPieces = read(bytes, start, pieces: places, answers: false)
      require(
        whole.isSame(as: inPieces),
        "the frames depend on the pieces, cut at \(places): \(whole) is not \(inPieces)")
    }
  }
  if let id, runs(.downlink) { checkDownlink(id.row, bytes) }
  return 0
}

func require(_ isTrue: Bool, _ what: @autoclosure () -> String) {
  if !isTrue { fatalError(what()) }
}

// MARK: Probe

private func checkProbe(_ row: ProtocolRow, _ bytes: [UInt8]) {
  for silence in [Silence.none, .brief, .long] {
    var promisedTotal = 0
    var decided: ProbeAnswer?
    // Every place at the start, where rows decide; then at growing steps.
    var count = 0
    while count <= min(bytes.count, 300) {
      defer { count += 1 + count / 24 }
      let answer = row.probe(bytes.span.extracting(0..<count), silence)
      if silence == .none, let decided {
        require(answer == decided, "\(row.name) takes back its answer at \(count)")
      }
      switch answer {
      case .needMore(let total):
        require(total > count, "\(row.name) asks for \(total) bytes and has \(count)")
        promisedTotal = max(promisedTotal, total)
      case .yes, .no:
        if silence == .none {
          require(count >= promisedTotal, "\(row.name) decides before it has what it asked for")
          if decided == nil, answer != .yes(.provisional) { decided = answer }
        }
      }
    }
  }
}

// MARK: Framing and answers

private struct Reading {
  var frames: [(start: Int, end: Int, oddities: Oddities)] = []
  var end = 0
  var rejectedAt: Int?

  /// Up to the first rejection: what comes behind it is nobody's.
  func isSame(as other: Reading) -> Bool {
    if rejectedAt != nil || other.rejectedAt != nil {
      let end = min(rejectedAt ?? Int.max, other.rejectedAt ?? Int.max)
      let mine = frames.filter { $0.end <= end }
      let theirs = other.frames.filter { $0.end <= end }
      return mine.elementsEqual(theirs) { $0.start == $1.start && $0.end == $1.end }
    }
    return frames.elementsEqual(other.frames) { $0.start == $1.start && $0.end == $1.end }
  }
}

/// Where a stream of `count` bytes is cut: at a few hundred places at most.
private func pieces(_ seed: UInt8, _ count: Int) -> [Int] {
  var state = UInt64(seed) | 0x100
  var places: [Int] = []
  var place = 0
  while place < count {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    place += 1 + Int(state >> 33) % (seed % 3 == 0 && count <= 64 ? 1 : max(24, count / 16))
    if place < count { places.append(place) }
  }
  return places
}

private func read(
  _ bytes: [UInt8], _ start: FrameReader, pieces: [Int], answers: Bool
) -> Reading {
  var reader = start
  var reading = Reading()
  var arrived = 0
  var transfer: UInt32 = 0
  for end in pieces + [bytes.count] {
    arrived = end
    // A burst ends with the last piece only: then every level of silence is shown.
    for silence in end == bytes.count ? [Silence.none, .brief, .long] : [.none] {
      var isWaiting = false
      while !isWaiting, reading.end < arrived {
        let rest = bytes.span.extracting(reading.end..<arrived)
        switch reader.next(rest, silence: silence) {
        case .needMore(let total):
          require(total > rest.count, "asks for \(total) bytes and has \(rest.count)")
          if silence == .long {
            require(rest.count < Limits.frameBytesMax, "waits for ever")
          }
          isWaiting = true
        case .skip(let byteCount, _):
          require(byteCount > 0 && byteCount <= rest.count, "skips \(byteCount) of \(rest.count)")
          reading.end += byteCount
        case .frame(let byteCount, let oddities):
          require(byteCount > 0 && byteCount <= rest.count, "cuts \(byteCount) of \(rest.count)")
          guard let row = reader.protocolID?.row else { fatalError("a frame of nobody") }
          require(byteCount <= row.frameBytesMax, "\(row.name) cuts \(byteCount) bytes")
          reading.frames.append((reading.end, reading.end + byteCount, oddities))
          if answers { answer(row, rest.extracting(0..<byteCount), &transfer) }
          reading.end += byteCount
        case .reject:
          reading.rejectedAt = reading.end
          return reading
        }
      }
    }
  }
  return reading
}

private func answer(_ row: ProtocolRow, _ frame: Span<UInt8>, _ transfer: inout UInt32) {
  let facts = row.facts(frame)
  if facts.transferNumber != 0 { transfer = facts.transferNumber }
  // As the engine does: what is not answered is not asked for.
  for time in [nil, CalendarTime(secondsSince1970: 1_709_380_800)]
  where facts.isAnswered(under: .generous) {
    var reply = Reply()
    let context = AnswerContext(time: time, transferNumber: transfer)
    _ = row.answer(frame, facts, context, &reply)
    require(reply.count <= Reply.byteCountMax, "the answer is too long")
    if time == nil, facts.answer == .local {
      var none = Reply()
      require(!row.answer(frame, facts, context, &none), "the time without a clock")
    }
  }
  if facts.answer == .never || facts.answer == .upstream {
    require(!facts.isAnswered(under: .generous), "\(row.name) answers what must not be")
  }
  var neutral = Reply()
  _ = row.neutralAnswer(frame, facts, &neutral)
  if let identity = facts.identity {
    require(identity.count > 0 && identity.characterCount > 0, "an empty name")
    for i in 0..<identity.characterCount {
      let character = identity.character(i)
      require(character >= 0x20 && character < 0x7F, "a name that cannot be printed")
    }
  }
}

// MARK: Downlink

private func checkDownlink(_ row: ProtocolRow, _ bytes: [UInt8]) {
  var offset = 0
  var frames: [[UInt8]] = []
  for silence in [Silence.none, .brief, .long] {
    var isWaiting = false
    while !isWaiting, offset < bytes.count {
      let rest = bytes.span.extracting(offset..<bytes.count)
      switch row.downCut(rest, silence) {
      case .needMore(let total):
        require(total > rest.count, "\(row.name) asks for \(total) bytes and has \(rest.count)")
        isWaiting = true
      case .skip(let byteCount, _):
        require(byteCount > 0 && byteCount <= rest.count, "skips \(byteCount) of \(rest.count)")
        offset += byteCount
      case .frame(let byteCount, _):
        require(byteCount > 0 && byteCount <= rest.count, "cuts \(byteCount) of \(rest.count)")
        _ = row.downMeaning(rest.extracting(0..<byteCount))
        frames.append(Array(bytes[offset..<offset + byteCount]))
        offset += byteCount
      }
    }
  }
  // Any frame of the server may come as the answer to any head.
  for (head, answer) in zip(frames, frames.dropFirst()) {
    var reply = Reply()
    _ = row.secondHead(head.span, answer.span, &reply)
  }
  var reply = Reply()
  if let first = frames.first { _ = row.secondHead(bytes.span, first.span, &reply) }
}
