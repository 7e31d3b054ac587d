// The custody gate: answers that may not be sent before their frame is safe.
//
//   frame appended under a ticket  -> entry (ticket, answer)
//   ticket durable                 -> every entry up to it is released
//   upstream confirmed earlier -> this entry is released, its place stays until those before it are
//                                 done with
//
// A ring in the order of appending, and so in the order of tickets of the spool. Tickets are absolute places,
// which stay valid while the entry is in the ring. Invariant: head <= ticket < tail for such.

import Detect
import Queue

/// An answer waiting for custody.
struct GateEntry {
  var session: SessionSlot
  var sessionGeneration: UInt32
  /// Of the spool.
  var spoolTicket: UInt32
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

  /// The oldest answer under a ticket up to `durableTicket`, taken out of the ring.
  mutating func takeDurable(through durableTicket: UInt32) -> GateEntry? {
    guard count > 0 else { return nil }
    let entry = ring[Int(head) % RelayLimits.gateCountMax]
    guard Int32(bitPattern: entry.spoolTicket &- durableTicket) <= 0 else { return nil }
    head = (head + 1) % Self.ticketCount
    return entry
  }

  /// The place of the oldest answer, and the one behind a place.
  var oldestTicket: UInt32 { head }
  func ticket(after ticket: UInt32) -> UInt32 { (ticket + 1) % Self.ticketCount }

  /// Whom the answer behind a ticket is for; `nil` when it has left.
  func session(at ticket: UInt32) -> (slot: SessionSlot, generation: UInt32)? {
    let entry = ring[Int(ticket) % RelayLimits.gateCountMax]
    if !isInside(ticket) || entry.isReleased { return nil }
    return (entry.session, entry.sessionGeneration)
  }

  /// The answer behind `ticket`, if it still waits; it will not be handed out again.
  mutating func release(_ ticket: UInt32) -> GateEntry? {
    guard ticket != Self.none, isInside(ticket) else { return nil }
    let place = Int(ticket) % RelayLimits.gateCountMax
    if ring[place].isReleased { return nil }
    ring[place].isReleased = true
    defer { dropReleased() }
    return ring[place]
  }

  /// Frees the places of answers that have left already: their frames may never be written.
  private mutating func dropReleased() {
    while count > 0, ring[Int(head) % RelayLimits.gateCountMax].isReleased {
      head = (head + 1) % Self.ticketCount
    }
  }

  /// A multiple of the ring's size, so that places stay in step when tickets start again.
  private static let ticketCount = UInt32(RelayLimits.gateCountMax) * 0x1_0000

  private func isInside(_ ticket: UInt32) -> Bool {
    let distance = (ticket + Self.ticketCount - head) % Self.ticketCount
    return Int(distance) < count
  }
}
