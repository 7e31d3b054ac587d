// Draining: one sequential pass over the log for all devices at once.
//
// A pass starts at the oldest segment in which a ready device may have a frame, and follows the log
// to its durable end, where it waits for more. A frame is handed out when its device is ready and it
// is the device's next one; when its device's window is full the frame is left behind, and the device
// waits for a later pass (`blockedPass`), or, when no other device would gain, the pass itself waits.
// A sequence number may skip ahead (what was between is lost) only for a device that was left behind
// in no part of the present pass, because then nothing before it can have been passed over.
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
  /// Whether anything has changed since the sweep last found nothing to do.
  var mayHaveWork = true
  /// Whether a part of the log could not be read in this pass, so that nothing is proven missing.
  var hasUnreadable = false
  /// When a pass after an unreadable one may start.
  var resumeAt = Instant(milliseconds: Int64.min)

  mutating func stop() {
    isRunning = false
    waiting = nil
  }
}

/// A stored frame handed out by the sweep; its bytes are read with `withSwept`.
public struct SweptFrame: Sendable {
  public let device: DeviceIndex
  public let generation: UInt32
  let record: WalkedRecord

  public var sequence: SequenceNumber { record.header.sequence }
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
    if wants, hasRoom, table[device].hasUnsent { sweep.mayHaveWork = true }
  }

  /// The bytes of the frame that `sweepStep` returned last.
  public func withSwept<Result>(
    _ frame: SweptFrame, _ body: (Span<UInt8>) -> Result
  ) -> Result {
    walker.buffer.withBytes(frame.record.payload, body)
  }

  /// The login that the frame which `sweepStep` returned last was received under.
  public func login(ofSwept frame: SweptFrame) -> [UInt8] { table[frame.device].sweepLogin }

  /// Takes back the frame that `sweepStep` returned last: its device has no room after all.
  public mutating func putBack(_ frame: SweptFrame) { sweep.waiting = frame.record }

  /// Reads on by one record.
  public mutating func sweepStep(now: Instant) -> SweepStep {
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
        sweep.waiting = nil
        return .skipped
      }
      if table[device].interest == .full {
        guard othersAreReady() else { return .idle }
        table[device].blockedPass = sweep.pass
        sweep.waiting = nil
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

  /// Whether any device could be given a frame by a pass that starts now or goes on.
  private func othersAreReady() -> Bool {
    for i in 0..<table.count {
      let entry = table.entries[i]
      if entry.interest == .ready, entry.hasUnsent, entry.lastBatch <= durableThrough {
        return true
      }
    }
    return false
  }

  /// Starts at the oldest segment in which a ready device may have an unsent frame.
  private mutating func startPass() -> Bool {
    var oldest = UInt32.max
    for i in 0..<table.count {
      let entry = table.entries[i]
      guard entry.interest == .ready, entry.hasUnsent, entry.pin != 0 else { continue }
      oldest = min(oldest, entry.pin)
    }
    guard oldest != UInt32.max, let slot = segment(of: oldest) else { return false }
    guard segments[slot].durableByteCount > 0 else { return false }
    open(slot)
    sweep.pass &+= 1
    sweep.isRunning = true
    sweep.hasUnreadable = false
    return true
  }

  private mutating func open(_ slot: Int) {
    walker.open(
      segment: slot, generation: segments[slot].generation,
      provenThrough: segments[slot].provenThrough)
  }

  private mutating func nextSegment(_ now: Instant) -> SweepStep {
    counters.damagedByteCount += UInt64(walker.damagedByteCount)
    if let place = order.firstIndex(of: walker.segment),
      segments[walker.segment].generation == walker.generation
    {
      if place + 1 < order.count, segments[order[place + 1]].durableByteCount > 0 {
        open(order[place + 1])
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
      sweep.resumeAt = now.advanced(by: SpoolLimits.failedCommitDelay)
      return .idle
    }
    var needsPass = false
    var isFollowing = false
    for i in 0..<table.count {
      let entry = table.entries[i]
      guard entry.hasUnsent, entry.interest != .idle else { continue }
      if entry.blockedPass == sweep.pass {
        if entry.interest == .ready { needsPass = true }
      } else if entry.lastBatch <= durableThrough {
        // The whole log was read for this device and its frames were not there.
        giveUpMissing(DeviceIndex(i))
      } else {
        isFollowing = true
      }
    }
    if needsPass {
      sweep.stop()
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
      return
    }
    drop(device, through: table[device].last, count: lost, .damaged)
    setPin(device, 0)
    reclaim()
  }

  private mutating func apply(swept record: WalkedRecord) -> SweepStep {
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
      if othersAreReady() {
        table[device].blockedPass = sweep.pass
        return .skipped
      }
      sweep.waiting = record
      return .idle
    }
    counters.sweptFrameCount += 1
    return .frame(
      SweptFrame(
        device: device, generation: walker.generation, record: record))
  }
}
