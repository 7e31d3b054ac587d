// Segments in a ring: which one is written next, which one is free again, which one is given up.
//
// Invariant: `order` lists the used segments by rising generation; a device's `pin` is nowhere or
// in a used segment, and `pinCount` counts the devices whose pin is there.

extension Spool where D: ~Copyable {
  /// Makes a fresh segment the one that is written; evicts the oldest when none is free.
  ///
  /// Returns `false` when there is no segment at all that may be written.
  mutating func rollSegment() -> Bool {
    reclaim()
    var slot = freeSegment()
    if slot == nil {
      evictOldest()
      slot = freeSegment()
    }
    guard let slot else { return false }
    segments[slot] = SegmentState(use: .used, generation: nextGeneration)
    nextGeneration &+= 1
    order.append(slot)
    writeSegment = slot
    writeOffset = SpoolLimits.reservedPageCount * SpoolLimits.pageByteCount
    writesHeader = true
    return true
  }

  /// Frees the oldest segments that no undelivered frame can lie in.
  mutating func reclaim() {
    var freed = 0
    while freed < order.count {
      let slot = order[freed]
      if slot == writeSegment || slot == underWay?.segment || slot == gathering?.segment { break }
      if segments[slot].pinCount > 0 { break }
      segments[slot].use = .free
      freed += 1
    }
    if freed > 0 { order.removeFirst(freed) }
  }

  /// Moves a device's pin; `nowhere` takes it away.
  mutating func setPin(_ device: DeviceIndex, _ place: LogPosition) {
    let old = table[device].pin.generation
    table[device].pin = place
    if place == .nowhere { table[device].loginVaries = false }
    if old == place.generation { return }
    if old != 0, let slot = segment(of: old) { segments[slot].pinCount -= 1 }
    if place != .nowhere, let slot = segment(of: place.generation) {
      segments[slot].pinCount += 1
    }
  }

  /// The first batch of a segment.
  func firstBatch(of generation: UInt32) -> LogPosition {
    LogPosition(
      generation: generation,
      offset: UInt32(SpoolLimits.reservedPageCount * SpoolLimits.pageByteCount))
  }

  /// The used segment of a generation.
  func segment(of generation: UInt32) -> Int? {
    var low = 0
    var high = order.count
    while low < high {
      let middle = (low + high) / 2
      let found = segments[order[middle]].generation
      if found == generation { return order[middle] }
      if found < generation { low = middle + 1 } else { high = middle }
    }
    return nil
  }

  /// The lowest-numbered free segment, so that a small spool stays on blocks written before.
  private func freeSegment() -> Int? {
    for slot in 0..<segments.count where segments[slot].use == .free { return slot }
    return nil
  }

  /// Gives up the undelivered frames of the oldest segment, counted per device.
  private mutating func evictOldest() {
    guard let slot = order.first, slot != writeSegment else { return }
    let generation = segments[slot].generation
    let successor = order.count > 1 ? segments[order[1]].generation : 0
    walker.open(
      segment: slot, generation: generation, provenThrough: segments[slot].provenThrough)
    sweep.stop()
    while true {
      let record: WalkedRecord?
      do {
        record = try walker.next(&disk, limit: segments[slot].durableByteCount)
      } catch {
        // Unreadable: its frames are lost, and the device's next frames tell where it goes on.
        record = nil
      }
      guard let record else { break }
      guard record.header.type == RecordType.data.rawValue,
        let device = table.find(number: record.header.device),
        record.header.sequence.isAfter(table[device].acknowledged)
      else { continue }
      drop(device, through: record.header.sequence, count: 1, .evicted)
    }
    for i in 0..<table.count where table.entries[i].pin.generation == generation {
      let device = DeviceIndex(i)
      setPin(device, table[device].hasUndelivered ? firstBatch(of: successor) : .nowhere)
    }
    reclaim()
  }

  /// Counts frames as given up and moves the device past them.
  mutating func drop(
    _ device: DeviceIndex, through last: SequenceNumber, count: Int, _ reason: DropReason
  ) {
    if table[device].pendingDropCount == 0 {
      table[device].pendingDropFirst = table[device].acknowledged.next
      droppingDevices.append(device)
    }
    table[device].pendingDropCount += count
    table[device].pendingDropReason = reason
    counters.droppedFrameCount += UInt64(count)
    table[device].droppedCount += count
    table[device].acknowledged = last
    if last.isAfter(table[device].sent) { table[device].sent = last }
    recount(device)
    acknowledgementsDueAt = min(acknowledgementsDueAt, Instant.origin)
  }
}
