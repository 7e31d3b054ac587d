// A spool and its reference, driven at random; every step is checked against the reference.
//
// I1  no durable frame is lost, unless its delivery was proven or its loss counted
// I2  no frame is handed out that differs from what was appended, nor under another login
// I3  each device's frames come in order
// I5  every loss is counted, exactly where nothing is damaged
// I6  recovery and sweep end

import Testing

@testable import Queue

struct World: ~Copyable {
  var spool: TestSpool
  var model = Model()
  var random: RandomNumbers
  /// Says where a failure was: seed, step, cut.
  var context: String
  var hasFailed = false
  /// Whether the disk is sound, so that nothing but eviction loses frames.
  var isSound = true

  init(spool: consuming TestSpool, seed: UInt64, context: String) {
    self.spool = spool
    self.spool.tailByteCountMax = seed % 2 == 0 ? SpoolLimits.tailBytesMax : 0
    random = RandomNumbers(seed: seed)
    self.context = context
  }

  /// Records the first thing that is wrong; what follows from it would only hide it.
  mutating func fail(_ text: String) {
    if hasFailed { return }
    hasFailed = true
    Issue.record("\(context): \(text)")
  }

  var now: Instant { instant(model.now) }

  // MARK: Operations

  /// Enters a device; its place in the model.
  mutating func add(_ name: String) -> Int {
    let index = spool.device(name)
    var device = ModelDevice(name: name, index: index)
    device.base = spool.lastSequence(index).rawValue
    device.durable = device.base
    device.sent = device.base
    device.cursor = device.base
    device.proven = device.base
    model.devices.append(device)
    return model.devices.count - 1
  }

  mutating func changeLogin(_ d: Int) {
    let login = Array("\(model.devices[d].name)-\(model.nextSerial)".utf8)
    model.nextSerial += 1
    model.devices[d].login = login
    model.devices[d].logins.append(login)
    spool.setLogin(model.devices[d].index, login.span)
  }

  /// Appends a frame; `false` when there is no room.
  @discardableResult
  mutating func append(_ d: Int, byteCount: Int) -> Bool {
    let frame = ModelFrame(
      serial: model.nextSerial, byteCount: byteCount, login: model.devices[d].login)
    let device = model.devices[d].index
    let isCaughtUp = !spool.hasUnsent(device)
    let result = spool.append(device, frame.bytes.span, .unlimited, now: now)
    noteDrops()
    guard case .stored(let sequence, let batch, let place) = result else { return false }
    model.nextSerial += 1
    if sequence.rawValue != model.devices[d].last + 1 {
      fail("\(model.devices[d].name) got number \(sequence.rawValue)")
    }
    if batch <= spool.durableTicket { fail("batch \(batch) is called durable already") }
    model.devices[d].frames.append(frame)
    model.pending.append((d, sequence.rawValue, batch))
    // A frame of a live device that has caught up goes out at once, as the relay does it.
    if isCaughtUp, model.devices[d].isLive, model.devices[d].hasRoom {
      spool.markSent(device, sequence)
      model.devices[d].sent = sequence.rawValue
      model.devices[d].inFlight.append((sequence.rawValue, place))
    }
    updateInterest(d)
    return true
  }

  mutating func connect(_ d: Int, window: Int) {
    model.devices[d].isLive = true
    model.devices[d].window = window
    updateInterest(d)
  }

  /// Ends the upstream session: everything sent without proof is taken back.
  mutating func disconnect(_ d: Int) {
    model.devices[d].isLive = false
    model.devices[d].inFlight = []
    model.devices[d].sent = model.devices[d].cursor
    spool.rewind(model.devices[d].index)
    updateInterest(d)
  }

  /// Takes everything back while the session lives on.
  mutating func rewind(_ d: Int) {
    model.devices[d].inFlight = []
    model.devices[d].sent = model.devices[d].cursor
    spool.rewind(model.devices[d].index)
    updateInterest(d)
  }

  /// Proves the delivery of the first `count` frames in flight.
  mutating func prove(_ d: Int, _ count: Int) {
    guard count > 0 else { return }
    let entry = model.devices[d].inFlight[count - 1]
    model.devices[d].inFlight.removeFirst(count)
    spool.acknowledge(
      model.devices[d].index, through: SequenceNumber(entry.sequence),
      at: entry.place, now: now)
    model.devices[d].proven = max(model.devices[d].proven, entry.sequence)
    model.devices[d].cursor = max(model.devices[d].cursor, entry.sequence)
    model.devices[d].sent = max(model.devices[d].sent, entry.sequence)
    updateInterest(d)
  }

  private mutating func updateInterest(_ d: Int) {
    spool.setInterest(
      model.devices[d].index, wants: model.devices[d].isLive, hasRoom: model.devices[d].hasRoom)
  }

  mutating func startCommit(isForced: Bool) {
    let wasCommitting = spool.disk.isCommitting
    let durable = spool.durableThrough
    spool.commitIfDue(now: now, isForced: isForced)
    noteDrops()
    if spool.durableThrough != durable { fail("durable before the commit has ended") }
    guard !wasCommitting, spool.disk.isCommitting, spool.failedCommitCount == 0 else { return }
    for d in 0..<model.devices.count {
      let device = model.devices[d].index
      if !spool.table[device].isDropDirty {
        model.devices[d].dropsUnderWay = model.devices[d].cursor
      }
    }
  }

  mutating func finishCommit(_ fault: CommitFault? = nil) {
    guard spool.disk.isCommitting else { return }
    let durable = spool.durableThrough
    let isRelocation = spool.underWay?.isRelocation ?? false
    let isTail = spool.underWay?.isTail ?? false
    let error = spool.disk.finishCommit(fault)
    spool.commitFinished(error, now: now)
    noteDrops()
    if isRelocation {
      if spool.durableThrough != durable { fail("durable by moving frames") }
      return
    }
    if error != nil {
      if spool.durableThrough != durable { fail("durable although the commit failed") }
      return
    }
    if spool.durableThrough <= durable, !isTail {
      fail("not durable although the commit ended well")
    }
    for entry in model.pending where entry.batch <= spool.durableTicket {
      model.devices[entry.device].durable = entry.sequence
    }
    model.pending.removeAll { $0.batch <= spool.durableTicket }
    for d in 0..<model.devices.count {
      model.devices[d].durablyDropped = max(
        model.devices[d].durablyDropped, model.devices[d].dropsUnderWay)
    }
  }

  /// Sweeps for up to `steps` steps.
  mutating func sweep(steps: Int) {
    var skipped = 0
    for _ in 0..<steps {
      switch spool.sweepStep(now: now) {
      case .frame(let frame):
        skipped = 0
        take(frame)
      case .skipped:
        skipped += 1
        noteDrops()
        if skipped > 20_000 {
          fail("the sweep is busy without handing out anything")
          return
        }
      case .idle where spool.sweep.wakeAt != .never:
        model.now = max(model.now, spool.sweep.wakeAt.milliseconds)
      case .idle:
        noteDrops()
        if isSound { checkNothingWaits() }
        return
      }
    }
  }

  private mutating func take(_ swept: SweptFrame) {
    noteDrops()
    guard let d = model.devices.firstIndex(where: { $0.index == swept.device }) else {
      return fail("a frame of an unknown device")
    }
    let sequence = swept.sequence.rawValue
    let name = model.devices[d].name
    if !model.devices[d].isLive || !model.devices[d].hasRoom {
      return fail("\(name)\(sequence) although there is no room")
    }
    if sequence != model.devices[d].sent + 1 {
      return fail("\(name)\(sequence) after \(model.devices[d].sent)")
    }
    guard let frame = model.devices[d].frame(sequence) else {
      return fail("\(name)\(sequence) was never appended")
    }
    if sequence > max(model.devices[d].durable, model.devices[d].readable), isSound {
      return fail("\(name)\(sequence) is not durable")
    }
    let bytes = frame.bytes
    let isEqual = spool.withSwept(swept) { swept in
      swept.count == bytes.count && (0..<bytes.count).allSatisfy { swept[$0] == bytes[$0] }
    }
    if !isEqual { return fail("\(name)\(sequence) has other content") }
    if isSound, spool.login(ofSwept: swept) != frame.login {
      return fail("\(name)\(sequence) comes under another login")
    }
    if random.chance(3) {
      // No room after all.
      spool.putBack(swept)
      return
    }
    spool.markSent(swept.device, swept.sequence)
    model.devices[d].sent = sequence
    model.devices[d].inFlight.append((sequence, swept.place))
    updateInterest(d)
  }

  // MARK: Checks

  /// Compares cursors after anything that may give frames up.
  mutating func noteDrops() {
    guard spool.counters.droppedFrameCount != model.droppedFrameCount else { return }
    model.droppedFrameCount = spool.counters.droppedFrameCount
    for d in 0..<model.devices.count {
      let entry = spool.table[model.devices[d].index]
      let cursor = entry.acknowledged.rawValue
      guard cursor != model.devices[d].cursor else { continue }
      let lost = Int(cursor) - Int(model.devices[d].cursor)
      if entry.dropped.total - model.devices[d].droppedCount != lost {
        fail(
          "\(model.devices[d].name): \(lost) given up, "
            + "\(entry.dropped.total - model.devices[d].droppedCount) counted")
      }
      // What was evicted may be written over before its drop is durable, when failed commits have
      // used up the spare segments; after a power cut it is then counted again, as damage. So the
      // count is compared, and the reason is not.
      model.devices[d].droppedCount = entry.dropped.total
      model.devices[d].cursor = cursor
      model.devices[d].sent = max(model.devices[d].sent, cursor)
    }
  }

  /// After `.idle`: no device with room has a durable frame that it was not given.
  private mutating func checkNothingWaits() {
    for device in model.devices where device.isLive && device.hasRoom {
      if device.sent < device.durable, !willComeHome(device) {
        fail("idle while \(device.name)\(device.sent + 1) is durable and wanted")
      }
    }
  }

  /// Whether the device's next frame is in a tail that the next commit writes home.
  private func willComeHome(_ device: ModelDevice) -> Bool {
    let entry = spool.table[device.index]
    return spool.tailDueAt <= now && entry.lastBatch == spool.tail?.number
      && entry.lastBatchFirst.rawValue <= device.sent + 1
  }

  mutating func checkCursors() {
    for device in model.devices {
      let entry = spool.table[device.index]
      if entry.acknowledged.rawValue != device.cursor || entry.sent.rawValue != device.sent
        || entry.last.rawValue != device.last
      {
        fail(
          "\(device.name): \(entry.acknowledged.rawValue) \(entry.sent.rawValue) "
            + "\(entry.last.rawValue) instead of \(device.cursor) \(device.sent) \(device.last)")
      }
    }
  }

  /// Delivers everything, with windows of every size and answers at every time.
  mutating func drain() {
    for d in 0..<model.devices.count {
      if !model.devices[d].isLive { connect(d, window: 1 + random.below(8)) }
    }
    for _ in 0..<100_000 {
      if hasFailed { return }
      model.now += 20
      sweep(steps: 1 + random.below(200))
      var isDone = true
      for d in 0..<model.devices.count {
        if random.chance(1) { disconnect(d) }
        if !model.devices[d].isLive { connect(d, window: 1 + random.below(8)) }
        prove(d, random.below(model.devices[d].inFlight.count + 1))
        if spool.hasUndelivered(model.devices[d].index) { isDone = false }
      }
      startCommit(isForced: true)
      finishCommit()
      if isDone { return checkCursors() }
    }
    fail("the drain does not come to an end")
  }

  // MARK: Restart

  /// A world that starts from `disk`, as this one's would after a power cut or a kill.
  func restarted(
    on disk: SimulatedDisk, seed: UInt64, context: String, isAfterPowerCut: Bool = true
  ) -> World {
    var report = RecoveryReport()
    // More slots than devices: the reference holds none of them, and each keeps its own.
    let spool = recovered(disk, deviceCountMax: 256, secret: seed, &report)
    var world = World(spool: spool, seed: seed, context: context)
    world.spool.tailByteCountMax = self.spool.tailByteCountMax
    world.isSound = isSound
    world.model = model
    world.model.pending = []
    world.model.droppedFrameCount = 0
    for d in 0..<model.devices.count {
      world.reconcile(d, report, isAfterPowerCut: isAfterPowerCut)
    }
    if world.hasFailed {
      dump(self.spool.disk.afterKill(), "before")
      dump(disk, "after")
      print(report)
    }
    return world
  }

  /// Checks what recovery found of a device and takes it into the model.
  private mutating func reconcile(
    _ d: Int, _ report: RecoveryReport, isAfterPowerCut: Bool
  ) {
    var device = model.devices[d]
    device.isLive = false
    device.inFlight = []
    let found = spool.table.find(deviceKey(device.name))
    device.index = spool.device(device.name)
    let entry = spool.table[device.index]
    let (cursor, last) = (entry.acknowledged.rawValue, entry.last.rawValue)
    // A device that an earlier start knew nothing of may be found again, with all of it done with,
    // in a segment whose next use never reached the disk.
    let isRefound = device.wasForgotten && device.durable == device.base && cursor == last
    if found == nil || isRefound {
      if device.durable > device.cursor { fail("\(device.name) is unknown, with durable frames") }
      let uncounted = Int(device.durable) - Int(device.safe)
      if uncounted > report.droppedFrameCount { fail("\(device.name): \(uncounted) not counted") }
      device.wasForgotten = true
      device.frames = []
      device.base = last
      device.proven = last
      device.durablyDropped = last
    } else {
      if last < device.durable { fail("\(device.name)\(device.durable) was durable, not \(last)") }
      if last > device.last { fail("\(device.name)\(last) was never appended") }
      if isSound, cursor > device.cursor { fail("\(device.name)\(cursor) is called delivered") }
      if isSound, cursor > device.safe, entry.dropped.total < Int(cursor - device.safe) {
        fail("\(device.name): \(cursor - device.safe) lost, \(entry.dropped.total) counted")
      }
      // Never an older login than the newest frame's; a newer one may have come with a record of the
      // checkpoint, or with a frame that was torn.
      let login = device.logins.firstIndex(of: spool.login(of: device.index))
      let oldest = device.frame(last).flatMap { device.logins.firstIndex(of: $0.login) }
      if last > device.base, login ?? -1 < oldest ?? 0 { fail("\(device.name) has another login") }
      device.frames.removeLast(Int(device.last - min(last, device.last)))
      device.proven = min(device.proven, last)
      // A drop that came back is on the disk.
      device.durablyDropped = max(device.durablyDropped, cursor)
    }
    device.readable = last
    // What a power cut left is there for good. What a cache shows after a failed sync may not be.
    device.durable = isAfterPowerCut ? last : min(device.durable, last)
    device.cursor = cursor
    device.sent = cursor
    device.droppedCount = entry.dropped.total
    spool.setLogin(device.index, device.login.span)
    model.devices[d] = device
  }
}
