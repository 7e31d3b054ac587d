// The promises of probes: three answers, moved once, independent of how bytes arrive, and no
// certain claim on another protocol's stream.
//
// Listed ties, where two rows may make claims of equal confidence: none among the golden cases.
// Known by construction: an 18-byte GT06 login with 0D 0A at offset 13, cut there and followed by
// a brief silence, is Topin for certain (device-families document, section 12.2, rule 4).

import Testing

@testable import Detect

@Suite("Probes")
struct ProbeTests {
  /// Streams as a row sees them: without padding in front.
  private static let streams: [(golden: GoldenCase, bytes: Bytes)] = Corpus.uplink.map { golden in
    let isSkipped = golden.pieces.map { if case .skipped = $0 { true } else { false } }
    let padding = isSkipped.first == true ? golden.pieces[0].bytes.count : 0
    return (golden, Bytes(golden.stream.dropFirst(padding)))
  }

  private func answers(_ row: ProtocolRow, _ bytes: Bytes) -> [ProbeAnswer] {
    (0...bytes.count).map { row.probe(Bytes(bytes.prefix($0)).span, .none) }
  }

  @Test("A probe moves once from needing more to yes or no", arguments: ProtocolID.allCases)
  func monotone(_ id: ProtocolID) {
    for (golden, bytes) in Self.streams {
      var decided: ProbeAnswer?
      for (count, answer) in answers(id.row, bytes).enumerated() {
        if let decided {
          #expect(answer == decided, "\(id.row.name) at \(count): \(golden.sentence) \(bytes.hex)")
          if answer != decided { return }
        } else if case .needMore = answer {
          continue
        } else {
          decided = answer
        }
      }
    }
  }

  @Test("A probe keeps its answer until the total it asked for", arguments: ProtocolID.allCases)
  func honest(_ id: ProtocolID) {
    for (golden, bytes) in Self.streams {
      var askedTotal = 0
      for (count, answer) in answers(id.row, bytes).enumerated() {
        if case .needMore(let total) = answer {
          #expect(total > count, "\(id.row.name) at \(count): \(golden.sentence)")
          askedTotal = max(askedTotal, total)
        } else {
          #expect(count >= askedTotal, "\(id.row.name): \(golden.sentence) \(bytes.hex)")
          break
        }
      }
    }
  }

  @Test("The verdict moves once and keeps its answer until the total it asked for")
  func verdict() {
    for golden in Corpus.uplink {
      let bytes = golden.stream
      var decided: Verdict?
      var askedTotal = 0
      for count in 1...bytes.count {
        let verdict = Detector.verdict(Bytes(bytes.prefix(count)).span, silence: .none)
        if let decided {
          #expect(verdict == decided, "at \(count): \(golden.sentence) \(bytes.hex)")
        } else if case .needMore(let total) = verdict {
          #expect(total > count, "at \(count): \(golden.sentence)")
          askedTotal = max(askedTotal, total)
        } else {
          #expect(count >= askedTotal, "at \(count): \(golden.sentence) \(bytes.hex)")
          decided = verdict
        }
      }
    }
  }

  @Test("Another protocol's row makes no claim as strong as the owner's")
  func otherRows() {
    for (golden, bytes) in Self.streams {
      guard let owner = golden.frames.first else { continue }
      for id in ProtocolID.allCases where "\(id.row.name)" != owner.protocolName {
        for count in 1...bytes.count {
          let answer = id.row.probe(Bytes(bytes.prefix(count)).span, .none)
          expectWeaker(answer, than: owner, id, "\(golden.sentence) at \(count)")
        }
        for silence in [Silence.brief, .long] {
          let answer = id.row.probe(bytes.span, silence)
          expectWeaker(answer, than: owner, id, "\(golden.sentence) after \(silence) silence")
        }
      }
    }
  }

  private func expectWeaker(
    _ answer: ProbeAnswer, than owner: SeenFrame, _ id: ProtocolID, _ variant: String
  ) {
    guard case .yes(let confidence) = answer else { return }
    let isWeaker = confidence == .provisional && owner.confidence == "certain"
    #expect(isWeaker, "\(id.row.name) claims \(owner.protocolName): \(variant) \(owner.bytes.hex)")
  }

  @Test("A probe sees nothing wrong in no bytes", arguments: ProtocolID.allCases)
  func empty(_ id: ProtocolID) {
    #expect(id.row.probe(Bytes().span, .none) == .needMore(total: 1))
  }
}
