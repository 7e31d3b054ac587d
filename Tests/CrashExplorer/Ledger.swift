// What a spool must know, as plain numbers: for every device the frames it was given, and how far
// they were proven, given up, and durable when the power went.
//
//   ackDurable <= cursor,   durable <= last = frames.count
//
// A frame's content is made of its serial number, which no other frame has, so that any frame that
// comes back can be checked without keeping its bytes.

/// One frame that was appended.
struct LedgerFrame {
  var serial: UInt32
  var login: UInt32
  /// Whether it was delivered before it had to be written.
  var isSpared = false
}

/// One device.
struct LedgerDevice {
  var name: [UInt8]
  var index: DeviceIndex
  /// By sequence: the first one is number 1.
  var frames: [LedgerFrame] = []
  var login: UInt32 = 0
  var durable: UInt32 = 0
  /// Delivered or given up.
  var cursor: UInt32 = 0
  /// What of the cursor the disk must know, now and when the commit under way has succeeded.
  var cursorDurable: UInt32 = 0
  var cursorUnderWay: UInt32 = 0
  /// Frames given up, in total after each time, and through which one.
  var drops: [(through: UInt32, total: Int)] = []

  var last: UInt32 { UInt32(frames.count) }

  /// Frames that must be counted as given up by someone who takes `cursor` for done with.
  func dropCount(through cursor: UInt32) -> Int {
    drops.last { $0.through <= cursor }?.total ?? 0
  }
}

/// The whole spool.
struct Ledger {
  var devices: [LedgerDevice] = []
  var nextSerial: UInt32 = 1
  var now: Int64 = 1_000
  /// The first main segment that was not done with or moved, durably, and when the commit under way has
  /// succeeded.
  var oldestDurable: UInt32 = 0
  var oldestUnderWay: UInt32 = 0

  static func login(_ device: LedgerDevice, _ number: UInt32) -> [UInt8] {
    if number == 0 { return [] }
    return device.name + [
      UInt8(truncatingIfNeeded: number), UInt8(truncatingIfNeeded: number >> 8),
    ]
  }

  /// Mostly small; now and then larger than a sector or a page.
  static func byteCount(_ serial: UInt32) -> Int {
    let mixed = Int(serial &* 0x9E37_79B9 >> 16)
    if mixed % 61 == 0 { return 4_500 }
    if mixed % 13 == 0 { return 700 }
    return 4 + mixed % 60
  }

  static func byte(_ serial: UInt32, _ i: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: (serial &+ UInt32(i) &* 7) >> (8 * UInt32(i % 4)))
  }

  static func frame(_ serial: UInt32) -> [UInt8] {
    (0..<byteCount(serial)).map { byte(serial, $0) }
  }

  static func isFrame(_ serial: UInt32, _ bytes: Span<UInt8>) -> Bool {
    guard bytes.count == byteCount(serial) else { return false }
    for i in 0..<bytes.count where bytes[i] != byte(serial, i) { return false }
    return true
  }
}
