// The disk queue: frames in, frames out in order per device, nothing lost that was durable.
//
//   append -> [gathering batch] -> commitIfDue -> [batch under way] -> commitFinished -> durable
//   durable -> nextStored (the sweep) -> upstream session -> acknowledge -> reclaim
//
// Two buffers: one gathers while the other is under way. One commit at a time; batch k+1 is not
// started before batch k is durable, which is what makes `durableThrough` true. A failed commit is
// never synced again: its batch is sealed anew and written to another segment.
//
// Segments are used in a ring by generation. The oldest is free again when no device's first
// undelivered frame can lie in it; when few are free, the oldest is evicted and every frame in it
// that was not delivered is counted as dropped, on disk as well.
//
// Frames on a prompt session with the platform are held: they wait in the gathering batch for their
// proof of delivery, and those that get it in time are never written (Spool+Hold.swift).
//
// Memory: two batch buffers, one read window, and O(devices + segments).
// Source: spool document, section 2.

/// What became of a frame that was to be stored.
public enum AppendResult: Equatable, Sendable {
  /// It is durable once `ticket` is; the position is for `acknowledge`.
  case stored(SequenceNumber, ticket: UInt32, LogPosition)
  /// No room before the commit under way has ended: offer it again then.
  case full
}

/// How soon a frame is to be durable.
public enum Urgency: Sendable {
  /// With the next commit.
  case soon
  /// When it is not delivered within `Spool.holdMilliseconds`, or its session with the platform ends:
  /// it has been handed to a live one.
  case held
}

/// How long a frame is worth delivering.
public enum ShelfLife: Sendable {
  /// Any time later.
  case unlimited
  /// Not long; the reader of the frame decides by its age.
  case expires
}

/// A batch being gathered or written.
struct OpenBatch {
  var buffer: Int
  var segment: Int
  var generation: UInt32
  var number: UInt32
  /// Tells batches that were gathered with the same number apart; zero was not gathered.
  var gathering: UInt32 = 0
  /// What its frames were promised by; zero where it has none. Rises from batch to batch, and stays
  /// when the number changes.
  var ticket: UInt32 = 0
  /// Bytes used, header included.
  var byteCount: Int
  var byteCountMax: Int
  var recordCount = 0
  /// What the times of the records that are appended count from.
  var openedAt: Instant
  /// What the times of its first records count from, where that is something else.
  var headerTime: Instant?
  var firstTime: Instant { headerTime ?? openedAt }
  /// Whether it is written before one that goes on gathering.
  var isAhead = false
  /// Whether it is written to a tail slot.
  var isTail = false
  /// Whether it carries frames to a cold segment, and nothing that anybody waits for.
  var isRelocation = false
  /// Whether it carries frames, so that it is to be closed when none follow.
  var hasFrames: Bool { frameCount > 0 }
  var frameCount = 0
  /// When everything in it is to be written, and when the first held frame has waited long enough.
  var dueAt = Instant.never
  var heldUntil = Instant.never
  /// Frames in it that were delivered meanwhile, about.
  var deliveredCount = 0
  /// The notes that are written when this batch is.
  var notes = NoteCount()
  /// Where it is to be written; a failed commit before it may still move it to a later segment.
  var offset: Int
}

/// What the spool knows of one segment file.
struct SegmentState {
  enum Use: Equatable {
    case free
    case used
    /// Of a version this one does not know, or unreadable at start: neither read nor written.
    case foreign
  }

  var use = Use.free
  /// Of what the segment holds; zero when nothing was ever written.
  var generation: UInt32 = 0
  /// The newest segment with a durable batch when this one was begun.
  var previousGeneration: UInt32 = 0
  /// Whether page 0 is lost, and the first batch has told the generation.
  var isAdopted = false
  /// The generation before the present use.
  var formerGeneration: UInt32 = 0
  /// The notes that explain why it is free.
  var notes = NoteCount()
  /// Devices whose first undelivered frame may lie here.
  var pinCount = 0
  /// Bytes from the start that may be read back.
  var durableByteCount = 0
  /// The header of its first batch, as a start has read it.
  var firstBatch: BatchHeader?
  /// Batches up to this number were durable, known from the next segment or a tail slot.
  var provenThrough = UInt32.max
  /// The same, known from a tail slot.
  var provenByTail: UInt32 = 0
}

/// A disk-backed queue of frames, ordered per device.
public struct Spool<D: Disk & ~Copyable>: ~Copyable {
  public var disk: D
  public let geometry: SpoolGeometry
  var table: DeviceTable
  var segments: [SegmentState]
  /// Used segments, oldest generation first.
  var order: [Int] = []
  let crc = CRC32C()
  let buffers: InlineArray<2, PageBuffer>
  var gathering: OpenBatch?
  var underWay: OpenBatch?
  /// When the newest batch is to be closed, by another one that proves it durable and tells how far
  /// its devices have come: without that, a damaged newest batch looks like one that was torn.
  private var closingDueAt = Instant.never
  /// The newest batch while it is in a tail slot only; its bytes are in `tailBuffer`.
  var tail: OpenBatch?
  let tailBuffer = PageBuffer(byteCount: SpoolLimits.pageByteCount)
  /// Which tail slot is written next: the first or the second.
  var tailSlot = 0
  /// When the tail is to be written home, because a session wants its frames.
  var tailDueAt = Instant.never
  /// Bytes of a batch that still goes to a tail slot; zero makes no use of them.
  var tailByteCountMax = SpoolLimits.tailBytesMax
  /// When a batch whose commit failed is to be written again.
  var retryAt = Instant.never
  var writeSegment = -1
  var writeOffset = 0
  var writesHeader = false
  /// Whether the commit before this one moved frames.
  private var wasRelocation = false
  var nextGeneration: UInt32 = 1
  var nextBatch: UInt32 = 1
  private var nextTicket: UInt32 = 1
  private var gatheringCount: UInt32 = 0
  /// The newest segment with a durable batch; zero is none.
  var newestGeneration: UInt32 = 0
  /// Tells this start's batches from those of another that has used the same numbers.
  let salt: UInt32
  var uuidLow: UInt64
  var uuidHigh: UInt64
  /// The machine's present boot as records name it, and what tells it from another.
  var boot: UInt16 = 1
  let bootKey: UInt64
  /// Whether the segment that is written says which boot that is.
  var isBootNamed = true
  let secret: UInt64
  var dirtyDevices: [DeviceIndex] = []
  var acknowledgementsDueAt = Instant.never
  /// Notes queued, put into batches, and durable.
  var queuedNotes = NoteCount()
  private var writtenNotes = NoteCount()
  private(set) var durableNotes = NoteCount()
  /// Devices with frames given up whose record is still to be written.
  var droppingDevices: [DeviceIndex] = []
  var checkpoint = Checkpoint()
  var relocation: Relocation?
  var cold = ColdTarget()
  /// Batches of moved frames in this run.
  var relocationCount: UInt32 = 0
  var walker: SegmentWalker
  var sweep = SweepState()

  /// What becomes of frames when the ring is full.
  public var fullPolicy = FullPolicy.dropOldest
  /// Milliseconds that a held frame waits for its delivery before it is written.
  public var holdMilliseconds = SpoolLimits.holdMilliseconds

  /// Every batch up to this number is durable.
  public private(set) var durableThrough: UInt32 = 0
  /// Every frame appended under a ticket up to this one is durable, or was delivered before it had to
  /// be.
  public private(set) var durableTicket: UInt32 = 0
  /// Commits that failed since the last one that did not.
  public private(set) var failedCommitCount = 0
  public internal(set) var counters = SpoolCounters()

  /// A spool over `disk`, empty until `recover` has read what is there.
  ///
  /// `secret` keys the device table and names a new spool; it comes from the system's random
  /// source. `bootKey` is the same for two programs exactly when their instants count from the same
  /// origin; zero is unknown.
  public init(
    disk: consuming D, geometry: SpoolGeometry, deviceCountMax: Int, secret: UInt64,
    bootKey: UInt64
  ) {
    self.bootKey = bootKey
    self.disk = disk
    self.geometry = geometry
    table = DeviceTable(capacity: deviceCountMax, secret: secret)
    segments = [SegmentState](repeating: SegmentState(), count: geometry.segmentCount)
    order.reserveCapacity(geometry.segmentCount)
    let bufferByteCount =
      min(SpoolLimits.batchBytesMax, geometry.segmentByteCount) + SpoolLimits.pageByteCount
    buffers = [PageBuffer(byteCount: bufferByteCount), PageBuffer(byteCount: bufferByteCount)]
    walker = SegmentWalker(segmentByteCount: geometry.segmentByteCount, crc: crc)
    self.secret = secret
    salt = UInt32(truncatingIfNeeded: secret &* 0x9E37_79B9_7F4A_7C15 >> 32)
    uuidLow = secret
    uuidHigh = secret &* 0x9E37_79B9_7F4A_7C15
    dirtyDevices.reserveCapacity(deviceCountMax)
  }

  // MARK: Appending

  /// Takes a frame of `device` into the batch being gathered.
  public mutating func append(
    _ device: DeviceIndex, _ frame: Span<UInt8>, _ shelfLife: ShelfLife,
    _ urgency: Urgency = .soon, now: Instant
  ) -> AppendResult {
    require(frame.count <= SpoolLimits.payloadBytesMax)
    let headByteCount = RecordHeader.stride(deviceRecordByteCount(device))
    let needed = headByteCount + RecordHeader.stride(frame.count)
    guard var batch = openBatch(needed, now) else { return .full }
    if batch.recordCount == 0 { batch.openedAt = timeBase(of: batch, now) }
    // A frame that may be delivered before it is written, and is left out then, needs a record that can
    // say so: one in a tail cannot.
    let mayBeSpared = urgency == .held || table[device].interest != .idle
    if table[device].headBatch != batch.number
      || mayBeSpared && table[device].headGathering != batch.gathering
    {
      appendDeviceRecord(device, &batch, now)
    }
    let sequence = table[device].last.next
    let payload = RecordHeader.byteCount + position(in: batch)
    buffers[batch.buffer].store(frame, at: payload)
    seal(
      .data, frame.count, table[device].number, sequence, &batch, now,
      flags: shelfLife == .expires ? RecordHeader.expiresFlag : 0)
    table[device].last = sequence
    if table[device].lastBatch != batch.number || table[device].acknowledged.next == sequence {
      table[device].lastBatch = batch.number
      table[device].lastBatchFirst = sequence
    }
    let place = LogPosition(generation: batch.generation, offset: UInt32(batch.offset))
    if table[device].pin == .nowhere { setPin(device, place) }
    batch.frameCount += 1
    switch urgency {
    case .soon: batch.dueAt = min(batch.dueAt, now.advanced(by: SpoolLimits.commitDelay))
    case .held: batch.heldUntil = min(batch.heldUntil, now.advanced(by: holdMilliseconds))
    }
    gathering = batch
    counters.appendedFrameCount += 1
    return .stored(sequence, ticket: batch.ticket, place)
  }

  /// Sets the login that the device's following frames belong to; `false` when it is the one known.
  @discardableResult
  public mutating func setLogin(_ device: DeviceIndex, _ login: Span<UInt8>) -> Bool {
    require(login.count <= SpoolLimits.loginBytesMax)
    if Self.equal(table[device].login, login) { return false }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(login.count)
    for i in 0..<login.count { bytes.append(login[i]) }
    table[device].login = bytes
    table[device].headBatch = 0
    return true
  }

  static func equal(_ a: [UInt8], _ b: Span<UInt8>) -> Bool {
    guard a.count == b.count else { return false }
    for i in 0..<b.count where a[i] != b[i] { return false }
    return true
  }

  /// The batch being gathered with room for `needed` more bytes, opened if there is none.
  mutating func openBatch(_ needed: Int, _ now: Instant) -> OpenBatch? {
    if let batch = gathering {
      if batch.byteCount + needed <= batch.byteCountMax { return batch }
      // While the disk fails, room comes from what is delivered.
      guard batch.deliveredCount >= batch.frameCount / SpoolLimits.shrinkShare else { return nil }
      shrinkGathering(now)
      guard let batch = gathering, batch.byteCount + needed <= batch.byteCountMax else {
        return nil
      }
      return batch
    }
    let room = geometry.segmentByteCount - writeOffset
    let wanted = BatchHeader.paged(
      BatchHeader.byteCount + needed + noteReserve + tailReserve)
    if writeSegment < 0 || room < wanted || segments[writeSegment].use != .used {
      // A commit under way still counts on the present segment: wait for it.
      if underWay != nil { return nil }
      guard fullPolicy == .dropOldest || needed == 0 || hasRoomForFrames else {
        counters.refusedCount += 1
        return nil
      }
      guard rollSegment() else { return nil }
    }
    let byteCountMax = roomForBatch
    guard BatchHeader.byteCount + needed <= byteCountMax else { return nil }
    gatheringCount &+= 1
    let batch = OpenBatch(
      buffer: underWay.map { 1 - $0.buffer } ?? 0,
      segment: writeSegment,
      generation: segments[writeSegment].generation,
      number: takeNumber(),
      gathering: gatheringCount,
      ticket: nextTicket,
      byteCount: BatchHeader.byteCount,
      byteCountMax: byteCountMax,
      openedAt: now,
      offset: writeOffset)
    nextTicket &+= 1
    gathering = batch
    return batch
  }

  /// Bytes that a batch written next may gather.
  var roomForBatch: Int {
    roomForNotes - noteReserve
  }

  /// Bytes kept free in every batch for what a commit adds: acknowledgements, and the drops of the
  /// segment that was evicted when this one was taken, up to a quarter of a batch.
  var noteReserve: Int {
    let drops = max(
      SpoolLimits.acknowledgementsPerBatchMax / 8,
      min(
        droppingDevices.count,
        min(SpoolLimits.batchBytesMax, geometry.segmentByteCount) / 4
          / RecordHeader.stride(DropNote.byteCount)))
    return RecordHeader.stride(SpoolLimits.acknowledgementsPerBatchMax * 8)
      + drops * RecordHeader.stride(DropNote.byteCount) + Self.bootByteCount + roundReserve
  }

  func seed(of batch: OpenBatch) -> UInt64 {
    RecordHeader.seed(generation: batch.generation, batch: batch.number, salt: salt)
  }

  func position(in batch: OpenBatch) -> Int {
    SpoolLimits.pageByteCount + batch.byteCount
  }

  /// Writes the header and checksum of a record of this moment whose payload is in place.
  private func seal(
    _ type: RecordType, _ payloadByteCount: Int, _ device: UInt32, _ sequence: SequenceNumber,
    _ batch: inout OpenBatch, _ now: Instant, flags: UInt8 = 0
  ) {
    seal(
      RecordHeader(
        payloadByteCount: payloadByteCount, type: type.rawValue, flags: flags, device: device,
        sequence: sequence, delta: UInt16(clamping: now.since(batch.openedAt)), boot: boot),
      &batch)
  }

  /// Writes the header and checksum of a record whose payload is in place, and counts it in.
  func seal(_ header: RecordHeader, _ batch: inout OpenBatch) {
    let buffer = buffers[batch.buffer]
    let offset = position(in: batch)
    let end = offset + RecordHeader.byteCount + header.payloadByteCount
    buffer.zero(end..<offset + header.strideByteCount)
    header.seal(in: buffer, at: offset, seed: seed(of: batch), crc)
    batch.byteCount += header.strideByteCount
    batch.recordCount += 1
  }

  func deviceRecordByteCount(_ device: DeviceIndex) -> Int {
    DeviceRecord.payloadByteCount(
      name: table[device].key.count, login: table[device].login.count, table[device].dropped)
  }

  mutating func appendDeviceRecord(
    _ device: DeviceIndex, _ batch: inout OpenBatch, _ now: Instant
  ) {
    // Before the batch that is gathered, the frames of that one are still to come.
    let last = batch.isAhead ? table[device].newestWritten : table[device].last
    appendDeviceRecord(device, &batch, now, login: table[device].login, before: last)
    table[device].headBatch = batch.number
    table[device].headGathering = batch.gathering
    table[device].recordGeneration = batch.generation
  }

  /// Writes what is known of a device, and the login of its frames behind `last`.
  mutating func appendDeviceRecord(
    _ device: DeviceIndex, _ batch: inout OpenBatch, _ now: Instant, login: [UInt8],
    before last: SequenceNumber
  ) {
    let buffer = buffers[batch.buffer]
    let entry = table[device]
    let record = DeviceRecord(
      family: entry.key.family, form: entry.key.form, nameByteCount: entry.key.count,
      loginByteCount: login.count, acknowledged: entry.acknowledged,
      firstGeneration: entry.pin.generation, firstColdGeneration: entry.coldPin.generation,
      dropped: entry.dropped)
    let start = position(in: batch) + RecordHeader.byteCount
    let payload = start..<start + record.payloadByteCount
    record.write(to: buffer, at: start)
    entry.key.withBytes { buffer.store($0, at: record.name(in: payload).lowerBound) }
    buffer.store(login.span, at: record.login(in: payload).lowerBound)
    seal(.device, payload.count, entry.number, last, &batch, now)
  }

  // MARK: Committing

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
    if gathering == nil, isExtraDue, openBatch(0, now) == nil { postpone(now) }
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
    noteWritten(batch)
    closingDueAt = .never
    batch.isTail = fitsTail(batch, now) && !isAwaited(batch)
    putTail(before: &batch)
    startCommit(&batch, now)
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
  private mutating func close(_ batch: inout OpenBatch, _ now: Instant) {
    closingDueAt = .never
    if tail != nil { return }
    for i in 0..<table.count where table.entries[i].lastBatch == durableThrough {
      let byteCount = RecordHeader.stride(deviceRecordByteCount(DeviceIndex(i)))
      guard batch.byteCount + byteCount <= SpoolLimits.pageByteCount else { continue }
      appendDeviceRecord(DeviceIndex(i), &batch, now)
    }
  }

  /// The next instant at which `commitIfDue` or `sweepStep` has something to do by itself.
  public var nextDeadline: Instant {
    let sweepAt = sweep.hasUnreadable && !sweep.isRunning ? sweep.resumeAt : .never
    if underWay != nil { return min(retryAt, sweepAt) }
    let relocationAt = relocation?.dueAt ?? .never
    let batchAt = gathering.map { min($0.dueAt, $0.heldUntil) } ?? .never
    return min(batchAt, acknowledgementsDueAt, closingDueAt, tailDueAt, relocationAt, sweepAt)
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
      writeOffset += BatchHeader.paged(batch.byteCount)
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
  private func move(_ batch: inout OpenBatch) {
    batch.segment = writeSegment
    batch.generation = segments[writeSegment].generation
    batch.byteCountMax = roomForBatch
    batch.offset = writeOffset
    reseal(batch, buffers[batch.buffer], at: SpoolLimits.pageByteCount)
  }

  /// Seals a batch's records for its number and generation; its header is at `start`.
  func reseal(_ batch: OpenBatch, _ buffer: PageBuffer, at start: Int) {
    let seed = seed(of: batch)
    var offset = start + BatchHeader.byteCount
    for _ in 0..<batch.recordCount {
      let header = RecordHeader.parse(buffer, at: offset)
      header.seal(in: buffer, at: offset, seed: seed, crc)
      offset += header.strideByteCount
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
      note.write(to: buffer, at: position(in: batch) + RecordHeader.byteCount)
      seal(.drop, note.payloadByteCount, entry.number, entry.acknowledged, &batch, now)
      table[device].isDropDirty = false
    }
    droppingDevices.removeFirst(dropCount)
    let count = min(dirtyDevices.count, SpoolLimits.acknowledgementsPerBatchMax)
    if count > 0 {
      var payload = position(in: batch) + RecordHeader.byteCount
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

  private static var bootByteCount: Int { RecordHeader.stride(8) }

  /// Says which boot the records of this start are of, where the segment is from another one.
  private mutating func nameBoot(_ batch: inout OpenBatch, _ now: Instant) {
    if isBootNamed { return }
    isBootNamed = true
    buffers[batch.buffer].store(bootKey, at: position(in: batch) + RecordHeader.byteCount)
    seal(.boot, 8, 0, SequenceNumber(0), &batch, now)
  }

  /// Called by recovery, which knows the log's past.
  mutating func resume(
    durableThrough: UInt32, nextBatch: UInt32, generation: UInt32, boot: UInt16
  ) {
    self.durableThrough = durableThrough
    self.nextBatch = nextBatch
    nextGeneration = generation
    self.boot = boot
  }
}
