// Draining: one sequential pass over the log for all devices at once.
//
// A pass starts at the oldest segment in which a ready device may have a frame, and follows the log
// to its durable end, where it waits for more. A frame is handed out when its device is ready and it
// is the device's next one. When its device's window is full the pass waits for a moment, because a window
// empties with the next answers as a rule, and then leaves the frame behind: the device waits for a
// later pass (`blockedPass`). While no other device would gain, the pass goes on waiting. Who is waited
// for in vain makes the next one be waited for half as long, so that devices that are stuck cannot
// add up; without the wait, nearly all would be left behind and each of them cost a pass over the log.
// A sequence number may skip ahead (what was between is lost, and counted) only for a device that was
// left behind in no part of the present pass, and in a pass that could read all of the log, because
// then nothing before it can have been passed over. Frames in flight are settled first, so that the
// count is exact.
//
// Reads are bounded by the caller's number of steps. Memory: one window of a batch.
// Source: spool document, section 2.8.

/// Where the sweep stands.
struct SweepState {
  /// The present pass; zero is never a pass, so that a fresh device is blocked in none.
  var pass: UInt32 = 0
  var isRunning = false
  /// A record that was read but found its device's window full, with nobody else to serve.
  var waiting: WalkedRecord?
  /// When the device of `waiting` may be left behind.
  var waitsUntil = Instant.origin
  /// The same, until it has come.
  var wakeAt = Instant.never
  /// Milliseconds that the next device without room is waited for.
  var patience = SpoolLimits.sweepPatience
  /// Whether anything has changed since the sweep last found nothing to do.
  var mayHaveWork = true
  /// Whether a part of the log could not be read in this pass, so that nothing is proven missing.
  var hasUnreadable = false
  /// When a pass after an unreadable one may start.
  var resumeAt = Instant.origin
  /// Passes in a row that could not read a part of the log.
  var unreadablePassCount = 0
  /// Devices with frames in the segment that is being read, as far as it was.
  var presence = DevicePresence()

  @inline(never)
  mutating func stop() {
    isRunning = false
    stopWaiting()
  }

  @inline(never)
  mutating func wait(for record: WalkedRecord, _ now: Instant) {
    waiting = record
    waitsUntil = now.advanced(by: patience)
    wakeAt = waitsUntil
  }

  @inline(never)
  mutating func stopWaiting() {
    waiting = nil
    wakeAt = .never
  }
}

/// A stored frame handed out by the sweep; its bytes are read with `withSwept`.
public struct SweptFrame: Sendable {
  public let device: DeviceIndex
  let record: WalkedRecord

  public var place: LogPosition { record.place }
  public var sequence: SequenceNumber { record.header.sequence }

  public var shelfLife: ShelfLife {
    record.header.flags & RecordHeader.expiresFlag == 0 ? .unlimited : .expires
  }
}

/// One step of the sweep.
public enum SweepStep: Sendable {
  case frame(SweptFrame)
  /// Read on, there may be more.
  case skipped
  /// Nothing to hand out before something changes.
  case idle
}

extension Spool where D: ~Copyable {
  /// Says whether the device's upstream session wants stored frames, and whether it has room.
  @inline(never)
  public mutating func setInterest(_ device: DeviceIndex, wants: Bool, hasRoom: Bool) {
    // The present pass may have gone by this device's frames while nobody wanted them.
    if wants, table[device].interest == .idle { table[device].blockedPass = sweep.pass }
    if wants, hasRoom, table[device].interest == .settling { return }
    table[device].interest = wants ? (hasRoom ? .ready : .full) : .idle
    if wants, hasRoom, table[device].hasUnsent { sweep.mayHaveWork = true }
  }

  /// Lets a device that waited for its frames in flight go on when there are none left.
  mutating func endSettling(_ device: DeviceIndex) {
    guard table[device].interest == .settling,
      table[device].sent == table[device].acknowledged
    else { return }
    table[device].interest = .ready
    sweep.mayHaveWork = true
  }

  /// The bytes of the frame that `sweepStep` returned last.
  public func withSwept<Result>(
    _ frame: SweptFrame, _ body: (Span<UInt8>) -> Result
  ) -> Result {
    walker.buffer.withBytes(frame.record.payload, body)
  }

  /// The login that the frame which `sweepStep` returned last was received under.
  public func login(ofSwept frame: SweptFrame) -> [UInt8] { table[frame.device].sweepLogin }

  /// Milliseconds since the frame was stored; `nil` when that was before the machine's present
  /// boot.
  public func age(ofSwept frame: SweptFrame, now: Instant) -> Int64? {
    age(of: frame.record, now: now)
  }

  func age(of record: WalkedRecord, now: Instant) -> Int64? {
    guard record.header.boot == boot else { return nil }
    return Int64(UInt32(truncatingIfNeeded: now.milliseconds) &- record.monotonicMilliseconds)
  }

  /// Takes back the frame that `sweepStep` returned last: its device has no room after all.
  public mutating func putBack(_ frame: SweptFrame) { sweep.wait(for: frame.record, .origin) }

  /// Reads on by one record.
  public mutating func sweepStep(now: Instant) -> SweepStep {
    if now >= sweep.wakeAt {
      sweep.wakeAt = .never
      sweep.mayHaveWork = true
    }
    guard sweep.mayHaveWork else { return .idle }
    let step = advance(now)
    if case .idle = step { sweep.mayHaveWork = sweep.hasUnreadable }
    return step
  }

  private mutating func advance(_ now: Instant) -> SweepStep {
    if let record = sweep.waiting {
      guard let device = table.find(number: record.header.device),
        table[device].interest != .idle, table[device].blockedPass != sweep.pass
      else {
        sweep.stopWaiting()
        return .skipped
      }
      if table[device].interest != .ready { return leaveBehindIfDue(device, now) }
      sweep.stopWaiting()
      sweep.patience = SpoolLimits.sweepPatience
      return offer(record, now)
    }
    if !sweep.isRunning {
      guard now >= sweep.resumeAt else { return .idle }
      guard startPass() else {
        sweep.hasUnreadable = false
        return .idle
      }
    }
    do {
      if let record = try walker.next(&disk, limit: segments[walker.segment].durableByteCount) {
        return apply(swept: record, now)
      }
    } catch {
      // The rest of the segment cannot be read now; a later pass tries again, but not for ever.
      if sweep.unreadablePassCount < SpoolLimits.unreadablePassesMax { sweep.hasUnreadable = true }
      return nextSegment(now, isWhole: false)
    }
    return nextSegment(now, isWhole: true)
  }

  /// Leaves the frame behind that is waited with, when its time has come and another device would gain.
  private mutating func leaveBehindIfDue(_ device: DeviceIndex, _ now: Instant) -> SweepStep {
    guard now >= sweep.waitsUntil, othersAreReady() else { return .idle }
    table[device].blockedPass = sweep.pass
    sweep.stopWaiting()
    sweep.patience /= 2
    return .skipped
  }

  /// Whether any device could be given a frame by a pass that starts now or goes on.
  private func othersAreReady() -> Bool {
    // What is in a tail can be had.
    let durable = tail?.number ?? durableThrough
    for i in 0..<table.count where table.entries[i].interest == .ready {
      if table.entries[i].hasDurableUnsent(durable) { return true }
    }
    return false
  }

  /// Starts at the oldest segment in which a ready device may have an unsent frame.
  private mutating func startPass() -> Bool {
    var oldest: LogPosition?
    for i in 0..<table.count {
      let pin = table.entries[i].firstPin
      guard table.entries[i].interest == .ready, table.entries[i].hasUnsent, pin != .nowhere
      else { continue }
      oldest = min(oldest ?? pin, pin)
    }
    guard let oldest else { return false }
    let first = place(of: oldest.generation)
    // What nothing holds any more is found missing by a pass as well.
    guard let place = readablePlace(from: first) ?? lastReadablePlace(from: first) else {
      return false
    }
    open(order[place])
    sweep.pass &+= 1
    sweep.isRunning = true
    sweep.hasUnreadable = false
    sweep.patience = SpoolLimits.sweepPatience
    // Devices without room at the moment may have frames before this.
    for i in 0..<table.count {
      guard table.entries[i].interest != .idle, table.entries[i].hasUnsent else { continue }
      if table.entries[i].firstPin < firstBatch(of: oldest.generation) {
        table.entries[i].blockedPass = sweep.pass
      }
    }
    return true
  }

  /// The first place in `order` from `place` on whose segment may have a frame for somebody. Where
  /// commits failed, there are segments without any.
  private mutating func readablePlace(from place: Int) -> Int? {
    var wanting = DevicePresence()
    for i in 0..<table.count
    where table.entries[i].interest != .idle && table.entries[i].hasUnsent {
      wanting.insert(DeviceIndex(i))
    }
    for next in place..<max(place, order.count) {
      let segment = segments[order[next]]
      if segment.durableByteCount > 0, segment.presence.intersects(wanting) { return next }
    }
    return nil
  }

  private func lastReadablePlace(from place: Int) -> Int? {
    for last in (place..<max(place, order.count)).reversed()
    where segments[order[last]].durableByteCount > 0 { return last }
    return nil
  }

  private mutating func open(_ slot: Int) {
    sweep.presence = DevicePresence()
    walker.open(
      segment: slot, generation: segments[slot].generation,
      provenThrough: segments[slot].provenThrough)
  }

  private mutating func nextSegment(_ now: Instant, isWhole: Bool) -> SweepStep {
    let damagedByteCount = walker.takeDamage()
    counters.damagedByteCount += UInt64(damagedByteCount)
    if let place = order.firstIndex(of: walker.segment),
      segments[walker.segment].generation == walker.generation
    {
      // All of it was read, and more is written to the last one only.
      if isWhole, damagedByteCount == 0, walker.segment != writeSegment,
        walker.segment != cold.segment
      {
        segments[walker.segment].presence = sweep.presence
      }
      if let next = readablePlace(from: place + 1) {
        open(order[next])
        return .skipped
      }
      // At the durable end. Devices left behind need another pass; others need more commits.
      return finishOrWait(now)
    }
    // The segment was freed under the sweep: what it held is done with.
    sweep.stop()
    return .skipped
  }

  private mutating func finishOrWait(_ now: Instant) -> SweepStep {
    if sweep.hasUnreadable {
      sweep.stop()
      sweep.unreadablePassCount += 1
      sweep.resumeAt = now.advanced(by: SpoolLimits.unreadableDelay)
      return .idle
    }
    sweep.unreadablePassCount = 0
    var needsPass = false
    var isFollowing = false
    for i in 0..<table.count {
      guard table.entries[i].interest != .idle, table.entries[i].hasUnsent else { continue }
      if table.entries[i].blockedPass == sweep.pass {
        if table.entries[i].interest == .ready { needsPass = true }
      } else if table.entries[i].lastBatch <= durableThrough {
        // The whole log was read for this device and its frames were not there.
        if !searchCold(DeviceIndex(i)) {
          giveUpMissing(DeviceIndex(i))
        } else if table.entries[i].interest == .ready {
          needsPass = true
        }
      } else {
        isFollowing = true
        let isInTail = table.entries[i].lastBatch == tail?.number
        if isInTail, table.entries[i].interest == .ready { tailDueAt = min(tailDueAt, now) }
      }
    }
    if needsPass {
      sweep.stop()
      return .skipped
    }
    if !isFollowing { sweep.stop() }
    return .idle
  }

  /// Has the cold segments read for a device whose missing frames nothing places there; `false` when
  /// they were, or there are none.
  private mutating func searchCold(_ device: DeviceIndex) -> Bool {
    guard coldCount > 0, table[device].coldPin == .nowhere else { return false }
    setColdPin(device, firstBatch(of: segments[order[0]].generation))
    table[device].coldEnd = segments[order[coldCount - 1]].generation
    table[device].blockedPass = sweep.pass
    return true
  }

  private mutating func giveUpMissing(_ device: DeviceIndex) {
    let lost = table[device].last.distance(after: table[device].sent)
    guard table[device].sent == table[device].acknowledged else {
      table[device].interest = .settling
      return
    }
    drop(device, through: table[device].last, count: lost, .damaged)
    clearPins(device)
    reclaim()
  }

  private mutating func apply(swept record: WalkedRecord, _ now: Instant) -> SweepStep {
    guard let type = RecordType(rawValue: record.header.type) else { return .skipped }
    switch type {
    case .acknowledgements, .drop, .time, .boot:
      return .skipped
    case .device:
      noteLogin(record)
      return .skipped
    case .data, .relocated:
      sweep.presence.insert(DeviceTable.slot(of: record.header.device))
      return offer(record, now)
    }
  }

  /// Notes the login that the device's following frames in the log were received under.
  mutating func noteLogin(_ record: WalkedRecord) {
    guard let device = table.find(number: record.header.device),
      let head = DeviceRecord.read(walker.buffer, record.payload)
    else { return }
    let range = head.login(in: record.payload)
    let buffer = walker.buffer
    let isCurrent = buffer.withBytes(range) { Self.equal(table[device].sweepLogin, $0) }
    if isCurrent { return }
    table[device].coldHead = 0
    // Most often it is the login in force, and its storage is shared.
    let isLive = buffer.withBytes(range) { Self.equal(table[device].login, $0) }
    if isLive {
      table[device].sweepLogin = table[device].login
      return
    }
    var login: [UInt8] = []
    for i in range { login.append(buffer.loadUInt8(at: i)) }
    table[device].sweepLogin = login
  }

  private mutating func offer(_ record: WalkedRecord, _ now: Instant) -> SweepStep {
    guard let device = table.find(number: record.header.device) else { return .skipped }
    let sequence = record.header.sequence
    guard table[device].interest != .idle, sequence.isAfter(table[device].sent) else {
      return .skipped
    }
    // A frame beyond what this run knows is the remains of a torn batch.
    guard !sequence.isAfter(table[device].last) else { return .skipped }
    let isNext = sequence == table[device].sent.next
    // Perhaps a copy that a relocation has left behind before its end: then the frames before it are
    // where they were.
    if !isNext, table[device].coldPin == .nowhere, Generation.isCold(record.place.generation) {
      return .skipped
    }
    let isLeftBehind = table[device].blockedPass == sweep.pass || sweep.hasUnreadable
    guard isNext || !isLeftBehind else { return .skipped }
    if table[device].interest != .ready {
      sweep.wait(for: record, now)
      return leaveBehindIfDue(device, now)
    }
    if !isNext {
      guard table[device].sent == table[device].acknowledged else {
        table[device].blockedPass = sweep.pass
        table[device].interest = .settling
        return .skipped
      }
      let before = SequenceNumber(sequence.rawValue &- 1)
      drop(device, through: before, count: before.distance(after: table[device].sent), .damaged)
    }
    counters.sweptFrameCount += 1
    return .frame(
      SweptFrame(
        device: device, record: record))
  }
}
