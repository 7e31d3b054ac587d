// The ledger's sum: what came in is what went out, is held, or was given up for a reason.
// Source: design document, section 8.

import Queue

/// A ledger with its two sides, of one device or of all.
public struct Balance: Sendable {
  /// By the terms' raw values.
  var counts = InlineArray<12, UInt64>(repeating: 0)
  /// What was ever given up, as far as the spool knows.
  public var droppedEver: UInt64 = 0

  public init() {}

  /// What the spool has given up of a device.
  init(_ dropped: DropCounts) {
    self[.evicted] = UInt64(dropped.evicted)
    self[.damaged] = UInt64(dropped.damaged)
    self[.byOperator] = UInt64(dropped.byOperator)
    droppedEver = UInt64(dropped.total)
  }

  public subscript(term: LedgerTerm) -> UInt64 {
    get { counts[term.rawValue] }
    set { counts[term.rawValue] = newValue }
  }

  public var isEven: Bool { surplus == 0 }

  /// How many more frames went out or are held than came in, modulo 2^32.
  private var surplus: Int32 {
    var sum: UInt64 = 0
    for i in 0..<LedgerTerm.count {
      sum = i < LedgerTerm.gainCount ? sum &- counts[i] : sum &+ counts[i]
    }
    return Int32(truncatingIfNeeded: sum)
  }

  /// Makes it even after a gap: what is held and was not counted was found, what is not held any more
  /// went without being recorded.
  mutating func settle() {
    let surplus = surplus
    if surplus > 0 {
      self[.heldBefore] &+= UInt64(surplus)
    } else {
      self[.unrecorded] &+= UInt64(surplus.magnitude)
    }
  }

  /// Adds the terms of another.
  mutating func add(_ other: Balance) {
    for i in 0..<LedgerTerm.count { counts[i] &+= other.counts[i] }
  }

  /// Takes the terms of another, which it has in it, out.
  mutating func subtract(_ other: Balance) {
    for i in 0..<LedgerTerm.count { counts[i] &-= other.counts[i] }
  }
}
