// Runs every golden case through the reader in every way the network may deliver it.
//
// Whatever the delivery, the frames, their boundaries, oddities, facts, identities and answers must
// be those of the golden file. The format of the files is described in GoldenCase.swift.

import Testing

@testable import Detect

@Suite("Golden cases of devices")
struct GoldenTests {
  @Test("Every protocol has a golden file of well-formed cases")
  func filesAreWellFormed() {
    for id in ProtocolID.allCases {
      let cases = Corpus.of("\(id.row.name)")
      #expect(cases.count >= (ForwardOnlyRows.names.contains("\(id.row.name)") ? 2 : 12))
      #expect(Set(cases.map(\.sentence)).count == cases.count, "a sentence stands twice")
    }
    for golden in Corpus.all {
      #expect(!golden.source.isEmpty, "\(golden.sentence) has no source")
      #expect(!golden.pieces.isEmpty, "\(golden.sentence) has no bytes")
    }
    for golden in Corpus.uplink {
      let frameCount = golden.pieces.filter { if case .frame = $0 { true } else { false } }.count
      #expect(golden.frames.count == frameCount, "\(golden.sentence) lacks an expectation")
    }
  }

  @Test("A case that arrives whole gives its frames", arguments: Corpus.uplink)
  func whole(_ golden: GoldenCase) {
    golden.expect(see(golden.stream), "whole")
  }

  @Test("A case that arrives byte by byte gives its frames", arguments: Corpus.uplink)
  func byteByByte(_ golden: GoldenCase) {
    golden.expect(seeByteByByte(golden.stream), "byte by byte")
  }

  @Test("A case cut in two anywhere gives its frames", arguments: Corpus.uplink)
  func cutInTwo(_ golden: GoldenCase) {
    let stream = golden.stream
    for place in places(in: stream) {
      let halves = [Bytes(stream[..<place]), Bytes(stream[place...])]
      let seen = see(halves.map { .bytes($0) })
      if !golden.expect(seen, "cut in two at \(place)") { return }
    }
  }

  @Test("A pause anywhere inside a case with true lengths changes nothing", arguments: pausable)
  func pauseAnywhere(_ golden: GoldenCase) {
    let stream = golden.stream
    for place in places(in: stream) {
      let seen = see([.bytes(Bytes(stream[..<place])), .pause, .bytes(Bytes(stream[place...]))])
      if !golden.expect(seen, "pause at \(place)") { return }
    }
  }

  @Test("Frames with true lengths are given as soon as they are whole, without a silence")
  func promptly() {
    for golden in Corpus.uplink where golden.hasOnlyFrames && !golden.hasLyingLength {
      // The first frame of Topin may need the next one to be told from GT06.
      if golden.frames.first?.protocolName == "topin", golden.frames.count < 2 { continue }
      if golden.endsBySilence { continue }
      golden.expect(seeWithoutSilence(golden.stream), "no silence", comparing: .frames)
    }
  }

  @Test("A case whose frames arrive one by one, with pauses, gives its frames")
  func pauseBetweenFrames() {
    for golden in Corpus.uplink {
      let arrivals = golden.pieceBytes.flatMap { [Arrival.bytes($0), .pause] }
      golden.expect(see(arrivals), "pauses between frames", comparing: .frames)
    }
  }

  static let pausable = Corpus.uplink.filter {
    !$0.hasLyingLength && !$0.marks.contains("no-pause")
  }

  @Test("Two cases on one connection give the frames of both", arguments: ProtocolID.allCases)
  func gluedToNeighbours(_ id: ProtocolID) {
    let cases = Corpus.of("\(id.row.name)").filter { !$0.isDownlink }
    var pairCount = 0
    for (indexA, a) in cases.enumerated() {
      for (indexB, b) in cases.enumerated() where a.mayPrecede(b) {
        pairCount += 1
        let stream = a.stream + b.stream
        expectBoth(a, b, see(stream), "whole")
        let areNeighbours = abs(indexA - indexB) == 1
        if areNeighbours { expectBoth(a, b, seeByteByByte(stream), "byte by byte") }
      }
    }
    #expect(pairCount > cases.count * cases.count / 2)
  }

  private func expectBoth(_ a: GoldenCase, _ b: GoldenCase, _ seen: Seen, _ variant: String) {
    let want = (a.frames + b.frames).map(\.withoutConfidence)
    if seen.frames.map(\.withoutConfidence) == want, seen.fault == nil { return }
    Issue.record(
      """
      \(a.sentence) GLUED TO \(b.sentence) [\(variant)]
      \(a.stream.hex) \(b.stream.hex)
      want \(want)
      got \(seen)
      """)
  }

  @Test("All cases of a protocol on one connection give all frames", arguments: ProtocolID.allCases)
  func allGluedTogether(_ id: ProtocolID) {
    var chain: [GoldenCase] = []
    for golden in Corpus.of("\(id.row.name)") where !golden.isDownlink {
      if chain.last?.mayPrecede(golden) ?? !golden.marks.contains("alone") {
        chain.append(golden)
      }
    }
    let arrivals = chain.flatMap(\.stream).chunked(97)
    let seen = see(arrivals.map { .bytes($0) })
    let want = chain.flatMap(\.frames).map(\.withoutConfidence)
    #expect(seen.fault == nil)
    #expect(seen.frames.count == want.count)
    for (got, want) in zip(seen.frames.map(\.withoutConfidence), want) {
      #expect(got == want)
      if got != want { return }
    }
  }

  /// Cases without garbage of their own and without a change of mind.
  static let clean = Corpus.uplink.filter { $0.marks.isEmpty && $0.hasOnlyFrames }

  static let garbage: [Bytes] = [
    Bytes("#BCE#\r\n".utf8), [0x41, 0x78, 0x42, 0x79, 0x43], [0xFF, 0xFE, 0x68, 0x01],
    [0x54, 0x68, 0x1A, 0x0D, 0x0A], [0x00, 0x0D, 0x0A],
  ]

  @Test("Garbage behind a frame of a bound stream is skipped", arguments: garbage)
  func garbageInOneBurst(_ garbage: Bytes) {
    for golden in Self.clean where !golden.hasLyingLength && !golden.endsBySilence {
      // A first Topin login is only known by what follows it.
      let clean = golden.frames.first?.protocolName == "topin" ? 2 : 1
      guard golden.frames.count >= clean else { continue }
      var frameCount = 0
      var stream: Bytes = []
      for piece in golden.pieces {
        stream += piece.bytes
        if case .frame = piece { frameCount += 1 }
        if frameCount >= clean { stream += garbage }
      }
      golden.expect(see(stream), "garbage \(garbage.hex)", comparing: .frames)
      golden.expect(seeByteByByte(stream), "garbage \(garbage.hex) by bytes", comparing: .frames)
    }
  }

  @Test("Garbage in a burst of its own is skipped, whatever the frame before", arguments: garbage)
  func garbageInItsOwnBurst(_ garbage: Bytes) {
    for golden in Self.clean {
      var arrivals: [Arrival] = []
      for piece in golden.pieces {
        arrivals += [.bytes(piece.bytes), .pause]
        // A frame with too large a length swallows garbage until a mark follows.
        if case .frame = piece, !golden.hasLyingLength { arrivals += [.bytes(garbage), .pause] }
      }
      let variant = "burst of garbage \(garbage.hex)"
      golden.expect(see(arrivals), variant, comparing: .frames)
    }
  }

  @Test("Padding before the first frame is skipped")
  func paddingInFront() {
    for golden in Corpus.uplink where !golden.marks.contains("first") {
      let seen = see([0x0D, 0x0A, 0x00, 0x20] + golden.stream)
      golden.expect(seen, "padding in front", comparing: .frames)
    }
  }

  @Test("Garbage before the first frame refuses the stream at once")
  func garbageInFront() {
    for golden in Corpus.uplink {
      let seen = see(Bytes("#BCE#\r\n".utf8) + golden.stream)
      #expect(seen.rejection == .unknownStart, "\(golden.sentence)")
      #expect(seen.frames.isEmpty, "\(golden.sentence)")
    }
  }

  /// Where to cut: everywhere, or at every few bytes of a long stream.
  private func places(in stream: Bytes) -> StrideTo<Int> {
    stride(from: 1, to: stream.count, by: 1 + stream.count / 300)
  }
}

extension GoldenCase {
  enum Compared { case everything, frames }

  /// What the reader must make of this case.
  var expectedSeen: Seen {
    var want = Seen(frames: frames)
    var offset = 0
    for piece in pieces {
      let end = offset + piece.bytes.count
      switch piece {
      case .frame, .down: break
      case .skipped: want.skip(offset..<end)
      case .waiting(let bytes): want.unread = bytes
      }
      offset = end
    }
    return want
  }

  /// Records an issue with everything needed to repeat the run when `seen` is not as expected.
  @discardableResult
  func expect(_ seen: Seen, _ variant: String, comparing: Compared = .everything) -> Bool {
    let want = expectedSeen
    switch comparing {
    case .everything where seen == want: return true
    case .frames where seen.frames == want.frames && seen.fault == nil: return true
    case .everything, .frames: break
    }
    Issue.record(
      """
      \(sentence) [\(variant)]
      \(pieceBytes.map(\.hex).joined(separator: " "))
      want \(want)
      got \(seen)
      """)
    return false
  }
}

extension Array where Element == UInt8 {
  /// Pieces of `byteCount` bytes, the last one shorter.
  func chunked(_ byteCount: Int) -> [Bytes] {
    stride(from: 0, to: count, by: byteCount).map {
      Bytes(self[$0..<Swift.min($0 + byteCount, count)])
    }
  }
}

/// Dialects that are forwarded and never answered have little to show.
enum ForwardOnlyRows {
  static let names = ["v680", "pt", "xexun"]
}
