// `edgerelay demo`: a site in a quarter of a minute, with the worst day of its year in the middle.
//
//   share of the time  what happens
//    25 %               relay, platform and trackers start and come online; good weather
//    17 %               the platform is cut: listener closed, connections reset
//    18 %               the relay is killed with SIGKILL and started again on the same port and spool
//    the rest           the platform is back; the backlog drains; a command goes down, its reply up
//    at the end         trackers send their last alarm; everything owed comes; TERM; the tally
//
// Steps wait for what they are about, with bounds far beyond what a slow machine needs; a share is
// how long a step takes at least. Platform and trackers run in this process, on
// one thread; the relay is a child. Child and files are gone at the end, however it ends.

import CLinux
import Queue
import Relay

/// Runs the demonstration; the exit code says whether anything was lost.
@inline(never)
func runDemo(_ options: DemoOptions) -> Int32 {
  // Before the first child: it must inherit the mask, and an interrupt must always be tidied up after.
  let signals = clinux_signal_descriptor()
  guard clinux_raise_descriptor_limit(0) >= Demo.descriptorCount(options) else {
    Text("edgerelay: too few file descriptors (ulimit -n) for so many trackers\n").printError()
    return ExitCode.systemError
  }
  guard signals >= 0, let directory = DemoDirectory.make() else {
    Text("edgerelay: the demonstration needs a writable temporary directory\n").printError()
    return ExitCode.cannotCreate
  }
  let code = Demo.run(options, directory: directory, signals: Int32(signals))
  DemoDirectory.remove(directory)
  return code
}

/// Why a demonstration ended early.
enum DemoFailure: Error {
  case interrupted
  case relayEnded(RelayChild.End)
  /// A step took longer than any machine should need.
  case stuck(Literal)
  case system(SystemError)
}

/// One run.
struct Demo: ~Copyable {
  private static let stepTimeout = 120_000
  /// Milliseconds of each of the outage's two steps.
  private static let outageStepMax: Int64 = 15_000
  /// Milliseconds the relay stays dead, so that its absence can be seen.
  private static let deathLength: Int64 = 500
  private static let commandInterval = 5_000
  /// Holds half a minute of every tracker's frames several times.
  private static let spoolBytes: Int64 = 32 << 20

  private let options: DemoOptions
  private let relayOptions: RunOptions
  private let start: Instant
  private var stage: Stage
  private var child = RelayChild()
  private var screen: DemoScreen
  private var scene = DemoScene.calm
  private var story = DemoStory()

  private init(
    _ options: DemoOptions, relay: UInt16, platform: UInt16, directory: [UInt8]
  ) throws(SystemError) {
    self.options = options
    let relayOptions = RunOptions(upstream: Loopback.name(port: platform))
    // Who judges reads the same clock.
    relayOptions.isClockTrusted = true
    relayOptions.listen = [Loopback.name(port: relay)]
    relayOptions.spool = directory
    relayOptions.spoolCapBytes = Self.spoolBytes
    relayOptions.isQuiet = !options.isVerbose
    self.relayOptions = relayOptions
    stage = try Stage(
      relay: Loopback.address(port: relay), platform: Loopback.address(port: platform))
    start = stage.now
    screen = DemoScreen(start: start)
  }

  static func run(_ options: DemoOptions, directory: [UInt8], signals: Int32) -> Int32 {
    var random = DemoRandom(seed: options.seed)
    guard let relay = Loopback.freePort(&random), let platform = Loopback.freePort(&random),
      var demo = try? Demo(options, relay: relay, platform: platform, directory: directory)
    else {
      Text("edgerelay: the demonstration found no free ports on 127.0.0.1\n").printError()
      return ExitCode.unavailable
    }
    let code: Int32
    do {
      try demo.play(signals)
      code = demo.conclude()
    } catch {
      code = demo.explain(error)
    }
    demo.child.kill()
    demo.stage.close()
    return code
  }

  /// More descriptors than this process has at a time: each tracker one, and for a moment two, on
  /// either side of the relay, and a handful.
  fileprivate static func descriptorCount(_ options: DemoOptions) -> Int {
    64 + 4 * options.trackerCount
  }

  // MARK: Script

  @inline(never)
  private mutating func play(_ signals: Int32) throws(DemoFailure) {
    try system { (demo) throws(SystemError) in try demo.stage.watch(signals: signals) }
    try openScene()
    try cutPlatform()
    try killRelay()
    try restorePlatform()
    try sendCommand()
    let end = start.advanced(by: options.seconds * 1_000)
    try wait("good weather", atLeast: end.since(stage.now)) { _ in true }
    try finish()
  }

  @inline(never)
  private mutating func openScene() throws(DemoFailure) {
    try startRelay()
    let pace = TrackerPace.shared(by: options.trackerCount)
    var datagramCount = 0
    for i in 0..<options.trackerCount {
      let role = Cast.role(i)
      if role.transport == .udp { datagramCount += 1 }
      stage.addTracker(role.transport, role.speech, pace: pace, seed: options.seed)
    }
    var places = Text("relay on ")
    relayOptions.listen[0].write(to: &places)
    places.append(" (TCP and UDP), stand-in platform on ")
    relayOptions.upstream.write(to: &places)
    screen.event(places, stage.now)
    var words = Text("switching on ")
    words.append(options.trackerCount, of: "tracker")
    words.append(" of ", min(options.trackerCount, Cast.speeches.count))
    words.append(" protocols and dialects, ")
    words.append(datagramCount)
    words.append(" of them on UDP")
    screen.event(words, stage.now)
    let calmEnd = start.advanced(by: Int(share(25)))
    try wait("the trackers to come online") { $0.areAllOnline && $0.areAllKnown }
    screen.event("all trackers are online and known to the platform", stage.now)
    try wait("good weather", atLeast: calmEnd.since(stage.now)) { _ in true }
  }

  private mutating func cutPlatform() throws(DemoFailure) {
    stage.cutPlatform()
    scene = .platformDown
    story.cutAt = stage.now
    screen.event("the platform goes down: listener closed, every connection reset", stage.now)
    try wait("the outage to last", atLeast: outageShare(17)) { _ in true }
  }

  private mutating func killRelay() throws(DemoFailure) {
    var words = Text("the relay is killed with SIGKILL while it keeps ")
    words.append(stage.underwayCount, of: "frame")
    words.append(" for the platform")
    child.kill()
    scene = .relayDown
    screen.event(words, stage.now)
    try wait("the relay to stay dead", atLeast: Self.deathLength) { _ in true }
    try startRelay()
    scene = .platformDown
    screen.event("the relay is started again on the same port and spool", stage.now)
    try wait("the trackers to come back", atLeast: outageShare(18)) { $0.areAllOnline }
  }

  private mutating func restorePlatform() throws(DemoFailure) {
    let backlogEnds = stage.sequenceEnds
    story.backlogCount = stage.underwayCount
    story.restoredAt = stage.now
    try system { (demo) throws(SystemError) in try demo.stage.restorePlatform() }
    scene = .catchingUp
    screen.event("the platform is back on its port", stage.now)
    try wait("the backlog to drain") { $0.stage.hasDelivered(below: backlogEnds) }
    story.caughtUpAt = stage.now
    scene = .calm
    screen.event("the backlog is delivered", stage.now)
  }

  private mutating func sendCommand() throws(DemoFailure) {
    let tracked = 0..<min(stage.trackers.count, Cast.speeches.count)
    let targets = tracked.filter { stage.trackers[$0].speech.command != nil }
    var flag: UInt32 = 1_000
    var nextAt = stage.now
    try wait("the commands to be carried out") { demo in
      let waiting = targets.filter {
        demo.stage.platform.record(of: $0)?.commandReplies.isEmpty != false
      }
      if demo.stage.now >= nextAt {
        for number in waiting { _ = demo.stage.sendCommand(to: number, flag: flag) }
        flag += 1
        nextAt = demo.stage.now.advanced(by: Self.commandInterval)
      }
      return waiting.isEmpty
    }
    var words = Text("a command went down to each of ")
    words.append(targets.count, of: "tracker")
    words.append(" that takes any, and its reply came up")
    screen.event(words, stage.now)
  }

  private mutating func finish() throws(DemoFailure) {
    stage.finishTrackers()
    scene = .finishing
    try wait("the last alarms to be answered") { $0.stage.areTrackersFinished }
    stage.noteEnd()
    let ends = stage.sequenceEnds
    try wait("everything promised to be delivered") { $0.stage.hasDelivered(below: ends) }
    scene = .stopping
    child.terminate()
    screen.event("the relay is asked to stop (TERM)", stage.now)
    try wait("the relay to stop") { !$0.child.isRunning }
    screen.event("the relay has stopped with exit code 0", stage.now)
  }

  // MARK: Steps

  /// Runs the stage until `condition` holds, and for `atLeast` milliseconds.
  @inline(never)
  private mutating func wait(
    _ what: Literal, atLeast: Int64 = 0, until condition: (inout Demo) -> Bool
  ) throws(DemoFailure) {
    let earliest = stage.now.advanced(by: Int(max(0, atLeast)))
    let latest = earliest.advanced(by: Self.stepTimeout)
    while stage.now < earliest || !condition(&self) { try turn(what, latest) }
  }

  /// One turn of the stage while the script waits, until `latest` at most.
  @inline(never)
  private mutating func turn(_ what: Literal, _ latest: Instant) throws(DemoFailure) {
    if stage.now >= latest { throw .stuck(what) }
    try system { (demo) throws(SystemError) in try demo.stage.turn() }
    if stage.isInterrupted { throw .interrupted }
    try watchChild()
    if screen.wantsProgress(stage.now) { screen.progress(scene.words(of: stage), stage.now) }
  }

  /// Milliseconds that are `percent` of the time.
  private func share(_ percent: Int) -> Int64 { Int64(options.seconds * 10 * percent) }

  /// The same, within what the spool is sized for.
  private func outageShare(_ percent: Int) -> Int64 { min(share(percent), Self.outageStepMax) }

  private mutating func startRelay() throws(DemoFailure) {
    // Numbers are given lowest first.
    let descriptorEnd = Int32(Self.descriptorCount(options))
    let relayOptions = relayOptions
    try system { (demo) throws(SystemError) in
      try demo.child.start(relayOptions, descriptorEnd: descriptorEnd)
    }
  }

  @inline(never)
  private mutating func watchChild() throws(DemoFailure) {
    guard let end = child.takeEnd() else { return }
    if scene != .stopping || end != .code(0) { throw .relayEnded(end) }
  }

  private mutating func system(
    _ body: (inout Demo) throws(SystemError) -> Void
  ) throws(DemoFailure) {
    do { try body(&self) } catch { throw .system(error) }
  }

  private var areAllOnline: Bool { stage.onlineCount == options.trackerCount }

  private var areAllKnown: Bool { stage.platform.records.count == options.trackerCount }

  // MARK: End

  @inline(never)
  private mutating func conclude() -> Int32 {
    let tally = Judge.tally(stage.trackers, stage.platform)
    screen.plain(story.summary(tally, byProtocol, options))
    return tally.isClean ? ExitCode.success : ExitCode.failure
  }

  /// The tally of each protocol that has a tracker, in the order of the cast.
  @inline(never)
  private var byProtocol: [TallyColumn] {
    Cast.speeches.indices.compactMap { role in
      let trackers = stage.trackers.filter { $0.number % Cast.speeches.count == role }
      return trackers.isEmpty ? nil : Judge.tally(trackers, stage.platform).total
    }
  }

  private mutating func explain(_ failure: DemoFailure) -> Int32 {
    screen.plain(
      story.obituary(failure, Judge.tally(stage.trackers, stage.platform), byProtocol, options))
    return ExitCode.failure
  }
}
