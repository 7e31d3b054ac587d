// What became of one device's frames since the program started.
//
//   received + heldBefore = logins + delivered + held + expired + quarantined + dropped   modulo 2^32
//
// Counted where things happen; `held` and what was dropped are the spool's own figures, so that the
// equation is a check of both. Nothing of this survives the program: what the spool still holds at the
// next start is `heldBefore` then.

import Queue

/// The counts of one place in the table of devices.
struct DeviceLedger {
  /// Tells this device from those that had the place before.
  var number: UInt32
  var heldBefore: UInt32
  /// What the spool had given up of it before.
  var droppedBefore: DropCounts
  var received: UInt32 = 0
  /// Frames that only open a session: kept with the device, repeated, not queued.
  var logins: UInt32 = 0
  var delivered: UInt32 = 0
  var expired: UInt32 = 0
  var quarantined: UInt32 = 0
  var lastFrameAt = Instant.never
  /// When the oldest frame that waits was stored, or earlier.
  var oldestAt = Instant.never

  init(number: UInt32, heldBefore: Int, droppedBefore: DropCounts) {
    self.number = number
    self.heldBefore = UInt32(truncatingIfNeeded: heldBefore)
    self.droppedBefore = droppedBefore
  }
}
