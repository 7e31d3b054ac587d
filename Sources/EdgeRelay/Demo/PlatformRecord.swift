// What the platform has got from one device, in the order it came.
//
// Invariants: seenCounts.count == fingerprints.count; deliveredCount = sequences seen at least once;
// deliveredCount + duplicateCount = frames taken.

/// The platform's file on one device.
struct PlatformRecord {
  /// The tracker's number, as its name on the wire ends.
  let number: Int
  /// The connection it logged in on last, or -1.
  var connection = -1
  var loginCount = 0
  var heartbeatCount = 0
  /// The numbers in the command replies, in order.
  var commandReplies: [UInt32] = []
  private(set) var deliveredCount = 0
  private(set) var duplicateCount = 0
  /// Frames first seen after one with a higher sequence number.
  private(set) var orderViolationCount = 0
  /// Frames seen twice with different bytes.
  private(set) var contradictionCount = 0
  private var highestSequence = -1
  /// How often each sequence number came, by sequence number; stops counting at 255.
  private var seenCounts: [UInt8] = []
  /// The fingerprint each sequence number had first.
  private var fingerprints: [UInt32] = []

  init(number: Int) { self.number = number }

  /// Takes one report; its sequence is below `FrameTag.sequenceMax`.
  mutating func take(_ tag: FrameTag) {
    let sequence = Int(tag.sequence)
    while seenCounts.count <= sequence {
      seenCounts.append(0)
      fingerprints.append(0)
    }
    if seenCounts[sequence] > 0 {
      duplicateCount += 1
      if fingerprints[sequence] != tag.fingerprint { contradictionCount += 1 }
      if seenCounts[sequence] < 255 { seenCounts[sequence] += 1 }
      return
    }
    seenCounts[sequence] = 1
    fingerprints[sequence] = tag.fingerprint
    deliveredCount += 1
    if sequence < highestSequence { orderViolationCount += 1 }
    highestSequence = max(highestSequence, sequence)
  }

  /// One more than the highest sequence number that came.
  var sequenceEnd: Int { seenCounts.count }

  /// How often the frame came.
  func seenCount(_ sequence: Int) -> Int {
    sequence < seenCounts.count ? Int(seenCounts[sequence]) : 0
  }

  /// The fingerprint of the frame when it came first; meaningless when it never did.
  func fingerprint(_ sequence: Int) -> UInt32 { fingerprints[sequence] }
}
