// `edgerelay run`: opens everything, says clearly what cannot be opened, and runs the loop.

import CLinux
import Configuration
import Queue
import Relay

/// What a relay reads its configuration from, and what it has read: a class, because it is large and handed about.
final class RunConfiguration {
  var source: ConfigurationSource
  /// What the last reading that was good has found.
  var settings: Settings
  /// What the relay was started with: keys that wait for a restart hold as they stand here.
  var started: Settings

  init(_ source: ConfigurationSource) throws(ConfigurationError) {
    self.source = source
    settings = try source.load()
    started = settings
  }
}

/// Runs the relay as files, environment and command line say; returns the exit code.
@inline(never)
func runRelay(_ source: ConfigurationSource) throws(UsageError) -> Int32 {
  var service = ServiceManager()
  var configuration: RunConfiguration
  var options: RunOptions?
  do throws(ConfigurationError) {
    configuration = try RunConfiguration(source)
    options = try RunOptions(configuration.settings)
  } catch {
    Log.emit(.error, error.message)
    service.sayFailed(error.message)
    return ExitCode.configuration
  }
  for warning in configuration.settings.warnings { Log.emit(.warning, warning) }
  if options == nil, source.path == nil {
    throw UsageError("run needs --upstream HOST:PORT, or a configuration that names an [upstream]")
  }
  do throws(StartError) {
    let signals = try watchSignals()
    if options == nil { options = try waitForUpstream(&configuration, &service, signals) }
    guard let options else { return ExitCode.success }
    return try startRelay(options, configuration, service, signals)
  } catch {
    error.report(to: &service)
    return error.exitCode
  }
}

/// Runs the relay with these options and no others; returns the exit code.
func runRelay(_ options: RunOptions) -> Int32 {
  var service = ServiceManager()
  do throws(StartError) {
    return try startRelay(options, nil, service, try watchSignals())
  } catch {
    error.report(to: &service)
    return error.exitCode
  }
}

private func watchSignals() throws(StartError) -> Int32 {
  try system("cannot watch signals: ") { () throws(SystemError) in
    Int32(try SystemError.check(clinux_signal_descriptor()))
  }
}

/// Waits, without a listener, until a reload names a platform; `nil` when a signal ends the wait.
///
/// Nothing is accepted meanwhile: what is answered here has to go somewhere.
@inline(never)
private func waitForUpstream(
  _ configuration: inout RunConfiguration, _ service: inout ServiceManager, _ signals: Int32
) throws(StartError) -> RunOptions? {
  let clock = Clock()
  let advice = Text("not configured: no [upstream.NAME] yet, so no port is open")
  Log.emit(.warning, advice)
  service.sayReady(advice, now: clock.now)
  var poller = try system("cannot watch descriptors: ") { () throws(SystemError) in
    let poller = try Poller()
    try poller.add(signals, PollInterest(read: true, write: false), token: 0)
    return poller
  }
  while true {
    let deadline = service.nextDeadline
    let pause = deadline == .never ? -1 : max(0, min(deadline.since(clock.now), 60_000))
    do throws(SystemError) {
      try poller.wait(milliseconds: Int32(pause))
    } catch {
      throw StartError("waiting failed: ", [], error, ExitCode.systemError)
    }
    service.keep(clock.now)
    if service.wantsStatus(clock.now) { service.say(advice, now: clock.now) }
    switch Int32(clinux_next_signal(signals)) {
    case 0: continue
    case clinux_sighup:
      service.sayReloading(now: clock.now)
      do throws(ConfigurationError) {
        configuration = try RunConfiguration(configuration.source)
        for warning in configuration.settings.warnings { Log.emit(.warning, warning) }
        if let options = try RunOptions(configuration.settings) { return options }
        Log.emit(.warning, advice)
      } catch {
        Log.emit(.error, error.message)
      }
      service.sayReady(advice, now: clock.now)
    default:
      service.sayStopping()
      return nil
    }
  }
}

private func startRelay(
  _ options: RunOptions, _ configuration: RunConfiguration?, _ service: ServiceManager,
  _ signals: Int32
) throws(StartError) -> Int32 {
  let clock = Clock()
  var log = Log(isQuiet: options.isQuiet)
  let sessionCountMax = affordableSessionCount(options, &log, clock)
  // The spool's lock comes first: a second instance on the same spool is told so, not that its port
  // is taken.
  let disk = try openSpool(options)
  let listeners = try openListeners(options)
  let metrics = try openMetrics(options)
  guard let writer = disk.writer else { return ExitCode.failure }
  let quarantineFile = disk.quarantineFile
  let damageFiles = disk.damageFiles
  let directory = disk.path
  let medium = disk.medium
  let parkedFile = disk.parkedFile
  let ledgerFile = disk.ledgerFile
  let resolver = try system("cannot start the name resolver: ") { () throws(SystemError) in
    try Resolver(options.upstream)
  }
  let geometry = disk.geometry
  var spool = Spool(
    disk: disk, geometry: geometry, deviceCountMax: RelayLimits.deviceCountMax,
    secret: clinux_random(), bootKey: Clock.bootKey())
  spool.fullPolicy = options.fullPolicy
  let report = spool.recover()
  logStart(&log, clock, options, listeners, geometry, directory, report)
  if medium.weakness != .none {
    var line = Text("spool is not safe from a power cut here file_system=")
    line.append(Literal(medium.name))
    line.append(" reason=")
    line.append(Literal(medium.weakness.name))
    log.write(.warning, line, now: clock.now)
  }
  if !report.damagedRegions.isEmpty {
    var line = Text("spool damaged, bytes put aside places=")
    line.append(report.damagedRegions.count)
    line.append(" files=", damageFiles.keep(report.damagedRegions, of: &spool))
    log.write(.warning, line, now: clock.now)
  }
  let engine = Engine(
    spool: spool,
    configuration: RelayConfiguration(
      policies: options.policies, access: options.access, passesUnknown: options.passesUnknown,
      sessionCountMax: sessionCountMax, holdMilliseconds: options.holdMilliseconds),
    seed: clinux_random())
  let control = Control(spool: options.spool, log: &log, clock: clock)
  let poller: Poller
  do throws(SystemError) {
    poller = try Loop.watch(listeners, writer, resolver, signals, control, metrics)
  } catch {
    throw StartError("cannot watch descriptors: ", [], error, ExitCode.systemError)
  }
  var loop = Loop(
    engine: engine, poller: poller, clock: clock, isClockTrusted: options.isClockTrusted, log: log,
    listeners: listeners, writer: writer,
    quarantineFile: quarantineFile, parkedFile: parkedFile, ledgerFile: ledgerFile,
    resolver: resolver, signals: signals,
    service: service, configuration: configuration, control: control, metrics: metrics,
    summaryInterval: options.summaryInterval, secret: clinux_random())
  return loop.run()
}

/// How many sessions there are descriptors for: a device that is taken in but cannot be given a session
/// with the platform would be worse off than one that is refused.
private func affordableSessionCount(
  _ options: RunOptions, _ log: inout Log, _ clock: Clock
) -> Int {
  let own = 64
  let limit = clinux_raise_descriptor_limit(own + 2 * options.sessionCountMax)
  let count = max(1, min(options.sessionCountMax, (limit - own) / 2))
  if count < options.sessionCountMax {
    var line = Text("descriptors suffice for fewer sessions, see LimitNOFILE or ulimit -n")
    line.append(" sessions=", count)
    line.append(" descriptors=", limit)
    log.write(.info, line, now: clock.now)
  }
  return count
}

/// A system call without which nothing works.
private func system<Value: ~Copyable>(
  _ words: Literal, _ call: () throws(SystemError) -> Value
) throws(StartError) -> Value {
  do throws(SystemError) {
    return try call()
  } catch {
    throw StartError(words, [], error, ExitCode.systemError)
  }
}

/// Why the relay did not start, in words for the operator.
struct StartError: Error {
  var message: Text
  var exitCode: Int32

  @inline(never)
  init(
    _ words: Literal, _ subject: [UInt8], _ cause: SystemError?, _ exitCode: Int32,
    advice: Literal = ""
  ) {
    message = Text(words)
    message.append(subject)
    if let cause {
      if !subject.isEmpty { message.append(": ") }
      cause.write(to: &message)
    }
    message.append(advice)
    self.exitCode = exitCode
  }

  func report(to service: inout ServiceManager) {
    Log.emit(.error, message)
    service.sayFailed(message)
  }
}

private func openSpool(_ options: RunOptions) throws(StartError) -> SpoolDirectory {
  do throws(SpoolDirectoryError) {
    return try SpoolDirectory.open(path: options.spool, capBytes: options.spoolCapBytes)
  } catch {
    switch error {
    case .cannotCreate(let cause):
      throw StartError(
        "cannot use the spool directory ", options.spool, cause, ExitCode.cannotCreate,
        advice: "; create it writable for this user, or name another: --spool, [spool] directory")
    case .inUse:
      throw StartError(
        "another instance uses the spool ", options.spool, nil, ExitCode.temporary,
        advice: "; stop it first, or name another directory: --spool, [spool] directory")
    case .cannotCreateSegments(let cause):
      throw StartError(
        "cannot create the spool's files in ", options.spool, cause, ExitCode.cannotCreate,
        advice: "; free some space, or choose a smaller one: --spool-size, [spool] size")
    }
  }
}

private func openListeners(_ options: RunOptions) throws(StartError) -> [Listener] {
  if options.listen.isEmpty {
    do throws(SystemError) {
      return try Listener.openWildcard(port: RunOptions.defaultPort)
    } catch {
      throw listenError(Text("port 8888").bytes, error)
    }
  }
  var listeners: [Listener] = []
  for target in options.listen {
    var name = Text()
    target.write(to: &name)
    guard let address = target.resolve(onlyLiteral: true).first else {
      throw listenError(name.bytes, SystemError(code: clinux_eaddrnotavail))
    }
    do throws(SystemError) {
      listeners += try Listener.open(address)
    } catch {
      throw listenError(name.bytes, error)
    }
  }
  return listeners
}

private func openMetrics(_ options: RunOptions) throws(StartError) -> MetricsServer {
  guard let target = options.metricsListen else { return MetricsServer(descriptor: -1) }
  var name = Text()
  target.write(to: &name)
  do throws(SystemError) {
    guard let address = target.resolve(onlyLiteral: true).first else {
      throw SystemError(code: clinux_eaddrnotavail)
    }
    return MetricsServer(descriptor: try Sockets.bind(address, .tcp))
  } catch {
    throw StartError(
      "cannot listen for metrics on ", name.bytes, error, ExitCode.unavailable,
      advice: "; choose another [metrics] listen")
  }
}

private func listenError(_ name: [UInt8], _ error: SystemError) -> StartError {
  StartError(
    "cannot listen on ", name, error, ExitCode.unavailable,
    advice: error.code == clinux_eaddrinuse
      ? "; another program has the port, choose another: --listen, [listener.NAME] address" : "")
}

private func logStart(
  _ log: inout Log, _ clock: Clock, _ options: RunOptions, _ listeners: [Listener],
  _ geometry: SpoolGeometry, _ directory: [UInt8], _ report: RecoveryReport
) {
  for listener in listeners where listener.transport == .tcp {
    var line = Text("listening tcp+udp address=")
    listener.address.write(to: &line)
    line.append(" platform=")
    options.upstream.write(to: &line)
    line.append(" version=")
    line.append(Version.text)
    log.write(.info, line, now: clock.now)
  }
  if let summary = options.access.summary { log.write(.info, summary, now: clock.now) }
  var line = Text("spool open directory=")
  line.append(directory)
  line.append(" bytes=", UInt64(geometry.byteCount))
  line.append(" devices=", report.deviceCount)
  line.append(" undelivered=", report.undeliveredCount)
  log.write(.info, line, now: clock.now)
  if directory.count > options.spool.count {
    var line = Text("spool of another version left alone directory=")
    line.append(options.spool)
    log.write(.warning, line, now: clock.now)
  }
  let isDamaged =
    report.damagedByteCount > 0 || report.unreadableSegmentCount > 0
    || report.foreignSegmentCount > 0 || report.orphanCount > 0
  guard isDamaged else { return }
  var damage = Text("spool damaged, going on without what is lost")
  damage.append(" bytes=", report.damagedByteCount)
  damage.append(" unreadable_segments=", report.unreadableSegmentCount)
  damage.append(" foreign_segments=", report.foreignSegmentCount)
  damage.append(" orphaned_frames=", report.orphanCount)
  log.write(.warning, damage, now: clock.now)
}
