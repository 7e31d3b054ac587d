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

  /// Sorts records; those that are alike stay as they are.
  func sort(_ records: inout [Record]) {
    switch self {
    case .none: return
    case .name, .backlog, .last, .oldest: break
    }
    let sorted = Self.order(records.map { key(of: $0) })
    records = sorted.map { records[$0] }
  }

  /// What records are compared by, byte by byte: the smallest comes first.
  private func key(of record: Record) -> [UInt8] {
    switch self {
    case .none: []
    case .name: record.value("device")
    case .backlog: Self.key(-(record.number("waiting") ?? 0))
    case .last: Self.key(record.number("last_seconds") ?? Int64.max)
    case .oldest: Self.key(-(record.number("oldest_seconds") ?? -1))
    }
  }

  private static func key(_ number: Int64) -> [UInt8] {
    let unsigned = UInt64(bitPattern: number) ^ 1 << 63
    var key = Text()
    for i in 0..<8 { key.append(byte: UInt8(truncatingIfNeeded: unsigned >> UInt64(56 - 8 * i))) }
    return key.bytes
  }

  /// The places of `keys` in their order, by merging: the library's sort is as large as all of this file
  /// ten times over.
  private static func order(_ keys: [[UInt8]]) -> [Int] {
    var order = Array(keys.indices)
    var width = 1
    while width < order.count {
      var merged: [Int] = []
      merged.reserveCapacity(order.count)
      for start in stride(from: 0, to: order.count, by: 2 * width) {
        let middle = min(start + width, order.count)
        let end = min(middle + width, order.count)
        var left = start
        var right = middle
        while left < middle || right < end {
          let takesRight =
            left == middle
            || right < end && keys[order[right]].lexicographicallyPrecedes(keys[order[left]])
          merged.append(order[takesRight ? right : left])
          if takesRight { right += 1 } else { left += 1 }
        }
      }
      order = merged
      width *= 2
    }
    return order
  }
}
