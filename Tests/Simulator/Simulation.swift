// A world from one seed: devices of every family, networks, a platform, a disk and power cuts, all of
// them unreliable.
//
//   events    what is going to happen, by time
//   faults    a first part of the run in which everything may fail, then a calm one
//   checkers  always on; what they find stands in `violations`, which ends the run
//
// The checkers: no answer before custody; what was answered, durable or sent when everything worked
// is delivered or counted; order; login first, and the one a frame was received under; bytes
// unchanged; the ledger balances; limits hold; the backlog drains after the last fault; every start
// succeeds. Besides: no answer that is not owed, no command lost, late, or carried out twice.
//
// Neither devices nor platform nor checkers use the relay's protocol code: they speak the
// demonstration's. Nothing here iterates over a set or a dictionary, so that a seed replays.

import Detect
import Queue

@testable import Relay

final class Simulation: Edge {
  enum Event {
    case tick(device: Int)
    case toRelay(connection: Int, [UInt8])
    case endAtRelay(connection: Int, SimulatedConnection.End)
    case toDevice(connection: Int, [UInt8])
    case endAtDevice(connection: Int)
    case connected(Int)
    case toPlatform(Int, [UInt8])
    case fromPlatform(Int, [UInt8], order: Int?)
    case endToPlatform(Int)
    case endFromPlatform(Int, isReset: Bool)
    case upstreamTimeout(Int)
    case committed(Int, DiskError?)
    case fault
    case calm
  }

  static let faultyTime = 100_000
  static let calmTime = 3_600_000
  /// How long devices go on reporting and asking after the faults.
  static let reportTime = 20_000
  static let talkTime = 60_000
  static let deviceCountMax = 64

  let seed: UInt64
  var random: RandomSource
  var events = EventQueue<Event>()
  var devices: [SimulatedDevice] = []
  var connections: [SimulatedConnection] = []
  var platform: [SimulatedUpstream] = []
  /// When the relay last dialled, for whatever device.
  var dialledAt = 0
  var isCalm = false
  var isPlatformUp = true
  var isDiskSlow = false
  var isDiskFaulty = false
  /// Commits that have failed in a row.
  var failureCount = 0
  /// Answers before custody, and those that earlier relays counted.
  var atRiskCount = 0
  var atRiskCountBefore = 0
  var commitNumber = 0
  var isCommitScheduled = false
  /// Reports the relay has read and not made durable: device and number.
  var undurable: [(device: Int, report: Int)] = []
  let configuration: RelayConfiguration
  let geometry: SpoolGeometry
  let fullPolicy: FullPolicy
  /// Losses counted by relays that are gone.
  var droppedBefore = 0
  var undeliveredAtStart = 0
  /// What a relay that is gone has written down of its ledger.
  var writtenLedger: LedgerImage?
  private(set) var trace: [String] = []
  /// A hash of everything that happened, to compare two runs.
  private(set) var digest: UInt64 = 0
  var killCount = 0
  var deliveredCount = 0

  init(seed: UInt64) {
    self.seed = seed
    random = RandomSource(seed: seed)
    var policies = ReplyPolicies()
    if seed % 3 == 0 { policies.set(.generous) }
    if seed % 5 < 2 { for protocolID in ProtocolID.allCases { policies.answerAtRisk(protocolID) } }
    configuration = RelayConfiguration(
      policies: policies, sessionCountMax: 64, holdMilliseconds: seed % 4 == 0 ? 0 : 250)
    let isSmall = random.below(4) == 0
    geometry =
      isSmall
      ? SpoolGeometry(segmentByteCount: 8 * SpoolLimits.pageByteCount, segmentCount: 16)
      : Edge.smallest
    let refuses = isSmall && seed % 8 >= 4
    fullPolicy = refuses ? .refuse : .dropOldest
    super.init(
      image: nil, configuration: configuration, deviceCountMax: Self.deviceCountMax, seed: seed,
      geometry: geometry)
    engine.spool.fullPolicy = fullPolicy
    for i in 0..<2 + random.below(5) {
      let role = chance(30) ? 0 : random.below(Cast.count)
      devices.append(SimulatedDevice(number: role + Cast.count * (i + 1)))
      if role == 0, chance(50) {
        devices[i].fixedLogin = GT06Wire.loginFrame(devices[i].number, serial: 1)
      }
      // Without answers nobody can tell which frame it was, nor with a second copy right behind it.
      if devices[i].speech.login != nil, devices[i].role.transport == .tcp, chance(5) {
        devices[i].poison = random.below(40)
      }
      at(random.below(5_000), .tick(device: i))
    }
    at(random.below(20_000), .fault)
    at(Self.faultyTime, .calm)
    engine.start(now: instant)
  }

  // MARK: Running

  func run() {
    let end = now + Self.calmTime
    while now < end, violations.isEmpty {
      var next = Int(clamping: engine.nextDeadline.milliseconds)
      if let first = events.firstTime { next = min(next, first) }
      if next > end { break }
      now = max(now, next)
      while let event = events.pop(now) { perform(event) }
      settle()
      if isCalm, isQuiet { break }
    }
    if violations.isEmpty { checkEnd() }
    if !violations.isEmpty { describe() }
  }

  private var isQuiet: Bool {
    if now < Self.faultyTime + Self.talkTime { return false }
    for device in devices {
      if !device.pending.isEmpty || device.state == .loggingIn { return false }
      if !missingOrders(of: device).isEmpty { return false }
    }
    for i in 0..<engine.spool.deviceCount where hasUndelivered(DeviceIndex(i)) { return false }
    return true
  }

  private func settle() {
    for _ in 0..<500 {
      var isBusy = turn()
      if readConnections() { isBusy = true }
      if image.pending != nil, !isCommitScheduled { scheduleCommit() }
      checkLimits()
      checkPatience()
      if !isBusy, engine.nextDeadline > instant { return }
      if !violations.isEmpty { return }
    }
    violate(
      """
      busy loop: timers \(engine.timers.earliest.milliseconds), \
      commands \(engine.heldCommands.first?.expiresAt.milliseconds ?? 0), \
      spool \(engine.spool.nextDeadline.milliseconds), turn \(engine.isTurnDue)
      """)
  }

  private func perform(_ event: Event) {
    switch event {
    case .tick(let device): tick(device)
    case .toRelay(let c, let bytes): arriveAtRelay(c, bytes)
    case .endAtRelay(let c, let end):
      if !connections[c].isSwallowed { connections[c].end = end }
    case .toDevice(let c, let bytes): arriveAtDevice(c, bytes)
    case .endAtDevice(let c): endAtDevice(c)
    case .connected(let i): finishConnecting(i)
    case .toPlatform(let i, let bytes): arriveAtPlatform(i, bytes)
    case .fromPlatform(let i, let bytes, let order): arriveFromPlatform(i, bytes, order)
    case .endToPlatform(let i): endAtPlatform(i)
    case .endFromPlatform(let i, let isReset):
      if !platform[i].isSwallowed { endUpstream(i, isReset: isReset) }
    case .upstreamTimeout(let i): endUpstream(i, isReset: true)
    case .committed(let number, let error): finishCommit(number, error)
    case .fault: fault()
    case .calm: calm()
    }
  }

  // MARK: What a connection is

  override func write(_ bytes: [UInt8], to slot: SessionSlot) -> Int? { writeToDevice(bytes, slot) }
  override func send(_ bytes: [UInt8], to source: PeerAddress) { sendToDevice(bytes, source) }
  override func closeSession(_ slot: SessionSlot) { closeAtRelay(slot) }
  override func setReading(_ slot: SessionSlot, _ isReading: Bool) {
    readAtRelay(slot, isReading)
  }
  override func connect(_ device: DeviceIndex) { connectToPlatform(device) }
  override func write(_ bytes: [UInt8], to device: DeviceIndex) -> Int? {
    writeToPlatform(bytes, device)
  }
  override func unacknowledgedByteCount(_ device: DeviceIndex) -> Int? { unacknowledged(device) }
  override func endOutput(_ device: DeviceIndex) { endOutputToPlatform(device) }
  override func closeUpstream(_ device: DeviceIndex) { closeAtRelay(device) }

  // MARK: Chance and time

  func chance(_ percent: Int) -> Bool { random.below(100) < percent }

  func at(_ delay: Int, _ event: Event) { events.push(now + delay, event) }

  /// Puts something on a wire that keeps order; returns when it arrives.
  func wire(_ last: Int, _ event: Event) -> Int {
    let time = max(last, now + 1 + random.below(200))
    events.push(time, event)
    return time
  }

  // MARK: What is told afterwards

  func note(_ words: String) {
    trace.append("\(now) \(words)")
    if trace.count > 200 { trace.removeFirst(100) }
  }

  func violate(_ words: String) {
    violations.append("at \(now): \(words)")
    note("VIOLATION \(words)")
  }

  func mix(_ value: Int) {
    digest = (digest ^ UInt64(truncatingIfNeeded: value)) &* 0x9E37_79B9_7F4A_7C15
    digest ^= digest >> 29
  }

  /// Adds to the trace how everything stands.
  private func describe() {
    for (i, device) in devices.enumerated() {
      trace.append(
        """
        device \(i): \(device.speech.name) \(device.role.transport) \(device.state) \
        connection \(device.connection) pending \(device.pending.map(\.report)) \
        reports \(device.reports.count) poison \(device.poison)
        """)
    }
    for i in 0..<engine.upstreams.count {
      let upstream = engine.upstreams[i]
      let device = DeviceIndex(i)
      trace.append(
        """
        upstream \(i): \(upstream.phase) session \(upstream.session?.rawValue ?? -1) \
        in flight \(upstream.inFlight.map { "\($0.kind)" }) \
        output \(upstream.output.count) unsent \(engine.spool.hasUnsent(device)) \
        undelivered \(undeliveredCount(device)) retry \(upstream.retryAt.milliseconds) \
        deadline \(engine.nextDeadline.milliseconds) broken \(upstream.suspicion.brokenCount)
        """)
    }
  }
}
