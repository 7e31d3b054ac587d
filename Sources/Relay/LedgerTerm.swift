// The terms of the ledger's equation, in the order in which they are shown and written down:
//
//   received + heldBefore = logins + unidentified + delivered + expired + quarantined
//                           + evicted + damaged + byOperator + unrecorded + held
//
// `held` is last because it is never written down: the spool knows it at every start.

import Detect

/// What frames are counted as.
public enum LedgerTerm: Int, CaseIterable, Sendable {
  case received
  /// Held by the spool when counting began, or found in it after a gap without having been counted.
  case heldBefore
  /// Only open a session: kept with the device, repeated, not queued.
  case logins
  /// Came in sessions that had not named their device.
  case unidentified
  case delivered
  case expired
  case quarantined
  case evicted
  case damaged
  case byOperator
  /// Were counted and held before a gap, and not held any more behind it: what became of them was not
  /// written down.
  case unrecorded
  case held

  /// Those on the side of what came in: the first.
  public static let gainCount = 2
  public static let count = 12
  /// Those that are written down.
  static let writtenCount = 11
  /// The raw values of those that the spool counts.
  static let dropped = 7..<10

  public var name: Literal {
    switch self {
    case .received: "received"
    case .heldBefore: "held_before"
    case .logins: "logins"
    case .unidentified: "unidentified"
    case .delivered: "delivered"
    case .expired: "expired"
    case .quarantined: "quarantined"
    case .evicted: "dropped_full"
    case .damaged: "dropped_damaged"
    case .byOperator: "dropped_operator"
    case .unrecorded: "unrecorded"
    case .held: "held"
    }
  }
}
