// Which devices may have frames in a segment, so that the sweep passes over segments that hold nothing for
// those who want something: a device that comes back after days finds its few frames without reading
// the ring.
//
//   bit (slot of the device table) mod 512; up to 512 devices have one each, more share them
//
// Invariant: the bit of every device with a frame in the segment is set; others may be.
// Source: spool document, section 2.8.

/// A set of devices, perhaps with some more than were put in.
struct DevicePresence {
  private static let wordCount = 8

  private var words = InlineArray<8, UInt64>(repeating: 0)

  /// Every device: nothing is known.
  static var all: DevicePresence {
    var presence = DevicePresence()
    for i in 0..<wordCount { presence.words[i] = .max }
    return presence
  }

  mutating func insert(_ device: DeviceIndex) {
    let bit = device.rawValue % (Self.wordCount * 64)
    words[bit / 64] |= 1 << UInt64(bit % 64)
  }

  func intersects(_ other: DevicePresence) -> Bool {
    for i in 0..<Self.wordCount where words[i] & other.words[i] != 0 { return true }
    return false
  }
}
