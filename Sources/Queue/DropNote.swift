// Frames given up, as they are written to disk: device number 4, first and last sequence 4 each,
// count 4, reason 1, zero 3; little-endian.

/// Why frames were given up.
enum DropReason: UInt8 {
  /// The ring was full and these were the oldest.
  case evicted = 1
  /// They did not validate when they were read back.
  case damaged = 2
}

/// One device's loss, counted.
struct DropNote {
  static let byteCount = 20

  var device: UInt32
  var first: SequenceNumber
  var last: SequenceNumber
  var count: UInt32
  var reason: DropReason

  func write(to buffer: PageBuffer, at offset: Int) {
    buffer.store(device, at: offset)
    buffer.store(first.rawValue, at: offset + 4)
    buffer.store(last.rawValue, at: offset + 8)
    buffer.store(count, at: offset + 12)
    buffer.store(UInt32(reason.rawValue), at: offset + 16)
  }
}
