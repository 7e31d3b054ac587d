// A spool at work beside its ledger.
//
// Devices: one is busy and served at once, one falls silent, one is stuck and goes on sending, one is
// stuck and silent (both log in anew now and then), one comes in bursts and is served now and then, one changes its login all the
// time, singles send one frame each, and one has a prompt session with the platform, which proves most of
// its frames before they are written, and breaks now and then.

/// What an invariant said.
struct Violation: Error {
  var text: String
  init(_ text: String) { self.text = text }
}

struct World: ~Copyable {
  static let kinds = ["busy", "quiet", "stuck", "mute", "burst", "login", "prompt"]

  var spool: Spool<ExplorerDisk>
  var ledger: Ledger
  var random: RandomNumbers
  /// Whether the next commit is for cursors only, if they are due, and held frames wait on.
  var areNotesAlone = false
  /// What the prompt device's session has sent without proof.
  var inFlight: [(sequence: SequenceNumber, place: LogPosition)] = []
  /// Frames that the stuck device sends at a time: few are moved out of the way, many are evicted.
  let stuckFrameCount: Int
  /// Whether nobody is served, so that the ring is soon full and evicts.
  var isOutage = false

  init(_ geometry: SpoolGeometry, seed: UInt64) {
    var disk = ExplorerDisk(geometry)
    // Every other run is on a file system where segments are emptied before they are used again.
    disk.isRenewed = seed % 2 == 0
    spool = Spool(
      disk: disk, geometry: geometry, deviceCountMax: 256, secret: seed,
      bootKey: 1)
    ledger = Ledger()
    random = RandomNumbers(seed: seed)
    stuckFrameCount = [1, 4, 16][Int(seed % 3)]
    spool.holdMilliseconds = 2_000
    for kind in Self.kinds { _ = add(kind) }
  }

  /// A start from `disk`, checked against the ledger of the run before.
  init(
    _ disk: consuming ExplorerDisk, _ geometry: SpoolGeometry, after ledger: Ledger, seed: UInt64,
    report: inout RecoveryReport
  ) {
    spool = Spool(
      disk: disk, geometry: geometry, deviceCountMax: 256, secret: seed, bootKey: seed % 2)
    report = spool.recover()
    self.ledger = ledger
    random = RandomNumbers(seed: seed)
    stuckFrameCount = [1, 4, 16][Int(seed % 3)]
    spool.holdMilliseconds = 2_000
  }

  var now: Instant { Instant(milliseconds: ledger.now) }

  static func key(_ name: [UInt8]) -> DeviceKey {
    var key = DeviceKey(family: 1, form: 2)
    for byte in name { key.append(byte) }
    return key
  }

  mutating func add(_ name: String) -> Int {
    let name = [UInt8](name.utf8)
    let index = spool.device(named: Self.key(name))!
    spool.setHeld(index, true)
    ledger.devices.append(LedgerDevice(name: name, index: index))
    return ledger.devices.count - 1
  }

  // MARK: Steps

  /// One frame into the batch that is gathered, if there is room.
  mutating func append(_ d: Int, _ urgency: Urgency = .soon) throws(Violation) {
    let serial = ledger.nextSerial
    let result = spool.append(
      ledger.devices[d].index, Ledger.frame(serial).span, .unlimited, urgency, now: now)
    noteDrops()
    guard case .stored(let sequence, _, let place) = result else { return }
    if urgency == .held {
      spool.markSent(ledger.devices[d].index, sequence)
      inFlight.append((sequence, place))
    }
    ledger.nextSerial += 1
    ledger.devices[d].frames.append(
      LedgerFrame(serial: serial, login: ledger.devices[d].login))
    if sequence.rawValue != ledger.devices[d].last {
      throw Violation("number \(sequence.rawValue)")
    }
  }

  mutating func changeLogin(_ d: Int) {
    ledger.devices[d].login += 1
    let device = ledger.devices[d]
    spool.setLogin(device.index, Ledger.login(device, device.login).span)
  }

  /// What happens between two commits.
  mutating func work(progress: Int) throws(Violation) {
    ledger.now += Int64(random.below(40))
    areNotesAlone = random.chance(25)
    if areNotesAlone { return try talk(6) }
    for _ in 0...(isOutage ? 40 : random.below(2)) { try append(0) }
    switch random.below(12) {
    case 0 where progress < 30: try append(1)
    case 1, 2:
      if random.chance(20) { changeLogin(2) }
      for _ in 0..<stuckFrameCount { try append(2) }
    case 3 where progress < 20:
      if random.chance(20) { changeLogin(3) }
      try append(3)
    case 4: for _ in 0...random.below(8) { try append(4) }
    case 5, 6:
      if random.chance(60) { changeLogin(5) }
      try append(5)
    case 7 where ledger.devices.count < 14:
      let d = add("one\(ledger.devices.count)")
      if random.chance(50) { changeLogin(d) }
      try append(d)
    default: break
    }
    try talk(6)
    try serve(0)
    if random.chance(30) { try serve(5) }
    if random.chance(10) { try serve(4) }
    if progress > 50, random.chance(5) { try serve(1) }
    if random.chance(5) { try serve(random.below(ledger.devices.count)) }
  }

  /// The prompt device sends, its session proves a part, breaks, or catches up.
  private mutating func talk(_ d: Int) throws(Violation) {
    let device = ledger.devices[d].index
    if spool.hasUnsent(device) { return try serve(d) }
    if random.chance(20) { changeLogin(d) }
    for _ in 0...random.below(3) { try append(d, .held) }
    for _ in 0..<random.below(4) where !inFlight.isEmpty {
      let proven = inFlight.removeFirst()
      if proven.sequence.isAfter(spool.table[device].written) {
        ledger.devices[d].frames[Int(proven.sequence.rawValue) - 1].isSpared = true
      }
      spool.acknowledge(device, through: proven.sequence, at: proven.place, now: now)
      ledger.devices[d].cursor = max(ledger.devices[d].cursor, proven.sequence.rawValue)
    }
    if random.chance(10) {
      inFlight.removeAll()
      spool.rewind(device)
    }
    if random.chance(30) { spool.shrinkGathering(now) }
  }

  /// Delivers what is durable of a device; the stuck ones never are.
  private mutating func serve(_ d: Int) throws(Violation) {
    if d == 2 || d == 3 || isOutage { return }
    let device = ledger.devices[d].index
    spool.setInterest(device, wants: true, hasRoom: true)
    while let frame = try next() { try take(frame, isSound: true) }
    spool.setInterest(device, wants: false, hasRoom: false)
    let entry = spool.table[device]
    // In a tail that the next commit writes home, or in one whose commit has failed.
    let willComeHome =
      entry.lastBatch == spool.tail?.number && spool.tailDueAt <= now
      || spool.underWay != nil && spool.failedCommitCount > 0
    if entry.sent.rawValue < ledger.devices[d].durable, !willComeHome {
      throw Violation("idle while a durable frame is wanted")
    }
  }

  /// The next frame that the sweep hands out.
  mutating func next() throws(Violation) -> SweptFrame? {
    for _ in 0..<200_000 {
      switch spool.sweepStep(now: now) {
      case .frame(let frame):
        noteDrops()
        return frame
      case .skipped: continue
      case .idle where spool.sweep.wakeAt != .never:
        ledger.now = max(ledger.now, spool.sweep.wakeAt.milliseconds)
      case .idle:
        noteDrops()
        return nil
      }
    }
    throw Violation("the sweep does not come to an end")
  }

  /// Checks a frame that was handed out, and proves its delivery.
  mutating func take(_ frame: SweptFrame, isSound: Bool) throws(Violation) {
    guard let d = ledger.devices.firstIndex(where: { $0.index == frame.device }) else {
      throw Violation("a frame of an unknown device")
    }
    let sequence = frame.sequence.rawValue
    let device = ledger.devices[d]
    let name = String(decoding: device.name, as: UTF8.self)
    guard sequence > 0, sequence <= device.last else {
      throw Violation("\(name) \(sequence) was never appended")
    }
    if sequence <= device.cursor { throw Violation("\(name) \(sequence) after \(device.cursor)") }
    if isSound, sequence != device.cursor + 1 {
      throw Violation("\(name) \(sequence) after \(device.cursor), with a gap")
    }
    let expected = device.frames[Int(sequence) - 1]
    guard spool.withSwept(frame, { Ledger.isFrame(expected.serial, $0) }) else {
      throw Violation("\(name) \(sequence) has other content")
    }
    if isSound, spool.login(ofSwept: frame) != Ledger.login(device, expected.login) {
      throw Violation("\(name) \(sequence) comes under another login")
    }
    spool.markSent(frame.device, frame.sequence)
    spool.acknowledge(frame.device, through: frame.sequence, at: frame.place, now: now)
    ledger.devices[d].cursor = sequence
  }

  /// Takes what was given up into the ledger.
  private mutating func noteDrops() {
    for d in 0..<ledger.devices.count {
      let entry = spool.table[ledger.devices[d].index]
      let total = entry.dropped.total
      guard total != ledger.devices[d].drops.last?.total ?? 0 else { continue }
      ledger.devices[d].drops.append((entry.acknowledged.rawValue, total))
      ledger.devices[d].cursor = entry.acknowledged.rawValue
    }
  }

  // MARK: Commits

  mutating func startCommit() {
    let wasCommitting = spool.disk.order != nil
    if areNotesAlone {
      ledger.now += Int64(SpoolLimits.acknowledgementDelay)
      spool.commitIfDue(now: now)
    }
    if spool.disk.order == nil { spool.commitIfDue(now: now, isForced: true) }
    noteDrops()
    guard !wasCommitting, spool.disk.order != nil else { return }
    noteUnderWay()
  }

  private mutating func noteUnderWay() {
    // A start asks the main segments.
    if spool.underWay?.isRelocation == false { ledger.oldestUnderWay = spool.oldestGeneration }
    for d in 0..<ledger.devices.count {
      let entry = spool.table[ledger.devices[d].index]
      let isWritten = !entry.isAcknowledgementDirty && !entry.isDropDirty
      // What was delivered without being written is not known to a start, and need not be.
      if isWritten {
        ledger.devices[d].cursorUnderWay = min(ledger.devices[d].cursor, entry.written.rawValue)
      }
    }
  }

  mutating func finishCommit(_ fault: Fault? = nil) throws(Violation) {
    guard spool.disk.order != nil else { return }
    let durable = spool.durableThrough
    let error = spool.disk.finish(fault)
    spool.commitFinished(error, now: now)
    if error != nil {
      if spool.durableThrough != durable { throw Violation("durable although the commit failed") }
      return
    }
    ledger.oldestDurable = max(ledger.oldestDurable, ledger.oldestUnderWay)
    for d in 0..<ledger.devices.count {
      ledger.devices[d].cursorDurable = max(
        ledger.devices[d].cursorDurable, ledger.devices[d].cursorUnderWay)
      let entry = spool.table[ledger.devices[d].index]
      // All of the device's frames, but for those of the batch that is gathered behind.
      ledger.devices[d].durable = max(ledger.devices[d].durable, entry.written.rawValue)
    }
  }

  /// Commits until nothing is left, as a program that stops does.
  mutating func settle() throws(Violation) {
    for _ in 0..<1_000 {
      // The last batch is closed a while after it.
      guard spool.hasUncommitted || spool.nextDeadline < .never else { return }
      ledger.now += 2_000
      startCommit()
      try finishCommit()
    }
    throw Violation("commits do not come to an end")
  }
}
