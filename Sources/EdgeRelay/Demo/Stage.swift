// Both ends on one loop: trackers on one side of the relay, the stand-in platform on the other.
//
// Whoever owns the stage calls `turn` again and again and looks at what has come of it. Everything
// happens on the caller's thread; the relay is another process.

import CLinux
import Queue
import Relay

/// What a token of the stage's poller is about, in its upper half.
enum StageSource: UInt64 {
  case listener = 1
  case connection = 2
  case tracker = 3
  case signals = 4

  func token(_ index: Int) -> UInt64 { rawValue << 32 | UInt64(index) }
}

/// The trackers and the platform.
struct Stage: ~Copyable {
  /// Milliseconds a turn lasts at most, so that the owner can look around.
  private static let turnMax: Int64 = 50

  var platform: StandInPlatform
  private(set) var trackers: [SimulatedTracker] = []
  /// Whether TERM or INT has come, once signals are watched.
  private(set) var isInterrupted = false
  private let relay: PeerAddress
  private let clock = Clock()
  private var poller: Poller
  private let buffer = PageBuffer(byteCount: 64 * 1_024)
  private var signals: Int32 = -1

  /// A stage with the platform up, and no trackers.
  init(relay: PeerAddress, platform: PeerAddress) throws(SystemError) {
    let poller = try Poller()
    var stand = StandInPlatform(address: platform)
    try stand.restore(poller)
    self.relay = relay
    self.platform = stand
    self.poller = poller
  }

  var now: Instant { clock.now }

  mutating func watch(signals: Int32) throws(SystemError) {
    self.signals = signals
    try poller.add(
      signals, PollInterest(read: true, write: false), token: StageSource.signals.token(0))
  }

  // MARK: Trackers

  /// Adds a tracker and switches it on.
  mutating func addTracker(
    _ transport: Transport, _ speech: Speech = .gt06, pace: TrackerPace, seed: UInt64
  ) {
    let number = trackers.count
    trackers.append(
      SimulatedTracker(
        number: number, speech, transport, relay: relay, token: StageSource.tracker.token(number),
        pace: pace, seed: seed))
    trackers[number].start(now)
  }

  /// Lets every tracker send its last alarm and nothing after it. From here on nobody is killed.
  mutating func finishTrackers() {
    let now = now
    for i in trackers.indices { trackers[i].finish(now) }
  }

  /// What every connection that still stands has carried is promised now.
  mutating func noteEnd() {
    for i in trackers.indices { trackers[i].noteEnd() }
  }

  // MARK: Platform

  mutating func cutPlatform() { platform.cut() }

  mutating func restorePlatform() throws(SystemError) { try platform.restore(poller) }

  mutating func sendCommand(to number: Int, flag: UInt32) -> Bool {
    platform.sendCommand(to: number, flag: flag, poller)
  }

  mutating func close() {
    for i in trackers.indices { trackers[i].close() }
    platform.close()
  }

  // MARK: Time

  /// Waits until something happens, at most a twentieth of a second, and lets everybody act.
  mutating func turn() throws(SystemError) {
    var wakeAt = now.advanced(by: Int(Self.turnMax))
    for i in trackers.indices { wakeAt = min(wakeAt, trackers[i].wakeAt) }
    try poller.wait(milliseconds: Int32(max(0, wakeAt.since(now))))
    let now = now
    for i in 0..<poller.readyCount { handle(poller.event(i), now) }
    for i in trackers.indices where trackers[i].wakeAt <= now { trackers[i].tick(now, poller) }
  }

  private mutating func handle(_ event: PollEvent, _ now: Instant) {
    let index = Int(event.token & 0xFFFF_FFFF)
    guard let source = StageSource(rawValue: event.token >> 32) else { return }
    switch source {
    case .listener: platform.accept(poller)
    case .connection: platform.handle(index, event, poller, buffer)
    case .tracker: trackers[index].handle(event, now, poller, buffer)
    case .signals:
      while clinux_next_signal(signals) != 0 { isInterrupted = true }
    }
  }

  // MARK: Queries

  @inline(never)
  var onlineCount: Int { trackers.count { $0.phase == .online } }

  var areTrackersFinished: Bool { trackers.allSatisfy { $0.isFinished } }

  /// The sequence number of each tracker's next frame.
  @inline(never)
  var sequenceEnds: [Int] { trackers.map { $0.log.sequenceEnd } }

  /// Whether every promised frame below these sequence numbers has come to the platform.
  func hasDelivered(below ends: [Int]) -> Bool {
    Judge.hasDelivered(trackers, platform, below: ends)
  }

  /// Frames made that are behind the last one of their tracker that came to the platform.
  ///
  /// Order is kept, so what is not delivered and not behind it will not come any more.
  @inline(never)
  var underwayCount: Int {
    var count = 0
    for tracker in trackers {
      let end = platform.record(of: tracker.number)?.sequenceEnd ?? 0
      count += max(0, tracker.log.sequenceEnd - end)
    }
    return count
  }
}
