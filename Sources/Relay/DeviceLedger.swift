// What became of one device's frames since the ledger knows it, modulo 2^32; LedgerTerm.swift has the
// equation.
//
// Counted where things happen. `held` and what was dropped are the spool's own figures, so that the
// equation is a check of both: the counts of the three reasons are what makes the ledger's figures of
// the spool's, which may have begun earlier.

import Queue

/// The counts of one place in the table of devices.
struct DeviceLedger {
  /// Tells this device from those that had the place before.
  var number: UInt32
  private var counts = InlineArray<11, UInt32>(repeating: 0)
  var lastFrameAt = Instant.never
  /// When the oldest frame that waits was stored, or earlier.
  var oldestAt = Instant.never

  init(number: UInt32) { self.number = number }

  /// Goes on where `balance` ends, when the spool has given up `dropped`.
  mutating func resume(_ balance: Balance, dropped: Balance) {
    for i in 0..<LedgerTerm.writtenCount {
      counts[i] = UInt32(truncatingIfNeeded: balance.counts[i] &- dropped.counts[i])
    }
  }

  /// Counts one frame.
  mutating func note(_ term: LedgerTerm) { counts[term.rawValue] &+= 1 }

  /// The terms that are written down, when the spool has given up `dropped`.
  func balance(dropped: Balance) -> Balance {
    var balance = dropped
    for i in 0..<LedgerTerm.writtenCount {
      balance.counts[i] = UInt64(counts[i] &+ UInt32(truncatingIfNeeded: dropped.counts[i]))
    }
    return balance
  }
}
