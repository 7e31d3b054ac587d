// An eventfd: one thread rings, another waits or polls.

import CLinux

/// A counter that wakes whoever waits for it. Copies name the same eventfd.
struct Wakeup: Sendable {
  let descriptor: Int32

  /// `isBlocking` makes `take` wait for a ring.
  init(isBlocking: Bool) throws(SystemError) {
    descriptor = Int32(try SystemError.check(clinux_eventfd(isBlocking ? 0 : 1)))
  }

  func ring() {
    var one: UInt64 = 1
    // SAFETY: eight bytes, alive for the call.
    _ = unsafe clinux_write(descriptor, &one, 8)
  }

  /// Waits for a ring, `milliseconds` at most, and leaves it.
  func isRung(within milliseconds: Int32) -> Bool {
    clinux_wait_readable(descriptor, milliseconds) != 0
  }

  /// Takes all rings; returns whether there were any.
  @discardableResult
  func take() -> Bool {
    var count: UInt64 = 0
    // SAFETY: eight bytes, alive for the call.
    return unsafe clinux_read(descriptor, &count, 8) == 8
  }
}
