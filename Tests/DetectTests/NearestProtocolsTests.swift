// What is said about bytes that no row takes.

import Testing

@testable import Detect

@Suite("The nearest protocols")
struct NearestProtocolsTests {
  private func nearest(_ bytes: Bytes) -> [NearProtocol] {
    let nearest = NearestProtocols(bytes.span)
    return (0..<nearest.count).compactMap { nearest[$0] }
  }

  @Test("Where a row stops is the byte that contradicts it")
  func contradictions() {
    let cases: [(String, ProtocolID, Int)] = [
      // Four bytes and a comma, then a byte that is neither a digit nor a comma.
      ("*HQ,x", .h02, 4),
      // A bracket and two capitals, but no star.
      ("[AB?", .watch, 3),
      ("##,imex:", .coban, 6),
      ("PTX", .pt, 2),
      ("(0123456789a,", .tk103, 12),
      ("#12345678901234567#", .v680, 16),
    ]
    for (text, id, byteCount) in cases {
      let first = nearest(Bytes(text.utf8)).first
      #expect(
        first == NearProtocol(protocolID: id, byteCount: byteCount, wantedByteCount: nil), "\(text)"
      )
    }
    // A position of Topin by its type, whose stop bytes stand at neither place.
    let topin = Bytes([0x78, 0x78, 0x02, 0x08, 1, 2, 3, 4, 5, 6, 7])
    #expect(nearest(topin).contains { $0.protocolID == .topin && $0.byteCount < topin.count })
  }

  @Test("Bytes that nothing begins with are near nothing")
  func nothing() {
    #expect(nearest([0x01, 0x02]).isEmpty)
    #expect(nearest([]).isEmpty)
    #expect(nearest([0x0D, 0x0A]).isEmpty)
  }

  @Test("What fits but is not whole is not contradicted, and padding in front counts")
  func undecided() {
    #expect(
      nearest(Bytes("\r\n[3G".utf8)) == [
        NearProtocol(protocolID: .watch, byteCount: 5, wantedByteCount: 6)
      ])
    // The length of a GT06 login says 17 and five.
    let gt06 = nearest([0x78, 0x78, 0x11, 0x01, 0x01, 0x23]).first
    #expect(gt06 == NearProtocol(protocolID: .gt06, byteCount: 6, wantedByteCount: 22))
  }

  @Test(
    "A row bears exactly the prefixes that its probe does not refuse, and the order is by how many")
  func honest() {
    var random = SeededGenerator(seed: 7)
    for golden in Corpus.uplink {
      var bytes = Bytes(golden.stream.prefix(300))
      bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= .random(in: 1...255, using: &random)
      guard case .reject = Detector.verdict(bytes.span, silence: .long) else { continue }
      let near = nearest(bytes)
      let padding = bytes.prefix(16).prefix { [0, 10, 13, 32].contains($0) }.count
      let start = Bytes(bytes.dropFirst(padding))
      for candidate in near {
        let borne = candidate.byteCount - padding
        let isRefused = (0...start.count).map {
          candidate.protocolID.row.probe(Bytes(start.prefix($0)).span, .none) == .no
        }
        #expect(isRefused.firstIndex(of: true) ?? start.count + 1 == borne + 1)
        let isWaiting =
          if case .needMore = candidate.protocolID.row.probe(start.span, .none) { true } else {
            false
          }
        #expect((candidate.wantedByteCount != nil) == isWaiting)
      }
      #expect(near.map(\.byteCount) == near.map(\.byteCount).sorted(by: >))
    }
  }
}
