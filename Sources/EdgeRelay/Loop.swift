// The loop of the design document, section 4: one thread, no decisions.
//
//   wait     until a descriptor is ready or the engine's next deadline
//   feed     each ready event to the engine; at most one read per connection and turn
//   expire   the engine's timers
//   commit   the engine starts one when it is due; the result of the last one was fed above
//   drain    perform the engine's effects
//
// State is descriptors and what each is watched for, indexed by the engine's own slots; and the
// platform's addresses. Everything else is the engine's.

import CLinux
import Queue
import Relay

/// Feeds the engine and does what it says.
struct Loop: ~Copyable {
  /// What a token is about, in its upper half.
  enum Source: UInt64 {
    case listener = 1
    case session = 2
    case upstream = 3
    case commits = 4
    case names = 5
    case signals = 6
    case link = 7
    case control = 8
    case controlClient = 9
    case metrics = 10
    case metricsClient = 11
  }

  struct Watched {
    var descriptor: Int32 = -1
    var interest = PollInterest(read: true, write: false)
    /// Only for upstreams: the connection is being made.
    var isConnecting = false
  }

  /// Milliseconds a stop may take before what is left is left.
  private static let stopTimeout = 10_000
  /// Milliseconds the listeners rest when there are no descriptors left.
  private static let acceptRest = 1_000
  /// Connections taken per listener and turn.
  private static let acceptCountMax = 64
  /// Datagrams taken per listener and turn.
  private static let datagramCountMax = 64
  /// Milliseconds between two look-ups of the platform's name, when it works and when it does not.
  private static let resolveInterval = 300_000
  private static let resolveRetry = 5_000
  /// Milliseconds between two questions about the wall clock.
  private static let clockInterval = 30_000

  var engine: Engine<SpoolDirectory>
  var poller: Poller
  var clock: Clock
  /// Whether the operator vouches for the wall clock.
  var isClockTrusted: Bool
  var log: Log
  var unknownSources = UnknownSources()
  private let listeners: [Listener]
  private let writer: CommitWriter
  let quarantineFile: QuarantineFile
  let parkedFile: ParkedFile
  let ledgerFile: LedgerFile
  private let resolver: Resolver
  private let signals: Int32
  var service: ServiceManager
  /// Where a reload reads, and what the last one found; `nil` when there is nothing to read.
  var configuration: RunConfiguration?
  /// Where the operator's commands ask.
  var control: Control
  /// Where the figures are fetched over HTTP.
  var metrics: MetricsServer
  var summary = MinuteSummary()
  /// Milliseconds between two summaries, 0 for none.
  var summaryInterval: Int
  var logShares: LogShares
  let startedAt: Instant
  let buffer: PageBuffer
  private var sessions: [Watched] = []
  var upstreams: [Watched] = []
  /// The platform's side of sessions that are passed on as they are.
  var links: [Watched] = []
  var addresses: [PeerAddress] = []
  var addressIndex = 0
  private var resolveAt = Instant.origin
  private var clockAt = Instant.origin
  var summaryAt = Instant.never
  /// When the ledger is written down next, if anything has changed, and what was written last.
  var ledgerAt = Instant.never
  var ledgerChecksum: UInt32 = 0
  private var acceptAgainAt = Instant.never
  private var stopBy = Instant.never
  private var isStopping = false

  init(
    engine: consuming Engine<SpoolDirectory>, poller: consuming Poller, clock: Clock,
    isClockTrusted: Bool, log: Log, listeners: [Listener], writer: CommitWriter,
    quarantineFile: QuarantineFile, parkedFile: ParkedFile, ledgerFile: LedgerFile,
    resolver: Resolver, signals: Int32, service: ServiceManager, configuration: RunConfiguration?,
    control: Control, metrics: MetricsServer, summaryInterval: Int, secret: UInt64
  ) {
    self.engine = engine
    self.poller = poller
    self.clock = clock
    self.isClockTrusted = isClockTrusted
    self.log = log
    self.listeners = listeners
    self.writer = writer
    self.quarantineFile = quarantineFile
    self.parkedFile = parkedFile
    self.ledgerFile = ledgerFile
    self.resolver = resolver
    self.signals = signals
    self.service = service
    self.configuration = configuration
    self.control = control
    self.metrics = metrics
    self.summaryInterval = summaryInterval
    logShares = LogShares(secret: secret)
    startedAt = clock.now
    buffer = PageBuffer(byteCount: 64 * 1_024)
  }

  /// A poller that watches everything but connections.
  static func watch(
    _ listeners: [Listener], _ writer: CommitWriter, _ resolver: Resolver, _ signals: Int32,
    _ control: Control, _ metrics: MetricsServer
  ) throws(SystemError) -> Poller {
    let poller = try Poller()
    let read = PollInterest(read: true, write: false)
    for (i, listener) in listeners.enumerated() {
      try poller.add(listener.descriptor, read, token: token(.listener, i))
    }
    try poller.add(writer.results.descriptor, read, token: token(.commits, 0))
    try poller.add(resolver.answers.descriptor, read, token: token(.names, 0))
    try poller.add(signals, read, token: token(.signals, 0))
    if control.descriptor >= 0 {
      try poller.add(control.descriptor, read, token: token(.control, 0))
    }
    if metrics.descriptor >= 0 {
      try poller.add(metrics.descriptor, read, token: token(.metrics, 0))
    }
    return poller
  }

  /// Runs until a signal ends it; returns the exit code.
  mutating func run() -> Int32 {
    takeAddresses()
    planSummary(clock.now)
    let parked = parkedFile.read()
    if !parked.isEmpty {
      var line = Text("devices are parked, nothing of them is sent; 'edgerelay resume' ends that")
      line.append(" count=", parked.count)
      log.write(.warning, line, now: clock.now)
    }
    let ledger = readLedger()
    engine.start(parked: parked, ledger: ledger, now: clock.now)
    checkClock(clock.now)
    beginLedger(ledger, clock.now)
    performEffects()
    service.sayReady(statusText, now: clock.now)
    var hasMore = false
    while true {
      do {
        try poller.wait(milliseconds: hasMore ? 0 : timeout())
      } catch {
        fail("waiting failed error=", error)
        return ExitCode.systemError
      }
      let moment = clock.moment
      for i in 0..<poller.readyCount { handle(poller.event(i), moment) }
      keepHouse(moment.instant)
      engine.expire(moment)
      hasMore = engine.turn(now: moment.instant)
      performEffects()
      if isStopping, let code = stopCode(clock.now) { return code }
    }
  }

  private func timeout() -> Int32 {
    var deadline = min(min(engine.nextDeadline, acceptAgainAt), service.nextDeadline)
    deadline = min(min(deadline, clockAt), min(summaryAt, metrics.nextDeadline))
    if !resolver.isLiteral { deadline = min(deadline, resolveAt) }
    if isStopping { deadline = min(deadline, min(stopBy, clock.now.advanced(by: 50))) }
    if deadline == .never { return -1 }
    return Int32(max(0, min(deadline.since(clock.now), 60_000)))
  }

  // MARK: Events

  private mutating func handle(_ event: PollEvent, _ moment: Moment) {
    let index = Int(event.token & 0xFFFF_FFFF)
    guard let source = Source(rawValue: event.token >> 32) else { return }
    switch source {
    case .listener:
      if isStopping { return }
      switch listeners[index].transport {
      case .tcp: accept(index, moment)
      case .udp: receiveDatagrams(index, moment)
      }
    case .session: handleSession(SessionSlot(index), event, moment)
    case .upstream: handleUpstream(DeviceIndex(index), event, moment)
    case .link: handleLink(SessionSlot(index), event, moment)
    case .commits:
      if let result = writer.takeResult() { engine.commitFinished(result.error, moment) }
    case .names: takeAddresses()
    case .signals: handleSignals(moment.instant)
    case .control: acceptControl()
    case .controlClient: handleControl(index, event, moment)
    case .metrics: acceptMetrics(moment.instant)
    case .metricsClient: handleMetrics(index)
    }
  }

  @inline(never)
  private mutating func accept(_ index: Int, _ moment: Moment) {
    for _ in 0..<Self.acceptCountMax {
      let accepted: (descriptor: Int32, peer: PeerAddress)
      do {
        accepted = try Sockets.accept(listeners[index].descriptor)
      } catch {
        if error.code != clinux_eagain { restListeners(error, moment.instant) }
        return
      }
      guard let slot = engine.accept(accepted.peer, moment) else {
        Sockets.close(accepted.descriptor)
        continue
      }
      while sessions.count <= slot.rawValue { sessions.append(Watched()) }
      sessions[slot.rawValue] = Watched(descriptor: accepted.descriptor)
      do {
        try poller.add(
          accepted.descriptor, sessions[slot.rawValue].interest,
          token: Self.token(.session, slot.rawValue))
      } catch {
        endSession(slot, moment)
      }
    }
  }

  /// A listener whose connections cannot be taken would stay ready for ever: all are left alone for a
  /// while. What makes connections wait is mostly that there are no descriptors left.
  mutating func restListeners(_ error: SystemError, _ now: Instant) {
    acceptAgainAt = now.advanced(by: Self.acceptRest)
    setListeners(isReading: false)
    fail("cannot take connections, they wait error=", error)
  }

  @inline(never)
  private func setListeners(isReading: Bool) {
    let interest = PollInterest(read: isReading, write: false)
    // A relay that stops has closed its listeners; their numbers may be somebody else's.
    for (i, listener) in listeners.enumerated() where listener.transport == .tcp && !isStopping {
      poller.change(listener.descriptor, interest, token: Self.token(.listener, i))
    }
    if control.descriptor >= 0 {
      poller.change(control.descriptor, interest, token: Self.token(.control, 0))
    }
    if metrics.descriptor >= 0 {
      poller.change(metrics.descriptor, interest, token: Self.token(.metrics, 0))
    }
  }

  private mutating func receiveDatagrams(_ index: Int, _ moment: Moment) {
    let buffer = buffer
    for _ in 0..<Self.datagramCountMax {
      guard
        let (byteCount, peer) = Sockets.receiveDatagram(
          listeners[index].descriptor, into: buffer)
      else { return }
      var source = peer
      // Which socket it came to is part of who it came from.
      source[1] = UInt8(index)
      buffer.withBytes(0..<byteCount) { engine.datagram(source, $0, moment) }
    }
  }

  private mutating func handleSession(_ slot: SessionSlot, _ event: PollEvent, _ moment: Moment) {
    guard slot.rawValue < sessions.count, sessions[slot.rawValue].descriptor >= 0 else { return }
    if event.isWritable { flushSession(slot, moment) }
    guard event.isReadable || event.isBroken else { return }
    let descriptor = sessions[slot.rawValue].descriptor
    guard descriptor >= 0 else { return }
    if !sessions[slot.rawValue].interest.read {
      // Paused: only a connection that has ended is reported, and what it still holds was never
      // answered.
      if event.isBroken { endSession(slot, moment) }
      return
    }
    let buffer = buffer
    switch Sockets.receive(descriptor, into: buffer, max: RelayLimits.readByteCountMax) {
    case .bytes(let byteCount):
      buffer.withBytes(0..<byteCount) { engine.received(slot, $0, moment) }
    case .wouldBlock:
      break
    case .ended:
      setReading(slot, false)
      engine.sessionInputEnded(slot, moment)
    case .failed:
      endSession(slot, moment)
    }
  }

  @inline(never)
  private mutating func endSession(_ slot: SessionSlot, _ moment: Moment) {
    closeSession(slot)
    engine.sessionClosed(slot, moment)
  }

  @inline(never)
  private mutating func closeSession(_ slot: SessionSlot) {
    guard slot.rawValue < sessions.count, sessions[slot.rawValue].descriptor >= 0 else { return }
    Sockets.close(sessions[slot.rawValue].descriptor)
    sessions[slot.rawValue] = Watched()
  }

  // MARK: Effects

  private mutating func performEffects() {
    while let effect = engine.nextEffect() {
      let moment = clock.moment
      switch effect {
      case .flushSession(let slot): flushSession(slot, moment)
      case .sendDatagram(let slot, let byteCount): sendDatagram(slot, byteCount)
      case .closeSession(let slot):
        flushSession(slot, moment)
        closeSession(slot)
        engine.sessionReleased(slot)
      case .pauseSession(let slot): setReading(slot, false)
      case .resumeSession(let slot): setReading(slot, !isStopping)
      case .connectUpstream(let device): connect(device, moment)
      case .flushUpstream(let device): flushUpstream(device, moment)
      case .measureUpstream(let device): measureUpstream(device, moment)
      case .endUpstream(let device): endOutput(device)
      case .closeUpstream(let device):
        closeUpstream(device)
        engine.upstreamReleased(device, moment)
      case .connectLink(let slot): connectLink(slot, moment)
      case .flushLink(let slot): flushLink(slot, moment)
      case .closeLink(let slot): closeLink(slot)
      case .quarantine(let device, let frame): quarantine(device, frame, moment)
      case .watched(let frame): show(frame, moment)
      case .log(let event): write(event, moment.instant)
      }
    }
  }

  @inline(never)
  private mutating func flushSession(_ slot: SessionSlot, _ moment: Moment) {
    guard slot.rawValue < sessions.count, sessions[slot.rawValue].descriptor >= 0 else { return }
    let descriptor = sessions[slot.rawValue].descriptor
    let (transfer, waiting) = engine.withSessionOutput(slot) {
      (Sockets.send(descriptor, $0), $0.count)
    }
    switch transfer {
    case .bytes(let byteCount):
      engine.sessionWrote(slot, byteCount)
      watchSession(slot, writes: byteCount < waiting)
    case .wouldBlock:
      engine.sessionWrote(slot, 0)
      watchSession(slot, writes: true)
    case .ended, .failed:
      endSession(slot, moment)
    }
  }

  private mutating func sendDatagram(_ slot: SessionSlot, _ byteCount: Int) {
    let source = engine.source(of: slot)
    let listener = listeners[Int(source[1])]
    engine.withSessionOutput(slot) {
      Sockets.sendDatagram(
        listener.descriptor, $0.extracting(0..<byteCount), to: source, isDual: listener.isDual)
    }
    engine.sessionWrote(slot, byteCount)
  }

  @inline(never)
  private mutating func setReading(_ slot: SessionSlot, _ isReading: Bool) {
    guard slot.rawValue < sessions.count, sessions[slot.rawValue].descriptor >= 0 else { return }
    watchSession(
      slot, PollInterest(read: isReading, write: sessions[slot.rawValue].interest.write))
  }

  @inline(never)
  private mutating func watchSession(_ slot: SessionSlot, writes: Bool) {
    watchSession(
      slot, PollInterest(read: sessions[slot.rawValue].interest.read, write: writes))
  }

  @inline(never)
  private mutating func watchSession(_ slot: SessionSlot, _ interest: PollInterest) {
    let i = slot.rawValue
    guard sessions[i].descriptor >= 0, sessions[i].interest != interest else { return }
    sessions[i].interest = interest
    poller.change(sessions[i].descriptor, interest, token: Self.token(.session, i))
  }

  // MARK: The operator's questions

  mutating func watchControl(_ client: Int, _ interest: PollInterest, isNew: Bool) {
    let descriptor = control.clients[client].descriptor
    let token = Self.token(.controlClient, client)
    guard isNew else {
      poller.change(descriptor, interest, token: token)
      return
    }
    if (try? poller.add(descriptor, interest, token: token)) == nil { closeControl(client) }
  }

  /// Watches a client of the metrics; `false` when it cannot be.
  func watchMetrics(_ client: Int, _ interest: PollInterest, isNew: Bool) -> Bool {
    let descriptor = metrics.clients[client].descriptor
    let token = Self.token(.metricsClient, client)
    if isNew { return (try? poller.add(descriptor, interest, token: token)) != nil }
    poller.change(descriptor, interest, token: token)
    return true
  }

  var platformAddressCount: Int { addresses.count }

  /// The platform as the configuration names it.
  var platformName: Text {
    var text = Text()
    resolver.target.write(to: &text)
    return text
  }

  // MARK: Names and house-keeping

  @inline(never)
  private mutating func takeAddresses() {
    let now = clock.now
    guard let answer = resolver.takeAnswer() else { return }
    if answer.isEmpty {
      resolveAt = now.advanced(by: Self.resolveRetry)
      var line = Text("platform name not resolved")
      line.append(" known_addresses=", addresses.count)
      log.write(.warning, line, now: now)
      return
    }
    addresses = answer
    resolveAt = now.advanced(by: Self.resolveInterval)
  }

  @inline(never)
  private mutating func keepHouse(_ now: Instant) {
    if now >= acceptAgainAt {
      acceptAgainAt = .never
      if !isStopping { setListeners(isReading: true) }
    }
    if !resolver.isLiteral, now >= resolveAt {
      resolveAt = now.advanced(by: Self.resolveRetry)
      resolver.ask()
    }
    if now >= clockAt { checkClock(now) }
    if now >= summaryAt { writeMinuteSummary(now) }
    keepLedger(now)
    expireMetrics(now)
    service.keep(now)
    if service.wantsStatus(now), !isStopping { service.say(statusText, now: now) }
  }

  /// Asks what the wall clock is worth, and says when that has changed.
  mutating func checkClock(_ now: Instant) {
    clockAt = now.advanced(by: Self.clockInterval)
    let wasBelieved = clock.isBelieved
    clock.check(isTrusted: isClockTrusted)
    if engine.dateLedger(clock.moment) { ledgerAt = now }
    if clock.isBelieved == wasBelieved { return }
    let words: Literal =
      wasBelieved
      ? "the clock is not synchronised, devices that ask for the time get no answer"
      : "the clock is believed, devices that ask for the time are answered"
    log.write(wasBelieved ? .warning : .info, Text(words), now: now)
  }

  // MARK: Stopping

  @inline(never)
  private mutating func handleSignals(_ now: Instant) {
    while true {
      let signal = Int32(clinux_next_signal(signals))
      switch signal {
      case 0:
        return
      case clinux_sigterm, clinux_sigint:
        if isStopping {
          stopBy = now
        } else {
          beginStop(now)
        }
      case clinux_sighup:
        if !isStopping { reload(now) }
      default:
        break
      }
    }
  }

  /// No new connections and no more reading; what was read is made durable and answered.
  private mutating func beginStop(_ now: Instant) {
    isStopping = true
    stopBy = now.advanced(by: Self.stopTimeout)
    service.sayStopping()
    control.remove()
    engine.beginDrain()
    for listener in listeners {
      poller.remove(listener.descriptor)
      if listener.transport == .tcp { Sockets.close(listener.descriptor) }
    }
    for i in 0..<sessions.count { setReading(SessionSlot(i), false) }
    log.write(.info, Text("stopping"), now: now)
  }

  /// The exit code once everything is done or the time is up.
  @inline(never)
  private mutating func stopCode(_ now: Instant) -> Int32? {
    let isFlushed = !sessions.contains { $0.descriptor >= 0 && $0.interest.write }
    guard engine.isDrained && isFlushed && !ledgerFile.isBusy || now >= stopBy else { return nil }
    let isClean = engine.isDrained
    if isClean, !ledgerFile.isBusy { writeLedger(isClean: true, now) }
    writeSummary(isClean: isClean, now)
    return isClean ? ExitCode.success : ExitCode.failure
  }

  static func token(_ source: Source, _ index: Int) -> UInt64 {
    source.rawValue << 32 | UInt64(index)
  }
}
