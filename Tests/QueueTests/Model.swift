// What the spool must know, as plain arrays: every frame ever appended, per device.
//
//   cursor <= sent <= last,   durable <= last,   last = base + frames.count
//
// `safe` is how far frames may be missing without being counted anew: their delivery was proven, or
// the record of their loss was durable.

@testable import Queue

/// One frame of the reference.
struct ModelFrame {
  var serial: UInt32
  var byteCount: Int
  var login: [UInt8]

  /// The frame's content, which no other frame has.
  var bytes: [UInt8] {
    var bytes = [UInt8](repeating: 0, count: byteCount)
    for i in 0..<byteCount {
      bytes[i] = UInt8(truncatingIfNeeded: serial >> (8 * UInt32(i % 4))) &+ UInt8(i / 4 & 0xFF)
    }
    return bytes
  }
}

/// One device of the reference.
struct ModelDevice {
  var name: String
  var index: DeviceIndex
  /// The sequence number before the first of `frames`.
  var base: UInt32 = 0
  var frames: [ModelFrame] = []
  var durable: UInt32 = 0
  /// The newest frame that the last start has read, be it from a cache that the disk lags behind.
  var readable: UInt32 = 0
  var sent: UInt32 = 0
  /// What the spool's cursor must be: delivered or given up.
  var cursor: UInt32 = 0
  /// The newest frame whose delivery was proven.
  var proven: UInt32 = 0
  /// The newest frame whose loss is recorded durably.
  var durablyDropped: UInt32 = 0
  var droppedCount = 0
  var login: [UInt8] = []
  /// Whether a start knew nothing of the device, since all of it was done with.
  var wasForgotten = false
  /// Every login it has had, oldest first.
  var logins: [[UInt8]] = [[]]

  var isLive = false
  var window = 4
  var inFlight: [(sequence: UInt32, place: LogPosition)] = []
  /// What `durablyDropped` becomes when the commit under way succeeds.
  var dropsUnderWay: UInt32 = 0

  var last: UInt32 { base + UInt32(frames.count) }
  var safe: UInt32 { max(proven, durablyDropped) }
  var hasRoom: Bool { inFlight.count < window }

  func frame(_ sequence: UInt32) -> ModelFrame? {
    guard sequence > base, sequence <= last else { return nil }
    return frames[Int(sequence - base) - 1]
  }
}

/// The reference of a whole spool.
struct Model {
  var devices: [ModelDevice] = []
  /// Frames that are not durable yet.
  var pending: [(device: Int, sequence: UInt32, batch: UInt32)] = []
  var nextSerial: UInt32 = 1
  var now: Int64 = 0
  var droppedFrameCount: UInt64 = 0
}
