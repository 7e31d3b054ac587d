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
// Methods that every frame comes through are mutating even where they change nothing: of a value as large as
// this one, the compiler makes a copy for each call that only reads it.
// Source: spool document, section 2.

/// A disk-backed queue of frames, ordered per device.
public struct Spool<D: Disk & ~Copyable>: ~Copyable {
  public var disk: D
  public let geometry: SpoolGeometry
  var table: DeviceTable
  var segments: [SegmentState]
  /// Used segments, oldest generation first.
  var order: [Int] = []
  public let crc = CRC32C()
  let buffers: InlineArray<2, PageBuffer>
  var gathering: OpenBatch?
  var underWay: OpenBatch?
  /// When the newest batch is to be closed, by another one that proves it durable and tells how far
  /// its devices have come: without that, a damaged newest batch looks like one that was torn.
  var closingDueAt = Instant.never
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
  /// Bytes of the newest batch that was written to its place.
  var lastByteCount = 0
  var writesHeader = false
  /// Whether the commit before this one moved frames.
  var wasRelocation = false
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
  var writtenNotes = NoteCount()
  var durableNotes = NoteCount()
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
  public internal(set) var durableThrough: UInt32 = 0
  /// Every frame appended under a ticket up to this one is durable, or was delivered before it had to
  /// be.
  public internal(set) var durableTicket: UInt32 = 0
  /// Commits that failed since the last one that did not.
  public internal(set) var failedCommitCount = 0
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
    let headByteCount = RecordHeader.stride(table.recordByteCount(device))
    let needed = headByteCount + RecordHeader.stride(frame.count)
    guard openBatch(needed, now), var batch = gathering else { return .full }
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
    let payload = RecordHeader.byteCount + batch.position
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

  /// Opens a batch if none is being gathered; returns whether the one there is has room for `needed` more
  /// bytes.
  mutating func openBatch(_ needed: Int, _ now: Instant) -> Bool {
    if let batch = gathering {
      if batch.byteCount + needed <= batch.byteCountMax { return true }
      // While the disk fails, room comes from what is delivered.
      guard batch.deliveredCount >= batch.frameCount / SpoolLimits.shrinkShare else { return false }
      shrinkGathering(now)
      return gathering.map { $0.byteCount + needed <= $0.byteCountMax } ?? false
    }
    let room = geometry.segmentByteCount - writeOffset
    let wanted = BatchHeader.paged(
      BatchHeader.byteCount + needed + noteReserve + tailReserve)
    let isEnd =
      needed > 0 && room < min(lastByteCount, geometry.segmentByteCount / SpoolLimits.endShare)
    if writeSegment < 0 || room < wanted || segments[writeSegment].use != .used
      || isEnd && hasRoomForFrames
    {
      // A commit under way still counts on the present segment: wait for it.
      if underWay != nil { return false }
      guard fullPolicy == .dropOldest || needed == 0 || hasRoomForFrames else {
        counters.refusedCount += 1
        return false
      }
      guard rollSegment() else { return false }
    }
    let byteCountMax = roomForBatch
    guard BatchHeader.byteCount + needed <= byteCountMax else { return false }
    gatheringCount &+= 1
    gathering = OpenBatch(
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
    return true
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

  /// Writes the header and checksum of a record of this moment whose payload is in place.
  mutating func seal(
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
  mutating func seal(_ header: RecordHeader, _ batch: inout OpenBatch) {
    let buffer = buffers[batch.buffer]
    let offset = batch.position
    let end = offset + RecordHeader.byteCount + header.payloadByteCount
    buffer.zero(end..<offset + header.strideByteCount)
    header.seal(in: buffer, at: offset, seed: seed(of: batch), crc)
    batch.byteCount += header.strideByteCount
    batch.recordCount += 1
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
    let start = batch.position + RecordHeader.byteCount
    let payload = start..<start + record.payloadByteCount
    record.write(to: buffer, at: start)
    entry.key.withBytes { buffer.store($0, at: record.name(in: payload).lowerBound) }
    buffer.store(login.span, at: record.login(in: payload).lowerBound)
    seal(.device, payload.count, entry.number, last, &batch, now)
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
