// Walks one side of a conversation as its peer met it: burst by burst, with the silence behind each.
//
// Arrivals without a pause between them are one burst, because detection and framing do not depend on how
// the network cut the bytes. A burst that nothing can follow in the same stream (the end, bytes that
// were not captured, the end of a datagram) is cut: whoever waits for more waits in vain.

import Detect

/// The bytes to be read next.
struct BurstCursor {
  private let isStream: Bool
  /// The first byte not yet consumed; the reader moves it.
  var offset = 0
  /// Behind the last byte that is there.
  private(set) var limit = 0
  /// What the reader is to be told about the time since.
  private(set) var silence = Silence.none
  /// Bytes that are missing in front of `offset`; whoever reports them sets it back.
  var missingByteCount: Int64 = 0
  /// The silence in front of the next burst.
  private var pause = Silence.none
  private var isCut = false
  /// The first arrival that is not there yet.
  private var arrival = 0

  init(isStream: Bool) { self.isStream = isStream }

  /// Makes sure that there are bytes behind `offset`; `false` at the end of the side.
  mutating func load(_ side: CapturedBytes) -> Bool {
    if offset < limit { return true }
    guard arrival < side.arrivals.count else { return false }
    missingByteCount = side.arrivals[arrival].missingByteCount
    extend(side)
    return true
  }

  /// Grants more silence or more bytes; `false` when there is neither.
  mutating func deepen(_ side: CapturedBytes) -> Bool {
    if silence < pause {
      silence = silence == .none ? .brief : .long
      return true
    }
    if isCut { return false }
    extend(side)
    return true
  }

  /// The milliseconds at which the byte before `offset` came.
  func milliseconds(_ side: CapturedBytes) -> Int64 {
    arrival > 0 ? side.arrivals[arrival - 1].milliseconds : 0
  }

  /// Takes in arrivals up to the next pause.
  private mutating func extend(_ side: CapturedBytes) {
    silence = isStream ? .none : .long
    repeat {
      let current = side.arrivals[arrival]
      arrival += 1
      limit = current.end
      isCut =
        !isStream || arrival == side.arrivals.count || side.arrivals[arrival].missingByteCount > 0
      if isCut {
        pause = .long
      } else {
        let milliseconds = side.arrivals[arrival].milliseconds - current.milliseconds
        pause =
          milliseconds >= Limits.longSilence
          ? .long : milliseconds >= Limits.briefSilence ? .brief : .none
      }
    } while pause == .none
  }
}
