// Asks every row and settles ties.
//
//   1. Up to `Limits.paddingBytesMax` bytes of 00, 0D, 0A, 20 before the first frame are skipped.
//   2. A row's *yes* wins when no row that could still beat it says *need more*. A certain yes
//      beats a provisional one; between equals the better rank (order of `ProtocolID`) wins.
//      After a brief silence a row that still needs more holds up nobody.
//   3. All *no*: the stream is refused at once, which is what scanners (HTTP, TLS, SSH) meet.
//
// Invariant: the verdict for a prefix moves from `needMore` to a decision once. It does not depend
// on how the network cut the bytes, only on the bytes and on the silence after them.
// Source: device-families document, sections 12.1 and 12.2; probe rules as sslh's, see docs.

/// Decides which protocol a stream or datagram speaks.
public enum Detector {
  /// The verdict on `bytes`, the start of a stream, after `silence` without a further byte.
  public static func verdict(_ bytes: Span<UInt8>, silence: Silence) -> Verdict {
    var skip = 0
    while skip < bytes.count, skip < Limits.paddingBytesMax, isPadding(bytes[skip]) { skip += 1 }
    if skip == bytes.count { return .needMore(total: bytes.count + 1) }
    // However much has arrived, the rows see no more than an undecided stream may grow to.
    let start = bytes.extracting(skip..<min(bytes.count, Limits.detectionBytesMax))

    var best: ProtocolID? = nil
    var bestConfidence = Confidence.provisional
    var wantedTotal = Int.max
    var undecidedAboveBest = false
    for rank in 0..<ProtocolID.count {
      let candidate = ProtocolID.ranked(rank)
      switch candidate.row.probe(start, silence) {
      case .no:
        continue
      case .needMore(let total):
        wantedTotal = min(wantedTotal, skip + total)
        // A certain yes of a better rank cannot be beaten by this row any more.
        let canStillWin = best == nil || bestConfidence == .provisional
        if canStillWin, silence == .none { undecidedAboveBest = true }
      case .yes(let confidence):
        if best == nil || confidence > bestConfidence {
          best = candidate
          bestConfidence = confidence
        }
      }
    }
    if let best, !undecidedAboveBest { return .bound(best, bestConfidence, skip: skip) }
    if wantedTotal == Int.max { return .reject(.unknownStart) }
    if bytes.count >= Limits.detectionBytesMax { return .reject(.undecided) }
    return .needMore(total: wantedTotal)
  }

  static func isPadding(_ byte: UInt8) -> Bool {
    byte == 0x00 || byte == 0x0D || byte == 0x0A || byte == 0x20
  }
}
