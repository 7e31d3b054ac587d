// The protocols EdgeRelay speaks, one case each.
//
// Raw values are written to disk with every device: a value is never reused and never changes.
// The order of the cases is the rank in detection: where two rows claim the same bytes with equal
// confidence, the earlier one wins.

/// Names one tracker protocol; the raw value is part of the spool's format.
public enum ProtocolID: UInt8, Sendable, CaseIterable {
  case gt06 = 1
  case topin = 2
  case gt02 = 3
  case tk103 = 4
  case coban = 5
  case h02 = 6
  case jt808 = 7
  case watch = 8
  case v680 = 9
  case pt = 10
  case xexun = 11

  /// How many protocols there are, and the bound of every loop over ranks.
  public static let count = 11

  /// The protocol at detection rank `rank`, `0 ..< count`.
  public static func ranked(_ rank: Int) -> ProtocolID {
    switch rank {
    case 0: .gt06
    case 1: .topin
    case 2: .gt02
    case 3: .tk103
    case 4: .coban
    case 5: .h02
    case 6: .jt808
    case 7: .watch
    case 8: .v680
    case 9: .pt
    default: .xexun
    }
  }

  /// The row with everything the relay knows about this protocol.
  @inline(never)
  public var row: ProtocolRow {
    switch self {
    case .gt06: GT06.row
    case .topin: Topin.row
    case .gt02: GT02.row
    case .tk103: TK103.row
    case .coban: Coban.row
    case .h02: H02.row
    case .jt808: JT808.row
    case .watch: Watch.row
    case .v680: V680.row
    case .pt: PT.row
    case .xexun: Xexun.row
    }
  }
}
