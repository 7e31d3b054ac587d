// Writing batches: what is due, in which order, and what becomes of it.
//
//   commitIfDue -> [ahead | gathering batch] + notes -> tail in front -> tail slot or place -> underWay
//   underWay -> commitFinished -> durable | tried again in another segment, a second later
//
// Invariants: one commit at a time; batch k+1 is not started before batch k is durable; a failed commit is
// never synced again.
// Source: spool document, sections 2.4 to 2.6.

extension Spool where D: ~Copyable {
  /// Starts the commit that is due, if any; its result is to be given to `commitFinished`.
  public mutating func commitIfDue(now: Instant, isForced: Bool = false) {
    if underWay != nil {
      guard now >= retryAt else { return }
      retryFailedCommit(now)
      return
    }
    // The two kinds of commit take turns.
    if let relocation, now >= relocation.dueAt, !wasRelocation {
      wasRelocation = true
      if startRelocationCommit(now) { return }
    }
    wasRelocation = false
    if now >= closingDueAt, !hasWrittenUndelivered { closingDueAt = .never }
    let isClosing = now >= closingDueAt
    let areNotesDue = hasNotes && (now >= acknowledgementsDueAt || isForced)
    // Whether something is to be written though no frames are due.
    let isExtraDue = areNotesDue || isClosing || tail != nil && now >= tailDueAt
    if gathering == nil, isExtraDue, !openBatch(0, now) { postpone(now) }
    guard let present = gathering else { return }
    let isDue = isForced || now >= present.dueAt
    let isLarge = present.byteCount > present.byteCountMax / 2
    guard isDue || isExtraDue || isLarge || now >= present.heldUntil else { return }
    shrinkGathering(now)
    guard var batch = gathering else { return }
    let areFramesDue =
      isDue || now >= batch.heldUntil || isLarge && batch.byteCount > batch.byteCountMax / 4
    guard areFramesDue || isExtraDue else { return }
    if !areFramesDue, batch.recordCount > 0, var ahead = openAhead(of: batch, now) {
      if isClosing { close(&ahead, now) }
      appendNotes(&ahead, now)
      if fitsTail(ahead, now) || tail == nil {
        if ahead.recordCount == 0 { return }
        if !fitsTail(ahead, now) { renumberGathering() }
        return start(ahead, now)
      }
      // The tail goes home, and what is gathered may need its device records.
      put(ahead, buffers[ahead.buffer], at: SpoolLimits.pageByteCount, before: &batch)
    } else {
      if batch.recordCount == 0 { batch.openedAt = timeBase(of: batch, now) }
      if isClosing { close(&batch, now) }
      if batch.recordCount == 0, !isExtraDue { return }
      if batch.byteCount > batch.byteCountMax {
        // A failed commit has taken its place.
        guard rollSegment() else { return postpone(now) }
        move(&batch)
      }
      appendNotes(&batch, now)
    }
    gathering = nil
    if batch.recordCount == 0, tail == nil { return }
    start(batch, now)
  }

  /// Starts the commit of a batch that is complete, with the tail in front of it.
  private mutating func start(_ complete: OpenBatch, _ now: Instant) {
    var batch = complete
    closingDueAt = .never
    batch.isTail = fitsTail(batch, now) && !isAwaited(batch)
    putTail(before: &batch)
    startCommit(&batch, now)
    // While the disk is at work. The tail stands in front of the batch's own records now; it was noted when it
    // was written itself.
    noteWritten(complete, at: SpoolLimits.pageByteCount + batch.byteCount - complete.byteCount)
    let room = roomForBatch
    gathering?.offset = writeOffset
    gathering?.byteCountMax = room
  }

  /// Lets everything that is due wait a little: in a full ring there is no segment for it before one is
  /// reclaimed.
  private mutating func postpone(_ now: Instant) {
    let later = now.advanced(by: SpoolLimits.acknowledgementDelay)
    if acknowledgementsDueAt <= now { acknowledgementsDueAt = later }
    if closingDueAt <= now { closingDueAt = later }
    if tailDueAt <= now { tailDueAt = later }
    guard let batch = gathering else { return }
    gathering?.dueAt = max(batch.dueAt, later)
    gathering?.heldUntil = max(batch.heldUntil, later)
  }

  /// Whether anything on disk is still to be delivered, so that damage to it would matter.
  private var hasWrittenUndelivered: Bool {
    for entry in table.entries where entry.written.isAfter(entry.acknowledged) { return true }
    return false
  }

  /// Adds the records of the newest batch's devices, as many as fit in a page. A tail needs none: it is
  /// closed when it is in both slots.
  @inline(never)
  private mutating func close(_ batch: inout OpenBatch, _ now: Instant) {
    closingDueAt = .never
    if tail != nil { return }
    for i in 0..<table.count where table.entries[i].lastBatch == durableThrough {
      let byteCount = RecordHeader.stride(table.recordByteCount(DeviceIndex(i)))
      guard batch.byteCount + byteCount <= SpoolLimits.pageByteCount else { continue }
      appendDeviceRecord(DeviceIndex(i), &batch, now)
    }
  }

  /// The next instant at which `commitIfDue` or `sweepStep` has something to do by itself.
  public var nextDeadline: Instant {
    let sweepAt = sweep.hasUnreadable && !sweep.isRunning ? sweep.resumeAt : sweep.wakeAt
    if underWay != nil { return min(retryAt, sweepAt) }
    let relocationAt = relocation?.dueAt ?? .never
    let batchAt = gathering.map { min($0.dueAt, $0.heldUntil) } ?? .never
    // With more than three at once, `min` puts them into an array, at every turn of the loop.
    return min(
      min(batchAt, acknowledgementsDueAt, closingDueAt), min(tailDueAt, relocationAt, sweepAt))
  }

  /// Whether anything appended or acknowledged is not durable yet.
  public var hasUncommitted: Bool {
    underWay != nil || gathering.map { $0.recordCount > 0 } ?? false || hasNotes
  }

  /// Whether acknowledgements or drops are still to be written.
  private var hasNotes: Bool { !dirtyDevices.isEmpty || !droppingDevices.isEmpty }

  /// Takes the result of the commit under way; `nil` means that it is durable.
  public mutating func commitFinished(_ error: DiskError?, now: Instant) {
    guard let batch = underWay else { return }
    if batch.isRelocation {
      underWay = nil
      relocationFinished(batch, error, now: now)
    } else if error == nil {
      underWay = nil
      failedCommitCount = 0
      if batch.isTail {
        keepTail(batch)
      } else {
        durableThrough = batch.number
        segments[batch.segment].durableByteCount =
          batch.offset + BatchHeader.paged(batch.byteCount)
      }
      if batch.ticket != 0 { durableTicket = batch.ticket }
      durableNotes = batch.notes
      newestGeneration = batch.generation
      if batch.hasFrames { closingDueAt = now.advanced(by: SpoolLimits.closingDelay) }
      // Its page 0 is there, if nothing else is.
      segments[batch.segment].durableByteCount = max(
        segments[batch.segment].durableByteCount,
        SpoolLimits.reservedPageCount * SpoolLimits.pageByteCount)
      counters.commitCount += 1
      counters.writtenByteCount += UInt64(BatchHeader.paged(batch.byteCount))
      checkpoint.noteDurable(batch.number)
      sweep.mayHaveWork = true
      reclaim()
    } else {
      failedCommitCount += 1
      counters.failedCommitCount += 1
      retryAt = now.advanced(by: SpoolLimits.failedCommitDelay)
    }
  }

  private mutating func startCommit(_ batch: inout OpenBatch, _ now: Instant) {
    require(batch.generation == segments[writeSegment].generation)
    require(writeOffset + BatchHeader.paged(batch.byteCount) <= geometry.segmentByteCount)
    batch.offset = writeOffset
    if writesHeader { segments[writeSegment].previousGeneration = newestGeneration }
    var offset = writeOffset
    if batch.isTail {
      offset = (1 + tailSlot) * SpoolLimits.pageByteCount
      tailSlot = 1 - tailSlot
    } else {
      lastByteCount = BatchHeader.paged(batch.byteCount)
      writeOffset += lastByteCount
    }
    write(
      batch, at: offset, durableThrough: durableThrough,
      previousGeneration: segments[writeSegment].previousGeneration, writesHeader: writesHeader, now
    )
    writesHeader = false
  }

  /// Starts the commit of a batch of moved frames.
  mutating func startCold(_ batch: inout OpenBatch, _ now: Instant) {
    cold.offset += BatchHeader.paged(batch.byteCount)
    write(
      batch, at: batch.offset, durableThrough: batch.number - 1, previousGeneration: 0,
      writesHeader: batch.number == 1, now)
  }

  private mutating func write(
    _ batch: OpenBatch, at offset: Int, durableThrough: UInt32, previousGeneration: UInt32,
    writesHeader: Bool, _ now: Instant
  ) {
    let buffer = buffers[batch.buffer]
    let base = SpoolLimits.pageByteCount
    let paged = BatchHeader.paged(batch.byteCount)
    BatchHeader(
      generation: batch.generation, batch: batch.number, byteCount: batch.byteCount,
      recordCount: batch.recordCount, durableThrough: durableThrough,
      monotonicMilliseconds: UInt32(truncatingIfNeeded: batch.firstTime.milliseconds), salt: salt,
      previousGeneration: previousGeneration, replayGeneration: checkpoint.generation,
      oldestGeneration: oldestGeneration
    ).write(to: buffer, at: base, crc)
    buffer.zero(base + batch.byteCount..<base + paged)
    if writesHeader {
      SegmentHeader(
        uuidLow: uuidLow, uuidHigh: uuidHigh, generation: batch.generation, boot: boot,
        bootKey: bootKey, segmentByteCount: geometry.segmentByteCount,
        createdMilliseconds: UInt64(max(0, now.milliseconds)),
        previousGeneration: previousGeneration
      ).write(to: buffer, at: 0, crc)
    }
    underWay = batch
    retryAt = .never
    disk.startCommit(
      CommitOrder(
        segment: batch.segment, offset: offset, byteCount: paged,
        writesHeader: writesHeader, buffer: buffer))
  }

  /// Writes the batch whose commit failed to another segment, and takes the batch that has been
  /// gathered behind it along.
  ///
  /// What the failed segment holds beyond its last good batch is not to be read. Without a good
  /// batch it is free again, so that a disk that goes on failing never costs frames.
  private mutating func retryFailedCommit(_ now: Instant) {
    guard var batch = underWay else { return }
    retryAt = .never
    underWay = nil
    returnEmptySegment()
    guard rollSegment(avoiding: batch.segment) else {
      underWay = batch
      retryAt = now.advanced(by: SpoolLimits.failedCommitDelay)
      return
    }
    if segment(of: batch.generation) == nil { movePins(from: batch.generation) }
    move(&batch)
    startCommit(&batch, now)
    if var next = gathering {
      move(&next)
      gathering = next
    }
  }

  /// Seals a batch's records anew for the present write segment.
  @inline(never)
  private mutating func move(_ batch: inout OpenBatch) {
    batch.segment = writeSegment
    batch.generation = segments[writeSegment].generation
    batch.byteCountMax = roomForBatch
    batch.offset = writeOffset
    reseal(batch, buffers[batch.buffer], at: SpoolLimits.pageByteCount)
  }

  /// Seals a batch's records for its number, segment and generation; its header is at `start`.
  mutating func reseal(_ batch: OpenBatch, _ buffer: PageBuffer, at start: Int) {
    let seed = seed(of: batch)
    batch.forEachRecord(in: buffer, at: start) { offset, header in
      header.seal(in: buffer, at: offset, seed: seed, crc)
      guard header.isFrame else { return }
      segments[batch.segment].presence.insert(DeviceTable.slot(of: header.device))
    }
  }

  /// Puts drops and acknowledgements into the batch that is about to be written.
  private mutating func appendNotes(_ batch: inout OpenBatch, _ now: Instant) {
    let buffer = buffers[batch.buffer]
    var dropCount = 0
    while dropCount < droppingDevices.count {
      let device = droppingDevices[dropCount]
      let entry = table[device]
      let note = DropNote(device: entry.number, last: entry.acknowledged, dropped: entry.dropped)
      guard fits(note, batch) else { break }
      dropCount += 1
      note.write(to: buffer, at: batch.position + RecordHeader.byteCount)
      seal(.drop, note.payloadByteCount, entry.number, entry.acknowledged, &batch, now)
      table[device].isDropDirty = false
    }
    droppingDevices.removeFirst(dropCount)
    let count = min(dirtyDevices.count, SpoolLimits.acknowledgementsPerBatchMax)
    if count > 0 {
      var payload = batch.position + RecordHeader.byteCount
      for i in 0..<count {
        let device = dirtyDevices[i]
        table[device].isAcknowledgementDirty = false
        buffer.store(table[device].number, at: payload)
        buffer.store(table[device].acknowledged.rawValue, at: payload + 4)
        payload += 8
      }
      // From the front, so that no device's acknowledgement waits behind newer ones for ever.
      dirtyDevices.removeFirst(count)
      seal(.acknowledgements, count * 8, 0, SequenceNumber(0), &batch, now)
    }
    writtenNotes.drops += UInt64(dropCount)
    writtenNotes.acknowledgements += UInt64(count)
    writtenNotes.relocations = queuedNotes.relocations
    batch.notes = writtenNotes
    nameBoot(&batch, now)
    continueRound(&batch, now)
    acknowledgementsDueAt =
      dirtyDevices.isEmpty && droppingDevices.isEmpty
      ? .never : now.advanced(by: SpoolLimits.acknowledgementDelay)
  }

  private func fits(_ note: DropNote, _ batch: OpenBatch) -> Bool {
    batch.byteCount + RecordHeader.stride(note.payloadByteCount)
      + RecordHeader.stride(SpoolLimits.acknowledgementsPerBatchMax * 8) + Self.bootByteCount
      <= roomForNotes
  }

  /// Bytes that a batch written next may have before the tail is put in front of it.
  var roomForNotes: Int {
    min(SpoolLimits.batchBytesMax, geometry.segmentByteCount - writeOffset) - tailReserve
  }

  static var bootByteCount: Int { RecordHeader.stride(8) }

  /// Says which boot the records of this start are of, where the segment is from another one.
  private mutating func nameBoot(_ batch: inout OpenBatch, _ now: Instant) {
    if isBootNamed { return }
    isBootNamed = true
    buffers[batch.buffer].store(bootKey, at: batch.position + RecordHeader.byteCount)
    seal(.boot, 8, 0, SequenceNumber(0), &batch, now)
  }
}
