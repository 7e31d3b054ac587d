// Segments in a ring: which one is written next, which one is free again, which one is given up.
//
// The segment taken is always the one whose content is oldest. So the disk never holds frames
// without the acknowledgements and drops that followed them, and a ring with little in it stays on
// few segments. Segments are evicted ahead of need: what is given up is written over only when its
// drops are durable.
// Invariant: `order` lists the used segments as the log runs: cold ones, then main ones, each by rising
// generation; a device's pins are nowhere or in a used segment, and `pinCount` counts the devices with
// a pin there; what a free segment holds is older than what any used one holds, or was never durable.

extension Spool where D: ~Copyable {
  /// Makes a fresh segment the one that is written; evicts the oldest when few are free.
  ///
  /// A segment to be avoided is taken only if there is no other. Returns `false` when there is no
  /// segment at all that may be written.
  mutating func rollSegment(avoiding avoided: Int? = nil) -> Bool {
    reclaim()
    freeDelivered()
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
    take(slot, as: nextGeneration)
    order.append(slot)
    writeSegment = slot
    writeOffset = SpoolLimits.reservedPageCount * SpoolLimits.pageByteCount
    writesHeader = true
    isBootNamed = true
    moveTail()
    beginRoundIfDue()
    while freeCount < spareCount, evictOldest() {}
    if isShortOfSegments { beginRelocation() }
    return true
  }

  /// Whether segments are to be freed before they must be.
  var isShortOfSegments: Bool { freeCount <= spareCount + 1 }

  /// Segments to be kept free.
  private var spareCount: Int {
    min(SpoolLimits.spareSegmentCountMax, segments.count / SpoolLimits.segmentsPerSpare)
  }

  /// Whether a segment may be taken for frames, and the spare ones be left to acknowledgements.
  var hasRoomForFrames: Bool { freeCount > spareCount }

  /// Begins a new use of a free segment.
  mutating func take(_ slot: Int, as generation: UInt32) {
    var state = SegmentState(generation: generation)
    state.formerGeneration = segments[slot].generation
    state.presence = DevicePresence()
    segments[slot] = state
    nextGeneration &+= 1
  }

  /// Ends a use in which no commit has succeeded. What the segment held before may still be there, so
  /// that it has its turn again soon.
  mutating func giveBack(_ slot: Int) {
    segments[slot].use = .free
    segments[slot].generation = segments[slot].formerGeneration
    // What it held is written over already.
    segments[slot].notes = NoteCount()
  }

  /// Gives back the segment that is written, when no commit in it has succeeded.
  mutating func returnEmptySegment() {
    guard let slot = order.last, slot == writeSegment, segments[slot].durableByteCount == 0 else {
      return
    }
    order.removeLast()
    giveBack(slot)
  }

  /// Moves the pins of a segment that was returned to the one that is written instead.
  mutating func movePins(from generation: UInt32) {
    let present = firstBatch(of: segments[writeSegment].generation)
    for i in 0..<table.count where table.entries[i].pin.generation == generation {
      setPin(DeviceIndex(i), present)
    }
  }

  /// Frees the oldest segments of each class that no undelivered frame can lie in.
  mutating func reclaim() {
    reclaim(from: coldCount)
    reclaim(from: 0)
  }

  private mutating func reclaim(from first: Int) {
    var freed = first
    while freed < order.count {
      let slot = order[freed]
      if slot == writeSegment || slot == underWay?.segment || slot == gathering?.segment { break }
      if segments[slot].pinCount > 0 || slot == cold.segment { break }
      segments[slot].use = .free
      segments[slot].notes = queuedNotes
      freed += 1
    }
    if freed > first { leaveOutFree() }
  }

  /// Takes segments that are free now out of `order`.
  @inline(never)
  mutating func leaveOutFree() {
    var usedCount = 0
    for i in 0..<order.count where segments[order[i]].use != .free {
      order[usedCount] = order[i]
      usedCount += 1
    }
    while order.count > usedCount { order.removeLast() }
  }

  /// How many cold segments stand at the beginning of `order`.
  var coldCount: Int { place(of: 1) }

  /// The oldest main segment that a start after the present batch needs: one that is used, or one
  /// whose acknowledgements and drops may be lost with the batch.
  var oldestGeneration: UInt32 {
    var needed = durableNotes
    needed.relocations = .max
    var oldest = coldCount < order.count ? segments[order[coldCount]].generation : 0
    for segment in segments
    where segment.use == .free && segment.generation != 0 && !Generation.isCold(segment.generation)
    {
      if !segment.notes.isCovered(by: needed) { oldest = min(oldest, segment.generation) }
    }
    return oldest
  }

  /// Moves a device's pin among the main segments; `nowhere` takes it away.
  @inline(never)
  mutating func setPin(_ device: DeviceIndex, _ place: LogPosition) {
    movePin(from: table[device].pin.generation, to: place.generation)
    table[device].pin = place
  }

  /// Moves a device's pin among the cold segments; `nowhere` takes it away.
  @inline(never)
  mutating func setColdPin(_ device: DeviceIndex, _ place: LogPosition) {
    movePin(from: table[device].coldPin.generation, to: place.generation)
    table[device].coldPin = place
    if place == .nowhere { table[device].coldByteCount = 0 }
  }

  mutating func clearPins(_ device: DeviceIndex) {
    setPin(device, .nowhere)
    setColdPin(device, .nowhere)
  }

  @inline(never)
  private mutating func movePin(from old: UInt32, to new: UInt32) {
    if old == new { return }
    if old != 0, let slot = segment(of: old) { segments[slot].pinCount -= 1 }
    if new != 0, let slot = segment(of: new) { segments[slot].pinCount += 1 }
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
  func place(of generation: UInt32) -> Int { Self.place(of: generation, order, segments) }

  /// Not of `self`: a method that only reads would be handed a copy of the whole spool.
  @inline(never)
  private static func place(
    of generation: UInt32, _ order: [Int], _ segments: [SegmentState]
  ) -> Int {
    let rank = Generation.rank(generation)
    var low = 0
    var high = order.count
    while low < high {
      let middle = (low + high) / 2
      if Generation.rank(segments[order[middle]].generation) < rank {
        low = middle + 1
      } else {
        high = middle
      }
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
  /// next start would read from the checkpoint on is not free to be written over. Mutating for the same reason as
  /// `place`: nothing is copied.
  @inline(never)
  mutating func freeSegment(avoiding avoided: Int?) -> Int? {
    var best: Int? = nil
    var bestAge = UInt64.max
    for slot in 0..<segments.count where segments[slot].use == .free {
      if checkpoint.covers(segments[slot].generation) { continue }
      // Generation zero becomes the largest number.
      var age = UInt64(Generation.age(segments[slot].generation) &- 1)
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
    guard let slot = order.first, slot != writeSegment, slot != underWay?.segment,
      !checkpoint.covers(segments[slot].generation), fullPolicy == .dropOldest
    else { return false }
    let usedCount = order.count
    let generation = segments[slot].generation
    let successor = order.count > 1 ? segments[order[1]].generation : 0
    let firstMain = segments[order[min(coldCount, order.count - 1)]].generation
    if slot == cold.segment { cold.segment = -1 }
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
      guard record.isFrame, let device = table.find(number: record.header.device),
        record.header.sequence.isAfter(table[device].acknowledged)
      else { continue }
      // With what is missing before it: no older segment is left that could hold that.
      let lost = record.header.sequence.distance(after: table[device].acknowledged)
      drop(device, through: record.header.sequence, count: lost, .evicted)
    }
    for i in 0..<table.count where table.entries[i].firstPin.generation == generation {
      let device = DeviceIndex(i)
      if !table[device].hasUndelivered || successor == 0 {
        clearPins(device)
      } else if Generation.isCold(successor), table[device].coldEnd != generation {
        setColdPin(device, firstBatch(of: successor))
      } else {
        setColdPin(device, .nowhere)
        if table[device].pin == .nowhere || table[device].pin.generation == generation {
          setPin(device, firstBatch(of: firstMain == generation ? successor : firstMain))
        }
      }
    }
    if slot == tail?.segment { dropTail() }
    reclaim()
    return order.count < usedCount
  }

  /// Gives up the frames of a tail whose segment is evicted before it could be taken along.
  private mutating func dropTail() {
    for i in 0..<table.count where table.entries[i].lastBatch == tail?.number {
      let device = DeviceIndex(i)
      guard table[device].hasUndelivered else { continue }
      drop(device, through: table[device].last, count: undeliveredCount(device), .evicted)
      clearPins(device)
    }
    tail = nil
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
    switch reason {
    case .evicted: break
    case .damaged: counters.damagedFrameCount += UInt64(count)
    case .byOperator: counters.givenUpFrameCount += UInt64(count)
    }
    table[device].dropped.add(count, reason)
    table[device].acknowledged = last
    if last.isAfter(table[device].sent) { table[device].sent = last }
    endSettling(device)
    acknowledgementsDueAt = min(acknowledgementsDueAt, Instant.origin)
  }
}
