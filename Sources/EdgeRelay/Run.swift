// `edgerelay run`: opens everything, says clearly what cannot be opened, and runs the loop.

import CLinux
import Queue
import Relay

/// Runs the relay until a signal ends it; returns the exit code.
func runRelay(_ options: RunOptions) -> Int32 {
  do throws(StartError) {
    return try startRelay(options)
  } catch {
    error.print()
    return error.exitCode
  }
}

private func startRelay(_ options: RunOptions) throws(StartError) -> Int32 {
  let clock = Clock()
  var log = Log(isQuiet: options.isQuiet)
  _ = clinux_raise_descriptor_limit()
  let signals = try system("cannot watch signals: ") { () throws(SystemError) in
    Int32(try SystemError.check(clinux_signal_descriptor()))
  }
  // The spool's lock comes first: a second instance on the same spool is told so, not that its port
  // is taken.
  let disk = try openSpool(options)
  let listeners = try openListeners(options)
  let writer = disk.writer
  let quarantineFile = disk.quarantineFile
  let resolver = try system("cannot start the name resolver: ") { () throws(SystemError) in
    try Resolver(options.upstream)
  }
  let geometry = disk.geometry
  var spool = Spool(
    disk: disk, geometry: geometry, deviceCountMax: RelayLimits.deviceCountMax,
    secret: clinux_random(), bootKey: Clock.bootKey())
  let report = spool.recover()
  logStart(&log, clock, options, listeners, geometry, report)
  let engine = Engine(
    spool: spool,
    configuration: RelayConfiguration(
      policies: options.policies, passesUnknown: options.passesUnknown),
    seed: clinux_random())
  let poller: Poller
  do throws(SystemError) {
    poller = try Loop.watch(listeners, writer, resolver, signals)
  } catch {
    throw StartError("cannot watch descriptors: ", [], error, ExitCode.systemError)
  }
  var loop = Loop(
    engine: engine, poller: poller, clock: clock, log: log, listeners: listeners, writer: writer,
    quarantineFile: quarantineFile,
    resolver: resolver, signals: signals)
  return loop.run()
}

/// A system call without which nothing works.
private func system<Value>(
  _ words: StaticString, _ call: () throws(SystemError) -> Value
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

  init(
    _ words: StaticString, _ subject: [UInt8], _ cause: SystemError?, _ exitCode: Int32,
    advice: StaticString = ""
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

  func print() {
    var text = Text("edgerelay: ")
    text.append(message)
    text.append("\n")
    text.printError()
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
        advice: "; create it writable for this user, or name another with --spool")
    case .inUse:
      throw StartError(
        "another instance uses the spool ", options.spool, nil, ExitCode.inUse,
        advice: "; stop it first, or name another directory with --spool")
    case .cannotCreateSegments(let cause):
      throw StartError(
        "cannot create the spool's files in ", options.spool, cause, ExitCode.cannotCreate,
        advice: "; free some space, or choose a smaller --spool-size")
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
      throw StartError(
        "--listen wants a literal address such as 0.0.0.0:8888 or [::]:8888, not ", name.bytes, nil,
        ExitCode.usage)
    }
    do throws(SystemError) {
      listeners += try Listener.open(address)
    } catch {
      throw listenError(name.bytes, error)
    }
  }
  return listeners
}

private func listenError(_ name: [UInt8], _ error: SystemError) -> StartError {
  StartError(
    "cannot listen on ", name, error, ExitCode.unavailable,
    advice: error.code == clinux_eaddrinuse
      ? "; another program has the port, choose one with --listen ADDRESS:PORT" : "")
}

private func logStart(
  _ log: inout Log, _ clock: Clock, _ options: RunOptions, _ listeners: [Listener],
  _ geometry: SpoolGeometry, _ report: RecoveryReport
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
  var line = Text("spool open directory=")
  line.append(options.spool)
  line.append(" bytes=", UInt64(geometry.byteCount))
  line.append(" devices=", report.deviceCount)
  line.append(" undelivered=", report.undeliveredCount)
  log.write(.info, line, now: clock.now)
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
