// The identity of one position or alarm: a sequence number hidden in its coordinates, and a
// fingerprint of all its bytes.
//
//   content offset 7   latitude 4    high half fixed, low half = sequence bits 15..0
//   content offset 11  longitude 4   high half fixed, low half = sequence bits 31..16
//
// A position wanders by at most 65 535 / 1 800 000 of a degree, about four kilometres. Sequence
// numbers of a tracker count 0, 1, 2 ... in the order the frames were made, so that the platform can
// judge order, duplicates and gaps without being told anything else.

/// Which frame it is, and whether its bytes are those that were sent.
struct FrameTag: Equatable {
  /// Sequence numbers at or above this are no tracker's of ours.
  static let sequenceMax: UInt32 = 1 << 22

  var sequence: UInt32
  var fingerprint: UInt32

  /// The tag of a position or alarm; `nil` when the frame is too short to carry one.
  init?(_ frame: WireFrame) {
    guard frame.content.count >= 15 else { return nil }
    let low = UInt32(TrackerWire.number16(frame.bytes, frame.contentOffset + 9))
    let high = UInt32(TrackerWire.number16(frame.bytes, frame.contentOffset + 13))
    sequence = high << 16 | low
    fingerprint = Self.fingerprint(of: frame.bytes)
  }

  /// Latitude and longitude that carry `sequence`.
  static func coordinates(_ sequence: UInt32) -> [UInt8] {
    var bytes: [UInt8] = []
    TrackerWire.append(UInt32(0x026C) << 16 | sequence & 0xFFFF, to: &bytes)
    TrackerWire.append(UInt32(0x0C38) << 16 | sequence >> 16, to: &bytes)
    return bytes
  }

  /// FNV-1a over all bytes.
  static func fingerprint(of bytes: [UInt8]) -> UInt32 {
    var hash: UInt32 = 0x811C_9DC5
    for byte in bytes { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
    return hash
  }
}
