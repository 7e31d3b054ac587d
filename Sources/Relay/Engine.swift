// The relay without its system calls: events and time go in, effects come out.
//
//   accept, received, datagram, sessionClosed, sessionReleased          devices' side
//   upstreamConnected, upstreamReceived, upstreamMeasured,
//   upstreamEnded, upstreamClosed, upstreamReleased                     platform's side
//   commitFinished                                                      disk
//   expire, turn                                                        time
//   nextEffect, and the bytes of each output queue                      what is to be done
//
// The engine makes no system call, reads no clock and owns no random source but its seed, so that
// the same events give the same effects. After every batch of events the edge calls `expire`, then
// `turn`, then performs effects until there are none, then sleeps until `nextDeadline` at most.
//
// An answer leaves in three places only: at once for frames that need no custody (`answerNow`),
// from the gate when its batch is durable, and from the gate when the upstream has confirmed. A fourth
// is the operator's choice: Engine+AtRisk.

import Detect
import Queue

/// What the operator chose.
public struct RelayConfiguration: Sendable {
  public var policies: ReplyPolicies
  public var access: AccessRules
  /// Whether connections that speak nothing known here are passed on to the platform as they are.
  public var passesUnknown: Bool
  public var sessionCountMax: Int
  /// Milliseconds that a frame on its way to the platform waits for its confirmation before it is
  /// written; zero writes every frame first.
  public var holdMilliseconds: Int

  public init(
    policies: ReplyPolicies = ReplyPolicies(), access: AccessRules = AccessRules(),
    passesUnknown: Bool = false,
    sessionCountMax: Int = RelayLimits.sessionCountMax,
    holdMilliseconds: Int = SpoolLimits.holdMilliseconds
  ) {
    self.policies = policies
    self.access = access
    self.passesUnknown = passesUnknown
    self.sessionCountMax = sessionCountMax
    self.holdMilliseconds = holdMilliseconds
  }
}

/// The relay's state machine over a disk `D`.
public struct Engine<D: Disk & ~Copyable>: ~Copyable {
  public var spool: Spool<D>
  public internal(set) var ledger = Ledger()
  var configuration: RelayConfiguration
  var sessions: [DeviceSession] = []
  var freeSessions: [SessionSlot] = []
  var addresses: AddressIndex
  var sources: SourceTable
  /// One per slot of the spool's device table.
  var upstreams: [Upstream] = []
  /// One per slot of the spool's device table.
  var ledgers: [DeviceLedger] = []
  /// What the spool had counted, and held, when this program's counting began.
  var countersBefore = SpoolCounters()
  var heldBeforeCount: UInt64 = 0
  public internal(set) var kept = KeptLedger()
  var gate = Gate()
  var timers = DeadlineHeap()
  var random: RandomSource
  /// Sessions that wait for room in the spool.
  var pausedSessions: [SessionSlot] = []
  /// Datagrams that the spool had no room for, oldest first.
  var postponedDatagrams: [HeldDatagram] = []
  /// Whether a frame of the datagram being read found no room.
  var isDatagramRefused = false
  /// Datagrams of sources that have not named their device yet, oldest first.
  var heldDatagrams: [HeldDatagram] = []
  /// Commands for devices that cannot be reached just now, oldest first.
  var heldCommands: [HeldCommand] = []
  /// Sessions that are passed on as they are.
  var opaqueCount = 0
  /// The earliest instant for the next connection attempt of any device.
  var nextDialAt = Instant.origin
  /// When the platform took a connection and when it answered last, whoever's it was.
  var lastConnectedAt = Instant.origin
  var lastAnswerAt = Instant.origin
  /// Whether any device may wait for what nobody had.
  var hasSharedFaults = false
  /// Devices nothing of which is sent to the platform for now.
  public internal(set) var parked: [DeviceKey] = []
  /// Whether frames are shown as they pass.
  public var isWatched = false
  var isDraining = false
  /// Whether frames have been answered without custody since the last commit that succeeded.
  var isAnsweringAtRisk = false
  /// Whether an effect has made room for stored frames since the last turn.
  var isTurnDue = false
  /// A stored frame on its way from the sweep to the upstream.
  var scratchFrame = ByteQueue()
  private var effects: [Effect] = []
  private var effectHead = 0

  /// An engine over a spool that has been recovered.
  public init(spool: consuming Spool<D>, configuration: RelayConfiguration, seed: UInt64) {
    self.spool = spool
    self.spool.holdMilliseconds = configuration.holdMilliseconds
    self.configuration = configuration
    random = RandomSource(seed: seed)
    addresses = AddressIndex(capacity: configuration.sessionCountMax, secret: seed)
    sources = SourceTable(secret: seed)
    sessions.reserveCapacity(configuration.sessionCountMax)
    effects.reserveCapacity(1_024)
  }

  /// Begins delivering what the spool held at start, but for devices that were parked, and counting
  /// where `ledger` ends.
  public mutating func start(
    parked: [DeviceKey] = [], ledger: LedgerImage? = nil, now: Instant
  ) {
    self.parked = parked
    openLedgers(now: now)
    resumeLedgers(ledger, now: now)
    for i in 0..<spool.deviceCount {
      let device = DeviceIndex(i)
      guard spool.isKnown(device), spool.hasUndelivered(device) else { continue }
      ensureUpstream(device)
      let key = spool.key(of: device)
      guard let protocolID = ProtocolID(rawValue: key.family) else { continue }
      upstreams[i].protocolID = protocolID
      wantUpstream(device, now)
    }
  }

  // MARK: Effects

  /// The next thing to do, or `nil`.
  public mutating func nextEffect() -> Effect? {
    guard effectHead < effects.count else {
      effects.removeAll(keepingCapacity: true)
      effectHead = 0
      return nil
    }
    let effect = effects[effectHead]
    effectHead += 1
    return effect
  }

  mutating func emit(_ effect: Effect) { effects.append(effect) }

  /// Where the next effect will stand.
  var effectPlace: Int { effects.count }

  /// Puts an effect before those that were queued since `place` was next.
  @inline(never)
  mutating func emit(_ effect: Effect, at place: Int) {
    effects.append(effect)
    var i = effects.count - 1
    while i > place {
      effects.swapAt(i, i - 1)
      i -= 1
    }
  }

  // MARK: Time

  /// The next instant at which the engine has something to do by itself.
  public var nextDeadline: Instant {
    if isTurnDue { return Instant(milliseconds: 0) }
    let command = heldCommands.first?.expiresAt ?? .never
    return min(min(timers.earliest, command), spool.nextDeadline)
  }

  /// Starts a due commit and drains stored frames; returns whether there is more to do at once.
  public mutating func turn(now: Instant) -> Bool {
    isTurnDue = false
    let isWaitedFor = !pausedSessions.isEmpty || !postponedDatagrams.isEmpty
    spool.commitIfDue(now: now, isForced: isDraining || isWaitedFor)
    for _ in 0..<RelayLimits.sweepStepCountMax {
      switch spool.sweepStep(now: now) {
      case .frame(let frame): sendSwept(frame, now)
      case .skipped: continue
      case .idle: return false
      }
    }
    return true
  }

  /// Takes the result of the commit under way; `nil` means that it is durable.
  public mutating func commitFinished(_ error: DiskError?, _ moment: Moment) {
    spool.commitFinished(error, now: moment.instant)
    if let error {
      emit(.log(.commitFailed(error)))
      answerAtRisk(moment.instant)
      return
    }
    isAnsweringAtRisk = false
    while let entry = gate.takeDurable(through: spool.durableTicket) {
      if !entry.isReleased { answer(entry, moment.instant) }
    }
    resumePaused(moment)
    retryPostponed(moment)
  }

  // MARK: Shutdown

  /// Stops taking new work; from now on every turn commits what there is.
  public mutating func beginDrain() { isDraining = true }

  /// Whether everything received is durable and every answer that may be sent is queued.
  public var isDrained: Bool { !spool.hasUncommitted && gate.count == 0 }

  // MARK: Names

  /// The identity behind a device, as its protocol writes it; `nil` when the spool's entry is not
  /// one of a protocol known here.
  @inline(never)
  public func identity(of device: DeviceIndex) -> DeviceIdentity? {
    DeviceIdentity(spool.key(of: device))
  }

  @inline(never)
  static func key(of identity: DeviceIdentity) -> DeviceKey {
    var key = DeviceKey(
      family: identity.protocolID.rawValue, form: identity.notation.rawValue)
    for i in 0..<identity.count { key.append(identity[i]) }
    return key
  }

  /// Makes `upstreams` reach as far as the device table.
  @inline(never)
  mutating func ensureUpstream(_ device: DeviceIndex) {
    while upstreams.count <= device.rawValue { upstreams.append(Upstream()) }
  }
}
