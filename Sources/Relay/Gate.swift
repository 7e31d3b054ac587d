// The custody gate: answers that may not be sent before their frame is safe.
//
//   frame appended to batch b  -> entry (b, answer)
//   batch b durable            -> every entry up to b is released
//   upstream confirmed earlier -> this entry is released, its place stays until its batch is done
//
// A ring in the order of appending, and so in the order of batches. Tickets are absolute places,
// which stay valid while the entry is in the ring. Invariant: head <= ticket < tail for such.

import Detect
import Queue

/// An answer waiting for custody.
struct GateEntry {
  var session: SessionSlot
  var sessionGeneration: UInt32
  var batch: UInt32
  var reply: Reply
  var isReleased: Bool
}

/// Answers in the order their frames were stored.
struct Gate {
  /// The ticket of a frame that is owed no answer.
  static let none = UInt32.max

  private var ring: [GateEntry] = []
  private var head: UInt32 = 0
  private var tail: UInt32 = 0

  init() { ring.reserveCapacity(RelayLimits.gateCountMax) }

  var count: Int { Int((tail + Self.ticketCount - head) % Self.ticketCount) }
  var isFull: Bool { count == RelayLimits.gateCountMax }

  /// Adds an answer and returns its ticket.
  mutating func add(_ entry: GateEntry) -> UInt32 {
    require(!isFull)
    let place = Int(tail) % RelayLimits.gateCountMax
    if place == ring.count { ring.append(entry) } else { ring[place] = entry }
    let ticket = tail
    tail = (tail + 1) % Self.ticketCount
    return ticket
  }

  /// The oldest answer of a batch up to `durableThrough`, taken out of the ring.
  mutating func takeDurable(through durableThrough: UInt32) -> GateEntry? {
    guard count > 0 else { return nil }
    let entry = ring[Int(head) % RelayLimits.gateCountMax]
    guard Int32(bitPattern: entry.batch &- durableThrough) <= 0 else { return nil }
    head = (head + 1) % Self.ticketCount
    return entry
  }

  /// The answer behind `ticket`, if it still waits; it will not be handed out again.
  mutating func release(_ ticket: UInt32) -> GateEntry? {
    guard ticket != Self.none, isInside(ticket) else { return nil }
    let place = Int(ticket) % RelayLimits.gateCountMax
    if ring[place].isReleased { return nil }
    ring[place].isReleased = true
    return ring[place]
  }

  /// A multiple of the ring's size, so that places stay in step when tickets start again.
  private static let ticketCount = UInt32(RelayLimits.gateCountMax) * 0x1_0000

  private func isInside(_ ticket: UInt32) -> Bool {
    let distance = (ticket + Self.ticketCount - head) % Self.ticketCount
    return Int(distance) < count
  }
}
