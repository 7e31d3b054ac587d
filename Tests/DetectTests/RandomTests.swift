// Random and damaged streams: the reader never traps, always makes progress, keeps every limit, and
// comes to the same result however the network cuts the bytes.
//
// Every run prints its seed. `EDGERELAY_TEST_SEED` in the environment replaces the fixed seeds.

import Foundation
import Testing

@testable import Detect

/// SplitMix64: small, and the same on every machine.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }

  mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }

  mutating func byte() -> UInt8 { UInt8.random(in: .min ... .max, using: &self) }

  /// `stream` in pieces of 1 to `byteCountMax` bytes.
  mutating func cut(_ stream: Bytes, _ byteCountMax: Int) -> [Bytes] {
    var pieces: [Bytes] = []
    var offset = 0
    while offset < stream.count {
      let end = min(offset + 1 + below(byteCountMax), stream.count)
      pieces.append(Bytes(stream[offset..<end]))
      offset = end
    }
    return pieces
  }

  /// Bytes among which marks, stop bytes and small lengths are frequent.
  mutating func markedBytes(_ count: Int) -> Bytes {
    let frequent: Bytes = [0x78, 0x78, 0x79, 0x68, 0x0D, 0x0A, 0x00, 0x01, 0x05, 0x0D, 0x10, 0x69]
    var bytes: Bytes = []
    while bytes.count < count {
      switch below(10) {
      case 0: bytes += [0x78, 0x78]
      case 1: bytes += [0x0D, 0x0A]
      case 2: bytes += [0x79, 0x79, 0x00]
      case 3: bytes += [0x0D, 0x0A, 0x78, 0x78]
      case 4: bytes.append(byte())
      default: bytes.append(frequent[below(frequent.count)])
      }
    }
    return Bytes(bytes.prefix(count))
  }

  /// Damages `stream` in up to four places.
  mutating func damaged(_ stream: Bytes) -> Bytes {
    var bytes = stream
    for _ in 0...below(4) where !bytes.isEmpty {
      let place = below(bytes.count)
      switch below(6) {
      case 0: bytes[place] ^= 1 << UInt8(below(8))
      case 1: bytes[place] = byte()
      case 2: bytes.remove(at: place)
      case 3: bytes.insert(byte(), at: place)
      case 4: bytes.removeLast(min(bytes.count - 1, below(12)))
      default: bytes.replaceSubrange(place..<place, with: markedBytes(below(6)))
      }
    }
    return bytes
  }
}

@Suite("Random streams")
struct RandomTests {
  static let seeds: [UInt64] = {
    let given = ProcessInfo.processInfo.environment["EDGERELAY_TEST_SEED"].flatMap { UInt64($0) }
    let seeds: [UInt64] = given.map { [$0] } ?? [1, 2, 3, 4]
    print("random streams use the seeds \(seeds)")
    return seeds
  }()

  /// Plays `stream` whole and in random pieces: no fault, and the same result.
  private func play(
    _ stream: Bytes, _ generator: inout SeededGenerator, _ seed: UInt64,
    _ start: FrameReader = FrameReader()
  ) -> Bool {
    let whole = see([.bytes(stream)], with: start)
    let pieces = generator.cut(stream, 1 + generator.below(40))
    let inPieces = see(pieces.map { .bytes($0) }, with: start)
    if whole.fault == nil, whole.untilRejection == inPieces.untilRejection {
      let frameBytes = whole.frames.reduce(0) { $0 + $1.bytes.count }
      let skippedBytes = whole.skipped.reduce(0) { $0 + $1.count }
      let total = frameBytes + skippedBytes + whole.unread.count
      if whole.rejection != nil || total == stream.count { return true }
    }
    Issue.record(
      """
      seed \(seed), stream \(stream.hex)
      pieces \(pieces.map(\.count))
      whole \(whole)
      in pieces \(inPieces)
      """)
    return false
  }

  private static let bindings: [FrameReader] =
    [FrameReader()]
    + ProtocolID.allCases.flatMap {
      [FrameReader(boundTo: $0, .provisional), FrameReader(boundTo: $0, .certain)]
    }

  @Test("Any bytes are read to the end, the same in any pieces", arguments: seeds)
  func anyBytes(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    for round in 0..<600 {
      let count = 1 + generator.below(round % 20 == 0 ? 6_000 : 300)
      let bytes = (0..<count).map { _ in generator.byte() }
      let start = Self.bindings[generator.below(Self.bindings.count)]
      if !play(bytes, &generator, seed, start) { return }
    }
  }

  @Test("Bytes full of marks are read to the end, the same in any pieces", arguments: seeds)
  func markedBytes(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    for round in 0..<2_000 {
      var bytes = generator.markedBytes(1 + generator.below(round % 100 == 0 ? 3_000 : 120))
      if round % 2 == 0 { bytes = [0x78, 0x78] + bytes }
      let start = Self.bindings[generator.below(Self.bindings.count)]
      if !play(bytes, &generator, seed, start) { return }
    }
  }

  @Test("Damaged frames are read to the end, the same in any pieces", arguments: seeds)
  func damagedFrames(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    for golden in Corpus.uplink {
      for _ in 0..<8 {
        let other = Corpus.uplink[generator.below(Corpus.uplink.count)]
        let stream = generator.damaged(golden.stream) + generator.damaged(other.stream)
        if !play(stream, &generator, seed) { return }
      }
    }
  }

  @Test("Golden streams give the same frames in any pieces", arguments: seeds)
  func randomCuts(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    for golden in Corpus.uplink {
      for byteCountMax in [2, 9, 60] {
        let pieces = generator.cut(golden.stream, byteCountMax)
        let variant = "seed \(seed), pieces \(pieces.map(\.count))"
        if !golden.expect(see(pieces.map { .bytes($0) }), variant) { return }
      }
    }
  }

  @Test("A good frame behind any garbage is found once bound", arguments: seeds)
  func resynchronisation(_ seed: UInt64) throws {
    let login = try #require(Bytes(hex: "78780D01012345678901234500018CDD0D0A"))
    let heartbeat = try #require(Bytes(hex: "78780A134401040001000508450D0A"))
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<2_000 {
      // Without the bytes of marks and stops, so that nothing in it looks like a frame.
      let garbage = (0..<generator.below(200)).map { _ in UInt8(0x80 + generator.below(0x80)) }
      let seen = see(login + garbage + heartbeat + heartbeat)
      #expect(seen.frames.map(\.bytes) == [login, heartbeat, heartbeat], "seed \(seed)")
    }
  }

  @Test("A probe of any bytes moves once and keeps its word", arguments: seeds)
  func probes(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    for round in 0..<1_500 {
      let golden = Corpus.uplink[generator.below(Corpus.uplink.count)]
      var bytes = generator.damaged(golden.stream)
      if round % 3 == 0 { bytes = [0x78, 0x78] + generator.markedBytes(60) }
      bytes = Bytes(bytes.prefix(120))
      for id in ProtocolID.allCases {
        var decided: ProbeAnswer?
        var askedTotal = 0
        for count in 0...bytes.count {
          let answer = id.row.probe(Bytes(bytes.prefix(count)).span, .none)
          if case .needMore(let total) = answer, decided == nil {
            askedTotal = max(askedTotal, total)
            if total > count { continue }
          }
          if count >= askedTotal, decided == nil || decided == answer {
            decided = answer
            continue
          }
          Issue.record("seed \(seed), \(id.row.name) at \(count) of \(bytes.hex): \(answer)")
          return
        }
      }
    }
  }

  @Test("Any server's bytes are read to the end, the same in any pieces", arguments: seeds)
  func downlink(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    for round in 0..<3_000 {
      let golden = Corpus.all[generator.below(Corpus.all.count)]
      var bytes = generator.damaged(golden.stream)
      if round % 3 == 0 { bytes = generator.markedBytes(1 + generator.below(120)) }
      for id in ProtocolID.allCases {
        let pieces = generator.cut(bytes, 20)
        let whole = seeDownlink([bytes], id.row)
        if whole.fault == nil, whole == seeDownlink(pieces, id.row) { continue }
        Issue.record(
          """
          seed \(seed), \(id.row.name): \(bytes.hex) pieces \(pieces.map(\.count))
          whole \(whole)
          in pieces \(seeDownlink(pieces, id.row))
          """)
        return
      }
    }
  }

  @Test("The answer to any frame is short, whatever its content", arguments: seeds)
  func answers(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<3_000 {
      let golden = Corpus.uplink[generator.below(Corpus.uplink.count)]
      let stream = generator.damaged(golden.stream)
      for id in ProtocolID.allCases {
        // Building `Seen` asks for facts and answers; a too long answer would trap on the way.
        let seen = see([.bytes(stream)], with: FrameReader(boundTo: id, .certain))
        for frame in seen.frames {
          for answer in [frame.minimalAnswer, frame.generousAnswer, frame.neutralAnswer] {
            #expect(answer?.count ?? 0 <= Reply.byteCountMax, "seed \(seed) \(stream.hex)")
          }
          #expect(frame.minimalAnswer == nil || frame.minimalAnswer == frame.generousAnswer)
        }
      }
    }
  }
}
