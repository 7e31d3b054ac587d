// What the ledger knows of the time before the program started, and since when it counts.

import Queue

/// The beginnings of the ledger of all devices.
public struct KeptLedger: Sendable {
  /// What there was when the program started, with what was found then; nothing of it is `held`.
  var before = Balance()
  /// When counting began, in seconds since 1970; zero while no clock has told.
  public internal(set) var since: Int64 = 0
  /// How often the relay ended without writing the ledger down, since it had last done so.
  public internal(set) var gapCount: UInt32 = 0
  /// When counting began, if that was in this run.
  var beganAt = Instant.never
}
