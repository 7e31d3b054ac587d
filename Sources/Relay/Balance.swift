// The ledger's sum: what came in is what went out, is held, or was given up for a reason.
// Source: design document, section 8.

/// A ledger with its two sides, of one device or of all.
public struct Balance: Sendable {
  public var received: UInt64 = 0
  /// What the spool held when counting began.
  public var heldBefore: UInt64 = 0
  /// Frames of sessions that had not named their device.
  public var unidentified: UInt64 = 0
  public var logins: UInt64 = 0
  public var delivered: UInt64 = 0
  public var held: UInt64 = 0
  public var expired: UInt64 = 0
  public var quarantined: UInt64 = 0
  public var evicted: UInt64 = 0
  public var damaged: UInt64 = 0
  public var byOperator: UInt64 = 0
  /// What was ever given up, as far as the spool knows.
  public var droppedEver: UInt64 = 0

  public var isEven: Bool {
    UInt32(truncatingIfNeeded: received &+ heldBefore)
      == UInt32(
        truncatingIfNeeded: unidentified &+ logins &+ delivered &+ held &+ expired &+ quarantined
          &+ evicted &+ damaged &+ byOperator)
  }
}
