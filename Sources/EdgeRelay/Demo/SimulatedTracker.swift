// A simulated device, as firmware behaves, in any of the protocols (Speech.swift).
//
//   off --start--> waiting --dial--> connecting --stands--> loggingIn --answered--> online
//                     ^                  |                     | 3 logins unanswered   | connection ends,
//                     '------------------'---------------------'-----------------------' heartbeat unanswered
//
// Online it sends positions, alarms and heartbeats and carries out commands, as far as its protocol has
// them. Alarms are reports that are kept and sent again until they are answered, first of all after a
// login; where answers do not name the alarm, over a new connection. On UDP nothing else is sent
// while an alarm waits, because only then does a lost datagram not change the order. Positions are
// made only while online and never sent twice: they are not answered.
//
// It runs on the caller's poller; `wakeAt` says when it wants `tick`. The type decides when to send;
// what is sent and how answers are read is in SimulatedTracker+Frames.swift.
// Source: device-families document, section 2.

import CLinux
import Queue
import Relay

/// One device: a class, because it is large, and one and the same for whoever counts or moves it.
final class SimulatedTracker {
  enum Phase: UInt8 { case off, waiting, connecting, loggingIn, online }

  /// An alarm without an answer.
  struct PendingAlarm {
    var sequence: Int
    var key: UInt32
    var bytes: [UInt8]
    /// Whether it went out first over the present connection.
    var isOfThisConnection: Bool
    var attemptCount: Int
    var resendAt: Instant
  }

  private static let loginAttemptsMax = 3
  private static let namedAlarmsMax = 4
  private static let outputBytesMax = 8 * 1_024
  private static let readByteCountMax = 16 * 1_024

  let speech: Speech
  let transport: Transport
  let pace: TrackerPace
  private let relay: PeerAddress
  private let token: UInt64
  var speaker: Speaker
  var random: DemoRandom

  private(set) var phase = Phase.off
  private var descriptor: Int32 = -1
  private var phaseDeadline = Instant.never
  private var failureCount = 0
  private var loginAttemptCount = 0
  private var isWriteWatched = false
  var input: [UInt8] = []
  private var output: [UInt8] = []

  var log = TrackerLog()
  var pendingAlarms: [PendingAlarm] = []
  private var positionAt = Instant.never
  private var alarmAt = Instant.never
  private var heartbeatAt = Instant.never
  private var heartbeatAnswerBy = Instant.never
  private var isFinishing = false
  /// When `tick` has something to do.
  private(set) var wakeAt = Instant.never

  private(set) var connectCount = 0
  private(set) var resentAlarmCount = 0
  var positionCount = 0
  var alarmCount = 0
  /// The numbers of the commands carried out.
  var commands: [UInt32] = []
  /// Bytes and frames from the relay that are no proper answer; real firmware would drop them.
  var wrongAnswerCount = 0

  init(
    number: Int, _ speech: Speech, _ transport: Transport, relay: PeerAddress, token: UInt64,
    pace: TrackerPace,
    seed: UInt64
  ) {
    speaker = Speaker(number: number)
    self.speech = speech
    self.transport = transport
    self.relay = relay
    self.token = token
    self.pace = pace
    random = DemoRandom(seed: seed &+ UInt64(number) &* 0x1_0001)
  }

  var number: Int { speaker.number }

  // MARK: Switching on and off

  /// Switches on after a moment, so that many trackers do not connect at once.
  func start(_ now: Instant) {
    guard phase == .off else { return }
    wait(random.number(in: 0..<500), now)
  }

  /// Sends one last alarm, which is answered behind everything else, and then only what is owed.
  ///
  /// The relay must not be killed any more: what the present TCP connection carries is promised then.
  func finish(_ now: Instant) {
    isFinishing = true
    alarmAt = speech.alarm == nil ? .never : now
    schedule()
  }

  /// Whether the last alarm went out and every alarm is answered.
  var isFinished: Bool { isFinishing && alarmAt == .never && pendingAlarms.isEmpty }

  /// Nobody was killed, and the present TCP connection stood to the end: it has carried everything.
  func noteEnd() {
    if transport == .tcp, phase == .online, output.isEmpty { log.noteStanding() }
  }

  func close() {
    if descriptor >= 0 { Sockets.close(descriptor) }
    descriptor = -1
    phase = .off
    schedule()
  }

  // MARK: Events

  @inline(never)
  func handle(
    _ event: PollEvent, _ now: Instant, _ poller: borrowing Poller, _ buffer: PageBuffer
  ) {
    guard descriptor >= 0 else { return }
    if phase == .connecting {
      if Sockets.isConnected(descriptor) { beginLogin(now) } else { drop(now) }
    } else if event.isReadable || event.isBroken {
      receive(now, buffer)
    }
    flush(now, poller)
    schedule()
  }

  /// Does what is due.
  @inline(never)
  func tick(_ now: Instant, _ poller: borrowing Poller) {
    switch phase {
    case .off: break
    case .waiting where now >= phaseDeadline: dial(now, poller)
    case .connecting where now >= phaseDeadline: drop(now)
    case .loggingIn where now >= phaseDeadline: repeatLogin(now)
    case .online: live(now)
    case .waiting, .connecting, .loggingIn: break
    }
    flush(now, poller)
    schedule()
  }

  // MARK: Connection

  private func wait(_ milliseconds: Int, _ now: Instant) {
    phase = .waiting
    phaseDeadline = now.advanced(by: milliseconds)
    schedule()
  }

  private func dial(_ now: Instant, _ poller: borrowing Poller) {
    do {
      descriptor = try Sockets.connect(relay, transport)
      try poller.add(
        descriptor, PollInterest(read: true, write: transport == .tcp), token: token)
    } catch {
      drop(now)
      return
    }
    isWriteWatched = transport == .tcp
    phase = .connecting
    phaseDeadline = now.advanced(by: pace.connect)
    if transport == .udp { beginLogin(now) }
  }

  /// Gives the connection up and tries again later.
  private func drop(_ now: Instant) {
    if descriptor >= 0 { Sockets.close(descriptor) }
    descriptor = -1
    input = []
    output = []
    heartbeatAnswerBy = .never
    for i in pendingAlarms.indices { pendingAlarms[i].isOfThisConnection = false }
    wait(random.around(pace.reconnect(after: failureCount)), now)
    failureCount += 1
  }

  @inline(never)
  private func beginLogin(_ now: Instant) {
    connectCount += 1
    log.noteConnected()
    loginAttemptCount = 0
    phase = .loggingIn
    repeatLogin(now)
  }

  /// Sends the login of this moment; a protocol without one is online at once.
  @inline(never)
  private func repeatLogin(_ now: Instant) {
    guard let login = speech.login else {
      goOnline(now)
      return
    }
    if loginAttemptCount == Self.loginAttemptsMax {
      drop(now)
      return
    }
    phase = .loggingIn
    phaseDeadline = now.advanced(by: pace.answer(after: failureCount + loginAttemptCount))
    loginAttemptCount += 1
    send(login(&speaker))
  }

  /// The login goes on, or begins again, with what the speaker knows now.
  func continueLogin(_ now: Instant) {
    if phase == .loggingIn { repeatLogin(now) }
  }

  private func receive(_ now: Instant, _ buffer: PageBuffer) {
    switch Sockets.receive(descriptor, into: buffer, max: Self.readByteCountMax) {
    case .bytes(let count):
      buffer.withBytes(0..<count) { input.append($0) }
      readAnswers(now)
    case .wouldBlock:
      break
    case .ended, .failed:
      if transport == .tcp {
        drop(now)
      } else if phase == .online, speech.login != nil {
        // Nobody listens there: whoever does next will not know this device.
        loginAttemptCount = 0
        repeatLogin(now)
      }
    }
  }

  /// Queues bytes; on UDP every frame is a datagram of its own.
  func send(_ bytes: [UInt8]) {
    if transport == .udp {
      // A datagram that cannot be sent is lost, as the network would lose it.
      if descriptor >= 0 { _ = Sockets.send(descriptor, bytes.span) }
    } else {
      output += bytes
    }
  }

  @inline(never)
  private func flush(_ now: Instant, _ poller: borrowing Poller) {
    guard transport == .tcp, descriptor >= 0, phase != .connecting else { return }
    switch Sockets.send(descriptor, output.span) {
    case .bytes(let count): output.removeFirst(count)
    case .wouldBlock: break
    case .ended, .failed:
      drop(now)
      return
    }
    if isWriteWatched == output.isEmpty {
      isWriteWatched = !output.isEmpty
      poller.change(descriptor, PollInterest(read: true, write: isWriteWatched), token: token)
    }
  }

  // MARK: Life

  /// The login was answered.
  func goOnline(_ now: Instant) {
    guard phase == .loggingIn else { return }
    phase = .online
    for i in pendingAlarms.indices { resendAlarm(i, now) }
    heartbeatAt =
      speech.heartbeat == nil ? .never : now.advanced(by: random.around(pace.heartbeat))
    heartbeatAnswerBy = .never
    positionAt = now.advanced(by: random.around(pace.position))
    if alarmAt == .never, !isFinishing, speech.alarm != nil {
      alarmAt = now.advanced(by: random.around(pace.alarm))
    }
  }

  func noteHeartbeatAnswered() {
    heartbeatAnswerBy = .never
    failureCount = 0
  }

  private func live(_ now: Instant) {
    if now >= heartbeatAnswerBy {
      drop(now)
      return
    }
    if now >= heartbeatAt, let heartbeat = speech.heartbeat {
      send(heartbeat(&speaker))
      heartbeatAt = now.advanced(by: pace.heartbeat)
      if heartbeatAnswerBy == .never {
        heartbeatAnswerBy = now.advanced(by: 2 * pace.answer(after: failureCount))
      }
    }
    for i in pendingAlarms.indices where now >= pendingAlarms[i].resendAt {
      if !speech.isAlarmNamed {
        drop(now)
        return
      }
      resendAlarm(i, now)
    }
    if isBlocked { return }
    if now >= positionAt, !isFinishing {
      makePosition()
      positionAt = now.advanced(by: random.around(pace.position))
    }
    if now >= alarmAt, pendingAlarms.count < pendingAlarmsMax {
      makeAlarm(resendAt: now.advanced(by: pace.answer(after: failureCount)))
      alarmAt = isFinishing ? .never : now.advanced(by: random.around(pace.alarm))
    }
  }

  private var pendingAlarmsMax: Int { speech.isAlarmNamed ? Self.namedAlarmsMax : 1 }

  private var isBlocked: Bool {
    transport == .udp ? !pendingAlarms.isEmpty : output.count >= Self.outputBytesMax
  }

  private func resendAlarm(_ i: Int, _ now: Instant) {
    pendingAlarms[i].attemptCount += 1
    pendingAlarms[i].resendAt = now.advanced(
      by: pace.answer(after: failureCount + pendingAlarms[i].attemptCount))
    resentAlarmCount += 1
    send(pendingAlarms[i].bytes)
  }

  @inline(never)
  private func schedule() {
    switch phase {
    case .off: wakeAt = .never
    case .waiting, .connecting, .loggingIn: wakeAt = phaseDeadline
    case .online:
      wakeAt = min(heartbeatAt, heartbeatAnswerBy)
      for alarm in pendingAlarms { wakeAt = min(wakeAt, alarm.resendAt) }
      if isBlocked { return }
      if !isFinishing { wakeAt = min(wakeAt, positionAt) }
      if pendingAlarms.count < pendingAlarmsMax { wakeAt = min(wakeAt, alarmAt) }
    }
  }
}
