// No family claims another's frames, but for the pairs that bytes alone cannot tell apart.

import Testing

@testable import Detect

@Suite("Every family against every frame")
struct MatrixTests {
  /// Whose frames a row may claim beside its own, and why. Source: device-families document,
  /// sections 5.2, 12.2 and 12.4.
  private static func mayClaim(_ claimer: ProtocolID, framesOf owner: ProtocolID) -> Bool {
    switch (claimer, owner) {
    // One magic: told apart by the login, by checksums, or not at all for frames of both shapes.
    case (.gt06, .topin), (.topin, .gt06): true
    // A GT02 session holds GT06's frames too, and the reverse.
    case (.gt06, .gt02), (.gt02, .gt06): true
    default: false
    }
  }

  @Test("A frame is claimed by its own family only", arguments: ProtocolID.allCases)
  func noForeignClaims(_ claimer: ProtocolID) {
    var frameCount = 0
    for golden in Corpus.uplink {
      for frame in golden.frames {
        guard
          let owner = ProtocolID.allCases.first(where: { "\($0.row.name)" == frame.protocolName }),
          owner != claimer, !Self.mayClaim(claimer, framesOf: owner)
        else { continue }
        frameCount += 1
        for silence in [Silence.none, .brief, .long] {
          if case .yes(let confidence) = claimer.row.probe(frame.bytes.span, silence) {
            Issue.record(
              "\(claimer) claims \(confidence) a frame of \(owner): \(frame.bytes.hex) (\(golden.sentence))"
            )
          }
        }
      }
    }
    #expect(frameCount > 0)
  }

  @Test("A well-formed first frame is bound to its own family", arguments: ProtocolID.allCases)
  func ownFramesAreClaimed(_ id: ProtocolID) {
    for golden in Corpus.of("\(id.row.name)") where !golden.isDownlink {
      guard let first = golden.frames.first, case .frame(let bytes)? = golden.pieces.first,
        first.protocolName == "\(id.row.name)", first.oddities.isEmpty
      else { continue }
      guard case .bound(let bound, _, skip: 0) = Detector.verdict(bytes.span, silence: .long) else {
        Issue.record("not bound: \(bytes.hex) (\(golden.sentence))")
        continue
      }
      #expect(bound == id, "\(golden.sentence)")
    }
  }
}
