// The protocols EdgeRelay speaks, one case each.
//
// Raw values are written to disk with every device: a value is never reused and never changes.
// The order of the cases is the rank in detection: where two rows claim the same bytes with equal
// confidence, the earlier one wins.

/// Names one tracker protocol; the raw value is part of the spool's format.
public enum ProtocolID: UInt8, Sendable, CaseIterable {
  case gt06 = 1
  case topin = 2

  /// How many protocols there are, and the bound of every loop over ranks.
  static let count = 2

  /// The protocol at detection rank `rank`, `0 ..< count`.
  static func ranked(_ rank: Int) -> ProtocolID {
    switch rank {
    case 0: .gt06
    default: .topin
    }
  }

  /// The row with everything the relay knows about this protocol.
  public var row: ProtocolRow {
    switch self {
    case .gt06: GT06.row
    case .topin: Topin.row
    }
  }
}
