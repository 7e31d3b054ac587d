// The identity of one report: its tracker's sequence number, which every speech hides in its own way,
// and a fingerprint of all its bytes.
//
// Sequence numbers of a tracker count 0, 1, 2 ... in the order the frames were made, so that the
// platform can judge order, duplicates and gaps without being told anything else.

/// Which frame it is, and whether its bytes are those that were sent.
struct FrameTag: Equatable {
  /// Sequence numbers at or above this are no tracker's of ours.
  static let sequenceMax: UInt32 = 1 << 22

  var sequence: UInt32
  var fingerprint: UInt32

  /// The tag of a report with these bytes.
  init(_ sequence: UInt32, of bytes: [UInt8]) {
    self.sequence = sequence
    fingerprint = Self.fingerprint(of: bytes)
  }

  /// FNV-1a over all bytes.
  static func fingerprint(of bytes: [UInt8]) -> UInt32 {
    var hash: UInt32 = 0x811C_9DC5
    for byte in bytes { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
    return hash
  }
}
