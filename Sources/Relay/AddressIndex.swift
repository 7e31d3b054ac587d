// UDP sources by address: open addressing over session slots, at most half full.

/// Finds the session of a UDP source.
struct AddressIndex {
  private var slots: [Int32]
  private let secret: UInt64

  init(capacity: Int, secret: UInt64) {
    var size = 16
    while size < capacity * 2 { size *= 2 }
    slots = [Int32](repeating: -1, count: size)
    self.secret = secret
  }

  func find(_ address: PeerAddress, _ sessions: [DeviceSession]) -> SessionSlot? {
    var place = home(address)
    while slots[place] >= 0 {
      let slot = Int(slots[place])
      if sessions[slot].source == address { return SessionSlot(slot) }
      place = (place + 1) & (slots.count - 1)
    }
    return nil
  }

  mutating func insert(_ slot: SessionSlot, _ sessions: [DeviceSession]) {
    var place = home(sessions[slot.rawValue].source)
    while slots[place] >= 0 { place = (place + 1) & (slots.count - 1) }
    slots[place] = Int32(slot.rawValue)
  }

  /// Takes a session out and closes the gap, so that searches need no tombstones.
  mutating func remove(_ slot: SessionSlot, _ sessions: [DeviceSession]) {
    let mask = slots.count - 1
    var place = home(sessions[slot.rawValue].source)
    while slots[place] != Int32(slot.rawValue) {
      if slots[place] < 0 { return }
      place = (place + 1) & mask
    }
    slots[place] = -1
    var next = (place + 1) & mask
    while slots[next] >= 0 {
      let start = home(sessions[Int(slots[next])].source)
      if (next - start) & mask >= (next - place) & mask {
        slots[place] = slots[next]
        slots[next] = -1
        place = next
      }
      next = (next + 1) & mask
    }
  }

  private func home(_ address: PeerAddress) -> Int {
    Int(address.hash(secret) & UInt64(slots.count - 1))
  }
}
