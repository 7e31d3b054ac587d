// The orders that `edgerelay devices` can be asked for.

/// An order of devices.
enum DeviceOrder {
  /// That of the relay's table: who came first.
  case none
  case name
  /// Most frames waiting first.
  case backlog
  /// Who has sent last first; who has not since the relay's start comes at the end.
  case last
  /// Whose oldest frame waits longest first.
  case oldest

  init?(_ word: [UInt8]) {
    if word.spells("name") {
      self = .name
    } else if word.spells("backlog") {
      self = .backlog
    } else if word.spells("last") {
      self = .last
    } else if word.spells("oldest") {
      self = .oldest
    } else {
      return nil
    }
  }

  func sort(_ records: inout [Record]) {
    switch self {
    case .none: break
    case .name:
      records.sort { $0.value("device").lexicographicallyPrecedes($1.value("device")) }
    case .backlog, .last, .oldest:
      var keyed: [(key: Int64, record: Record)] = records.map { (key(of: $0), $0) }
      keyed.sort { $0.key < $1.key }
      records = keyed.map { $0.record }
    }
  }

  /// The smallest comes first.
  private func key(of record: Record) -> Int64 {
    switch self {
    case .none, .name: 0
    case .backlog: -(record.number("waiting") ?? 0)
    case .last: record.number("last_seconds") ?? Int64.max
    case .oldest: -(record.number("oldest_seconds") ?? -1)
    }
  }
}
