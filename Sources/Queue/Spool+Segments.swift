// Segments in a ring: which one is written next, which one is free again, which one is given up.
//
// The segment taken is always the one whose content is oldest. So the disk never holds frames
// without the acknowledgements and drops that followed them, and a ring with little in it stays on
// few segments. Segments are evicted ahead of need: what is given up is written over only when its
// drops are durable.
// Invariant: `order` lists the used segments by rising generation; a device's `pin` is nowhere or
// in a used segment, and `pinCount` counts the devices whose pin is there; what a free segment
// holds is older than what any used one holds, or was never durable.

extension Spool where D: ~Copyable {
  /// Makes a fresh segment the one that is written; evicts the oldest when few are free.
  ///
  /// A segment to be avoided is taken only if there is no other. Returns `false` when there is no
  /// segment at all that may be written.
  mutating func rollSegment(avoiding avoided: Int? = nil) -> Bool {
    reclaim()
    if freeSegment(avoiding: nil) == nil {
      // A ring too small for the records of its devices does without a checkpoint.
      if let oldest = order.first, checkpoint.covers(segments[oldest].generation) {
        checkpoint.abandon()
      } else {
        _ = evictOldest()
      }
    }
    if freeSegment(avoiding: nil) == nil { _ = evictOldest() }
    guard let slot = freeSegment(avoiding: avoided) else { return false }
    segments[slot] = SegmentState(
      use: .used, generation: nextGeneration, formerGeneration: segments[slot].generation)
    nextGeneration &+= 1
    order.append(slot)
    writeSegment = slot
    writeOffset = SpoolLimits.reservedPageCount * SpoolLimits.pageByteCount
    writesHeader = true
    beginRoundIfDue()
    let spare = min(
      SpoolLimits.spareSegmentCountMax, segments.count / SpoolLimits.segmentsPerSpare)
    while freeCount < spare, evictOldest() {}
    return true
  }

  /// Gives back the segment that is written, when no commit in it has succeeded. What it held before
  /// may still be there, so that it has its turn again soon.
  mutating func returnEmptySegment() {
    guard let slot = order.last, slot == writeSegment, segments[slot].durableByteCount == 0 else {
      return
    }
    order.removeLast()
    segments[slot].use = .free
    segments[slot].generation = segments[slot].formerGeneration
    // What it held is written over already.
    segments[slot].notes = NoteCount()
  }

  /// Moves the pins of a segment that was returned to the one that is written instead.
  mutating func movePins(from generation: UInt32) {
    let present = firstBatch(of: segments[writeSegment].generation)
    for i in 0..<table.count where table.entries[i].pin.generation == generation {
      setPin(DeviceIndex(i), present)
    }
  }

  /// Frees the oldest segments that no undelivered frame can lie in.
  mutating func reclaim() {
    var freed = 0
    while freed < order.count {
      let slot = order[freed]
      if slot == writeSegment || slot == underWay?.segment || slot == gathering?.segment { break }
      if segments[slot].pinCount > 0 { break }
      segments[slot].use = .free
      segments[slot].notes = queuedNotes
      freed += 1
    }
    if freed > 0 { order.removeFirst(freed) }
  }

  /// Moves a device's pin; `nowhere` takes it away.
  mutating func setPin(_ device: DeviceIndex, _ place: LogPosition) {
    let old = table[device].pin.generation
    table[device].pin = place
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
    let place = place(of: generation)
    guard place < order.count, segments[order[place]].generation == generation else { return nil }
    return order[place]
  }

  /// Where in `order` the first segment of this generation or a newer one stands.
  func place(of generation: UInt32) -> Int {
    var low = 0
    var high = order.count
    while low < high {
      let middle = (low + high) / 2
      if segments[order[middle]].generation < generation { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private var freeCount: Int {
    var count = 0
    for segment in segments
    where segment.use == .free && !checkpoint.covers(segment.generation) { count += 1 }
    return count
  }

  /// The free segment with the oldest content; one that was never written only if there is none, the
  /// one to be avoided only after that, and one whose content is not durably done with last. What the
  /// next start would read from the checkpoint on is not free to be written over.
  private func freeSegment(avoiding avoided: Int?) -> Int? {
    var best: Int? = nil
    var bestAge = UInt64.max
    for slot in 0..<segments.count where segments[slot].use == .free {
      if checkpoint.covers(segments[slot].generation) { continue }
      // Generation zero becomes the largest number.
      var age = UInt64(segments[slot].generation &- 1)
      if slot == avoided { age += 1 << 32 }
      if !segments[slot].notes.isCovered(by: durableNotes) { age += 1 << 33 }
      if age < bestAge {
        best = slot
        bestAge = age
      }
    }
    return best
  }

  /// Gives up the undelivered frames of the oldest segment, counted per device.
  ///
  /// Returns `false` when there is none but the one that is written.
  private mutating func evictOldest() -> Bool {
    guard let slot = order.first, slot != writeSegment,
      !checkpoint.covers(segments[slot].generation)
    else { return false }
    let usedCount = order.count
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
      // With what is missing before it: no older segment is left that could hold that.
      let lost = record.header.sequence.distance(after: table[device].acknowledged)
      drop(device, through: record.header.sequence, count: lost, .evicted)
    }
    for i in 0..<table.count where table.entries[i].pin.generation == generation {
      let device = DeviceIndex(i)
      setPin(device, table[device].hasUndelivered ? firstBatch(of: successor) : .nowhere)
    }
    reclaim()
    return order.count < usedCount
  }

  /// Counts frames as given up and moves the device past them.
  mutating func drop(
    _ device: DeviceIndex, through last: SequenceNumber, count: Int, _ reason: DropReason
  ) {
    if !table[device].isDropDirty {
      table[device].isDropDirty = true
      droppingDevices.append(device)
      queuedNotes.drops += 1
    }
    counters.droppedFrameCount += UInt64(count)
    table[device].dropped.add(count, reason)
    table[device].acknowledged = last
    if last.isAfter(table[device].sent) { table[device].sent = last }
    endSettling(device)
    acknowledgementsDueAt = min(acknowledgementsDueAt, Instant.origin)
  }
}
