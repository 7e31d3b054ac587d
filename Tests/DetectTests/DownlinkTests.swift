// Cutting the server's bytes, and telling answers from commands.
// Source: device-families document, section 3.6 and section 4, point 6.

import Testing

@testable import Detect

@Suite("Downlink")
struct DownlinkTests {
  private func row(_ golden: GoldenCase) -> ProtocolRow? {
    ProtocolID.allCases.map(\.row).first { "\($0.name)" == golden.fileName }
  }

  private func expected(_ golden: GoldenCase) -> [SeenDown] {
    golden.pieces.compactMap { piece in
      guard case .down(let bytes, let meaning) = piece else { return nil }
      return SeenDown(bytes: bytes, meaning: meaning)
    }
  }

  private func expect(_ golden: GoldenCase, _ pieces: [Bytes], _ variant: String) {
    guard let row = row(golden) else { return }
    let seen = seeDownlink(pieces, row)
    if seen == SeenDownlink(frames: expected(golden)) { return }
    Issue.record(
      """
      \(golden.sentence) [\(variant)]
      \(golden.stream.hex)
      want \(expected(golden))
      got \(seen.frames) unread \(seen.unread.hex) \(seen.fault ?? "")
      """)
  }

  @Test("The server's frames are the same however they arrive", arguments: Corpus.downlink)
  func golden(_ golden: GoldenCase) {
    let stream = golden.stream
    expect(golden, [stream], "whole")
    expect(golden, stream.map { [$0] }, "byte by byte")
    expect(golden, golden.pieceBytes, "piece by piece")
    for place in 1..<stream.count {
      expect(golden, [Bytes(stream[..<place]), Bytes(stream[place...])], "cut in two at \(place)")
    }
  }

  @Test("The server's frames are given as soon as they are whole, without a silence")
  func promptly() {
    for golden in Corpus.downlink {
      guard let row = row(golden) else { continue }
      let seen = seeDownlink([golden.stream], row, silences: [])
      #expect(seen.frames == expected(golden), "\(golden.sentence)")
    }
  }

  @Test("Glued downlink cases give the frames of both", arguments: ProtocolID.allCases)
  func glued(_ id: ProtocolID) {
    let cases = Corpus.downlink.filter { $0.fileName == "\(id.row.name)" }
    for a in cases {
      for b in cases {
        let seen = seeDownlink([a.stream + b.stream], id.row)
        let want = SeenDownlink(frames: expected(a) + expected(b))
        #expect(seen == want, "\(a.sentence) GLUED TO \(b.sentence)")
      }
    }
  }

  @Test("Zeros and line ends between the server's frames are skipped")
  func padded() {
    for golden in Corpus.downlink {
      guard let row = row(golden), !golden.marks.contains("no-pause") else { continue }
      let stream = golden.pieceBytes.flatMap { $0 + ([0x00, 0x0D, 0x0A] as Bytes) }
      #expect(seeDownlink([stream], row).frames == expected(golden), "\(golden.sentence)")
    }
  }

  @Test("Our own answers are recognised as answers to the same frame")
  func ownAnswers() {
    for golden in Corpus.uplink {
      for frame in golden.frames {
        guard let answer = frame.generousAnswer else { continue }
        guard let id = ProtocolID.allCases.first(where: { "\($0.row.name)" == frame.protocolName })
        else { continue }
        let key = id.row.facts(frame.bytes.span).key
        // A server answers neither text events nor unknown types with a known shape.
        if id == .gt06 || id == .gt02, frame.bytes.first != 0x68,
          !Self.answerTypes.contains(UInt8(key.type & 0xFF)), key.type != 0x8A
        {
          continue
        }
        // What clears an alarm goes to the device whoever sends it.
        if id == .coban, answer.starts(with: Bytes("**,".utf8)) { continue }
        let want = [SeenDown(bytes: answer, meaning: DownlinkMeaning.answer(key).text)]
        let seen = seeDownlink([answer], id.row)
        #expect(seen.frames == want, "\(golden.sentence) \(frame.bytes.hex)")
      }
    }
  }

  /// The types whose empty frame is an answer, as the document lists them.
  static let answerTypes: Set<UInt8> = Set(
    [
      0x01...0x01, 0x10...0x14, 0x16...0x16, 0x18...0x18, 0x19...0x19, 0x1E...0x1E, 0x1F...0x1F,
      0x22...0x28, 0x2C...0x2E, 0x31...0x41, 0x61...0x70, 0x8C...0x8C, 0x94...0x94, 0x95...0x95,
      0xA0...0xA9, 0xB0...0xB0, 0xB2...0xB2, 0xF1...0xF3,
      // Shaped like answers although the types also carry commands.
      0x15...0x15, 0x17...0x17, 0x1A...0x1A, 0x21...0x21, 0x9B...0x9B,
    ].flatMap { $0 as ClosedRange<UInt8> })

  @Test("A GT06 server's empty frame is an answer exactly for the types that have one")
  func emptyFramesOfEveryType() {
    for type in UInt8.min...UInt8.max {
      let short: Bytes = [0x78, 0x78, 0x05, type, 0xAB, 0xCD, 0x00, 0x00, 0x0D, 0x0A]
      let long: Bytes = [0x79, 0x79, 0x00, 0x05, type, 0xAB, 0xCD, 0x00, 0x00, 0x0D, 0x0A]
      let isAnswer = Self.answerTypes.contains(type) || type == 0x8A
      let key = AnswerKey(type: UInt16(type), serial: 0xABCD)
      let want: DownlinkMeaning = isAnswer ? .answer(key) : .command
      for frame in [short, long] {
        #expect(ProtocolID.gt06.row.downMeaning(frame.span) == want, "\(frame.hex)")
      }
    }
  }

  @Test("A GT06 server's frame with content is a command, unless it is the time")
  func fullFramesOfEveryType() {
    for type in UInt8.min...UInt8.max where type != 0x8A {
      let short: Bytes = [0x78, 0x78, 0x06, type, 0x01, 0xAB, 0xCD, 0x00, 0x00, 0x0D, 0x0A]
      #expect(ProtocolID.gt06.row.downMeaning(short.span) == .command, "\(short.hex)")
    }
  }

  @Test("A half frame of the server is never delivered", arguments: Corpus.downlink)
  func halfFrames(_ golden: GoldenCase) {
    guard let row = row(golden), let first = golden.pieces.first?.bytes,
      !golden.marks.contains("no-pause")
    else { return }
    for count in 1..<first.count {
      let seen = seeDownlink([Bytes(first.prefix(count))], row)
      #expect(seen.frames.isEmpty, "\(golden.sentence) broken off after \(count)")
    }
  }
}
