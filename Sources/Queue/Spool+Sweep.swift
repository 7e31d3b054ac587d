// Draining: one sequential pass over the log for all devices at once.
//
// A pass starts where the first frame of a ready device may lie, and follows the log to its durable
// end, where it waits for more; stretches that can serve nobody are left out by whole segments. A
// frame is handed out when its device is ready and it is the device's next one; when its device's
// window is full the frame is left behind, and the device waits for a later pass (`blockedPass`),
// or, when no other device would gain, the pass itself waits. A sequence number may skip ahead
// (what was between is lost) only for a device that was left behind in no part of the present pass,
// because then nothing before it can have been passed over.
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
  /// Devices that are ready and have frames they were not given.
  var readyCount = 0
  /// Whether anything has changed since the sweep last found nothing to do.
  var mayHaveWork = true
  /// Whether a part of the log could not be read in this pass, so that nothing is proven missing.
  var hasUnreadable = false
  /// Bytes of records read in this pass.
  var scannedByteCount = 0
  /// When the next pass may start.
  var resumeAt = Instant.origin

  mutating func stop() {
    isRunning = false
    waiting = nil
  }

  /// Ends a pass and keeps the next one from starting before as much time has passed as makes the
  /// reading of both bearable; the devices that become ready meanwhile share it.
  mutating func finishPass(_ now: Instant) {
    stop()
    let rest = hasUnreadable ? SpoolLimits.failedCommitDelay : 0
    resumeAt = now.advanced(
      by: max(rest, scannedByteCount / SpoolLimits.sweptBytesPerMillisecond))
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
  public mutating func setInterest(_ device: DeviceIndex, wants: Bool, hasRoom: Bool) {
    // The present pass may have gone by this device's frames while nobody wanted them.
    if wants, table[device].interest == .idle { table[device].blockedPass = sweep.pass }
    table[device].interest = wants ? (hasRoom ? .ready : .full) : .idle
    recount(device)
  }

  /// Keeps `sweep.readyCount` true after a device's interest or cursors have changed.
  mutating func recount(_ device: DeviceIndex) {
    let isReady = table[device].interest == .ready && table[device].hasUnsent
    if isReady { sweep.mayHaveWork = true }
    guard isReady != table[device].isCountedReady else { return }
    table[device].isCountedReady = isReady
    sweep.readyCount += isReady ? 1 : -1
  }

  /// The bytes of the frame that `sweepStep` returned last.
  public func withSwept<Result>(
    _ frame: SweptFrame, _ body: (Span<UInt8>) -> Result
  ) -> Result {
    walker.buffer.withBytes(frame.record.payload, body)
  }

  /// The login that the frame which `sweepStep` returned last was received under.
  public func login(ofSwept frame: SweptFrame) -> [UInt8] {
    table[frame.device].loginVaries
      ? table[frame.device].sweepLogin : table[frame.device].login
  }

  /// Milliseconds since the frame was stored; `nil` when that was before the machine's present
  /// boot.
  public func age(ofSwept frame: SweptFrame, now: Instant) -> Int64? {
    guard frame.record.header.boot == boot else { return nil }
    let stored = frame.record.monotonicMilliseconds
    return Int64(UInt32(truncatingIfNeeded: now.milliseconds) &- stored)
  }

  /// Takes back the frame that `sweepStep` returned last: its device has no room after all.
  public mutating func putBack(_ frame: SweptFrame) { sweep.waiting = frame.record }

  /// Reads on by one record.
  public mutating func sweepStep(now: Instant) -> SweepStep {
    guard sweep.mayHaveWork else { return .idle }
    let step = advance(now)
    if case .idle = step {
      sweep.mayHaveWork = !sweep.isRunning && sweep.readyCount > 0 && now < sweep.resumeAt
    }
    return step
  }

  private mutating func advance(_ now: Instant) -> SweepStep {
    if let record = sweep.waiting {
      guard let device = table.find(number: record.header.device),
        table[device].interest != .idle, table[device].blockedPass != sweep.pass
      else {
        sweep.waiting = nil
        return .skipped
      }
      if table[device].interest == .full {
        guard sweep.readyCount > 0 else { return .idle }
        table[device].blockedPass = sweep.pass
        sweep.waiting = nil
        if earliestReadyPlace(notBlockedIn: sweep.pass) == nil { sweep.finishPass(now) }
        return .skipped
      }
      sweep.waiting = nil
      return offer(record)
    }
    if !sweep.isRunning {
      guard now >= sweep.resumeAt, startPass() else { return .idle }
    }
    do {
      if let record = try walker.next(&disk, limit: segments[walker.segment].durableByteCount) {
        return apply(swept: record)
      }
    } catch {
      // The rest of the segment cannot be read now; a later pass tries again.
      sweep.hasUnreadable = true
    }
    return nextSegment(now)
  }

  /// Starts where the first ready device may have an unsent frame.
  private mutating func startPass() -> Bool {
    guard let place = earliestReadyPlace(notBlockedIn: nil), open(place) else { return false }
    sweep.pass &+= 1
    sweep.isRunning = true
    sweep.scannedByteCount = 0
    sweep.hasUnreadable = false
    blockPassedOver(before: place)
    return true
  }

  /// Marks the devices without room whose frames this pass leaves out by starting, or going on, at
  /// `place`: what comes later in the pass is not their next frame.
  private mutating func blockPassedOver(before place: LogPosition) {
    for i in 0..<table.count where table.entries[i].interest == .full {
      if table.entries[i].hasUnsent, startPlace(of: i) < place {
        table.entries[i].blockedPass = sweep.pass
      }
    }
  }

  /// Where reading for a device has to start.
  private func startPlace(of slot: Int) -> LogPosition {
    let pin = table.entries[slot].pin
    return table.entries[slot].loginVaries ? firstBatch(of: pin.generation) : pin
  }

  /// Where the first frame of a ready device may lie; devices that were left behind in `pass` do
  /// not count.
  private func earliestReadyPlace(notBlockedIn pass: UInt32?) -> LogPosition? {
    guard sweep.readyCount > 0 else { return nil }
    var earliest: LogPosition?
    for i in 0..<table.count where table.entries[i].isCountedReady {
      if let pass, table.entries[i].blockedPass == pass { continue }
      if table.entries[i].pin == .nowhere { continue }
      let place = startPlace(of: i)
      if let found = earliest, found <= place { continue }
      earliest = place
    }
    return earliest
  }

  /// Reads on from `place`; `false` when nothing is durable there yet.
  private mutating func open(_ place: LogPosition) -> Bool {
    guard let slot = segment(of: place.generation), segments[slot].durableByteCount > 0 else {
      return false
    }
    walker.open(
      segment: slot, generation: place.generation, provenThrough: segments[slot].provenThrough,
      offset: Int(place.offset))
    return true
  }

  /// Goes on to the next segment that can serve anybody in this pass.
  private mutating func nextSegment(_ now: Instant) -> SweepStep {
    counters.damagedByteCount += UInt64(walker.damagedByteCount)
    guard let place = order.firstIndex(of: walker.segment),
      segments[walker.segment].generation == walker.generation
    else {
      // The segment was freed under the sweep: what it held is done with.
      sweep.stop()
      return .skipped
    }
    guard place + 1 < order.count, segments[order[place + 1]].durableByteCount > 0 else {
      // At the durable end. Devices left behind need another pass; others need more commits.
      return finishOrWait(now)
    }
    guard let earliest = earliestReadyPlace(notBlockedIn: sweep.pass) else {
      // Only devices that were left behind, or have no room, want what comes: a pass of their own.
      sweep.finishPass(now)
      return .skipped
    }
    let next = max(earliest, firstBatch(of: segments[order[place + 1]].generation))
    if open(next) { blockPassedOver(before: next) } else { sweep.stop() }
    return .skipped
  }

  private mutating func finishOrWait(_ now: Instant) -> SweepStep {
    if sweep.hasUnreadable {
      sweep.finishPass(now)
      return .idle
    }
    var needsPass = false
    var isFollowing = false
    for i in 0..<table.count {
      guard table.entries[i].interest != .idle, table.entries[i].hasUnsent else { continue }
      if table.entries[i].blockedPass == sweep.pass {
        if table.entries[i].interest == .ready { needsPass = true }
      } else if table.entries[i].lastBatch <= durableThrough {
        // The whole log was read for this device and its frames were not there.
        giveUpMissing(DeviceIndex(i))
      } else {
        isFollowing = true
      }
    }
    if needsPass {
      sweep.finishPass(now)
      return .skipped
    }
    if !isFollowing { sweep.stop() }
    return .idle
  }

  private mutating func giveUpMissing(_ device: DeviceIndex) {
    let lost = table[device].last.distance(after: table[device].sent)
    // Frames in flight are settled first; their session then asks for more and comes here again.
    guard table[device].sent == table[device].acknowledged else {
      table[device].interest = .full
      recount(device)
      return
    }
    drop(device, through: table[device].last, count: lost, .damaged)
    setPin(device, .nowhere)
    reclaim()
  }

  private mutating func apply(swept record: WalkedRecord) -> SweepStep {
    sweep.scannedByteCount += record.header.strideByteCount
    guard let type = RecordType(rawValue: record.header.type) else { return .skipped }
    switch type {
    case .acknowledgements, .drop:
      return .skipped
    case .device:
      noteLogin(record)
      return .skipped
    case .data:
      return offer(record)
    }
  }

  private mutating func noteLogin(_ record: WalkedRecord) {
    guard let device = table.find(number: record.header.device),
      let head = DeviceRecord(walker.buffer, record.payload)
    else { return }
    let start = record.payload.lowerBound + 8 + head.nameByteCount
    let buffer = walker.buffer
    let isCurrent = buffer.withBytes(start..<start + head.loginByteCount) {
      Self.equal(table[device].sweepLogin, $0)
    }
    if isCurrent { return }
    // Most often it is the login in force, and its storage is shared.
    let isLive = buffer.withBytes(start..<start + head.loginByteCount) {
      Self.equal(table[device].login, $0)
    }
    if isLive {
      table[device].sweepLogin = table[device].login
      return
    }
    var login: [UInt8] = []
    for i in 0..<head.loginByteCount { login.append(buffer.loadUInt8(at: start + i)) }
    table[device].sweepLogin = login
  }

  private mutating func offer(_ record: WalkedRecord) -> SweepStep {
    guard let device = table.find(number: record.header.device) else { return .skipped }
    let sequence = record.header.sequence
    guard table[device].interest != .idle, sequence.isAfter(table[device].sent) else {
      return .skipped
    }
    // A frame beyond what this run knows is the remains of a torn batch.
    guard !sequence.isAfter(table[device].last) else { return .skipped }
    let isNext = sequence == table[device].sent.next
    guard isNext || table[device].blockedPass != sweep.pass else { return .skipped }
    if table[device].interest == .full {
      if sweep.readyCount > 0 {
        table[device].blockedPass = sweep.pass
        return .skipped
      }
      sweep.waiting = record
      return .idle
    }
    counters.sweptFrameCount += 1
    return .frame(
      SweptFrame(
        device: device, record: record))
  }
}
