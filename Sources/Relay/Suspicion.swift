// A frame in front of which a device's sessions with the platform keep breaking.
//
//   broken  what is done
//   0 - 2   nothing: paths break
//   3 - 5   the frame is sent alone, so that no other can be to blame
//   6 - 8   the frame is kept back, the next one is sent alone, and when that is proven, the frame
//           behind it on the same connection
//   9       the next frame broke the session too: the platform breaks with the device, not over a
//           frame. From 3 again, ever slower
//
// A session that breaks over the frame behind a proven one convicts it; the second time it is put into
// quarantine, and the device's other frames go on. What the device repeats of it byte by byte, directly behind it,
// is kept back and settled with it. Nothing less decides, because a bad path breaks
// sessions as well. A frame that was only unlucky has gone behind its neighbour then. A restart begins
// anew.
// Source: design document, section 7.

import Queue

/// What is held against a device's first undelivered frame.
struct Suspicion {
  enum Measure: UInt8 { case none, alone, behind }

  private static let aloneCount = 3
  private static let behindCount = 6
  private static let endCount = 9
  private static let convictionCountMax = 2

  private(set) var sequence = SequenceNumber(0)
  private(set) var brokenCount = 0
  private var convictionCount = 0
  /// The frame, while it is kept back.
  var bytes: [UInt8] = []
  /// The last of those kept back: what the device repeats byte by byte behind it is the same frame, and no neighbour.
  var last = SequenceNumber(0)
  /// The login it was received under.
  var login: [UInt8] = []
  /// The stored frame that the kept one is sent behind, and is settled with.
  var neighbour: InFlight?

  var measure: Measure {
    if brokenCount < Self.aloneCount { return .none }
    return brokenCount < Self.behindCount ? .alone : .behind
  }

  /// Nothing is held against any frame.
  @inline(never)
  mutating func end() { self = Suspicion() }

  /// A session has broken with `first` as the earliest unproven frame.
  mutating func noteBreak(at first: SequenceNumber) {
    if brokenCount == 0 || first != sequence { end() }
    sequence = first
    brokenCount += 1
  }

  /// A session has broken over the frame behind the kept one; returns whether the platform seems to
  /// break with the device whatever it sends.
  mutating func noteNeighbourBroke() -> Bool {
    brokenCount += 1
    if brokenCount < Self.endCount { return false }
    brokenCount = Self.aloneCount
    return true
  }

  /// A session has broken over the frame behind a proven one; returns whether that is enough.
  mutating func convict() -> Bool {
    convictionCount += 1
    return convictionCount == Self.convictionCountMax
  }
}
