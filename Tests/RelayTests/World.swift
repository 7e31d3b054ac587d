// A whole relay with trackers and a platform, without delays, for scenarios:
//
//   let world = World()
//   let tracker = world.tracker(1)        connected and logged in
//
// Everything settles after each call; time moves by `advance` only.

import Detect
import Queue
import Testing

@testable import Relay

/// A device's connection, or its UDP source.
final class Tracker {
  unowned let world: World
  let imei: UInt64
  var slot: SessionSlot?
  let source: PeerAddress
  /// Everything the relay has sent to it, and not yet looked at.
  var inbox: [UInt8] = []
  /// One element per datagram or write.
  var writes: [[UInt8]] = []
  var isOpen = true
  var isRead = true
  /// Whether it takes what is sent to it.
  var reads = true
  /// Bytes on their way while the relay does not read.
  var unsent: [UInt8] = []

  init(_ world: World, _ imei: UInt64, _ slot: SessionSlot?, _ source: PeerAddress) {
    self.world = world
    self.imei = imei
    self.slot = slot
    self.source = source
  }

  func send(_ frames: Wire...) { send(bytes: frames.flatMap(\.bytes)) }

  func send(bytes: [UInt8]) {
    unsent += bytes
    world.settle()
  }

  /// The frames received since the last call.
  func take() -> [Wire] {
    defer { inbox = [] }
    return Wire.all(inbox)
  }

  func hangUp() {
    isOpen = false
    world.ended(self)
    world.settle()
  }
}

/// One connection the relay made to the platform.
final class PlatformConnection {
  let device: DeviceIndex
  var frames: [Wire] = []
  var rest: [UInt8] = []
  var outbox: [UInt8] = []
  var isConnected = false
  var isOpen = true
  /// Whether the platform has ended it.
  var isBroken = false

  init(_ device: DeviceIndex) { self.device = device }
}

final class World: Edge {
  enum Commits { case immediate, manual }

  var commits = Commits.immediate
  var trackers: [Tracker] = []
  var connections: [PlatformConnection] = []
  /// Whether connecting works.
  var platformIsUp = true
  /// Whether what is said to the platform gets there.
  var lineIsUp = true
  /// Whether the platform takes bytes.
  var platformReads = true
  /// What the platform says to a frame, in bytes.
  var respond: (Wire) -> [UInt8] = World.likeAServer
  /// Whether the platform ends a connection over a frame.
  var breaksOver: (Wire) -> Bool = { _ in false }
  var connectTimes: [Int] = []
  /// What the platform's kernel says that it has not acknowledged; `nil` says nothing.
  var unacknowledged: Int?
  private var sourceCount = 0
  private var isReported = false
  private let configuration: RelayConfiguration

  init(
    policy: ReplyPolicy = .minimal, image: DiskImage? = nil, sessionCountMax: Int = 1_024,
    deviceCountMax: Int = 1_024, holdMilliseconds: Int = 0, parked: [DeviceKey] = [],
    answersAtRisk: Bool = false, ledger: LedgerImage? = nil, seed: UInt64 = 1
  ) {
    var policies = ReplyPolicies()
    policies.set(policy)
    if answersAtRisk { policies.answerAtRisk(.gt06) }
    configuration = RelayConfiguration(
      policies: policies, sessionCountMax: sessionCountMax, holdMilliseconds: holdMilliseconds)
    super.init(
      image: image, configuration: configuration, deviceCountMax: deviceCountMax, seed: seed)
    engine.start(parked: parked, ledger: ledger, now: instant)
    settle()
  }

  /// Answers logins, heartbeats and alarms with their serial numbers.
  static func likeAServer(_ frame: Wire) -> [UInt8] {
    [0x01, 0x13, 0x16].contains(frame.type) && !frame.isLong ? frame.answer().bytes : []
  }

  override func unacknowledgedByteCount(_ device: DeviceIndex) -> Int? { unacknowledged }

  // MARK: Trackers

  /// A new connection that has said nothing.
  func connection(_ imei: UInt64 = 0) -> Tracker {
    sourceCount += 1
    let source = PeerAddress.number(sourceCount)
    let slot = engine.accept(source, moment)
    let tracker = Tracker(self, imei, slot, source)
    if slot == nil { tracker.isOpen = false }
    trackers.append(tracker)
    settle()
    return tracker
  }

  /// A connection that has logged in, and whose login was answered.
  func tracker(_ imei: UInt64, serial: UInt16 = 1) -> Tracker {
    let tracker = connection(imei)
    tracker.send(.login(imei, serial: serial))
    #expect(tracker.take() == [.login(imei, serial: serial).answer()])
    return tracker
  }

  /// A source of datagrams.
  func source(_ imei: UInt64) -> Tracker {
    sourceCount += 1
    let tracker = Tracker(self, imei, nil, .number(sourceCount))
    trackers.append(tracker)
    return tracker
  }

  /// Takes other rules while everything runs.
  func apply(_ access: AccessRules) {
    engine.apply(access, now: instant)
    settle()
  }

  func ended(_ tracker: Tracker) {
    guard let slot = tracker.slot else { return }
    tracker.slot = nil
    engine.sessionClosed(slot, moment)
  }

  // MARK: Platform

  /// The newest connection.
  var upstream: PlatformConnection { connections[connections.count - 1] }

  /// Every frame the platform has read, over all connections.
  var delivered: [Wire] { connections.flatMap(\.frames) }

  func say(_ bytes: [UInt8], on connection: PlatformConnection? = nil) {
    (connection ?? upstream).outbox += bytes
    settle()
  }

  func cut(_ connection: PlatformConnection? = nil, _ loss: UpstreamLoss = .closedByPeer) {
    let connection = connection ?? upstream
    connection.isOpen = false
    engine.upstreamClosed(connection.device, loss, moment)
    settle()
  }

  func commit(_ error: DiskError? = nil) {
    finishCommit(error)
    settle()
  }

  // MARK: Time

  func advance(_ milliseconds: Int) {
    let end = now + milliseconds
    while true {
      let next = engine.nextDeadline
      guard next.milliseconds <= Int64(end) else { break }
      now = max(now, Int(next.milliseconds))
      settle()
      if isReported { return }
    }
    now = end
    settle()
  }

  /// Goes on until nothing more happens at this instant.
  func settle() {
    for _ in 0..<2_000 {
      var isBusy = turn()
      if deliver() { isBusy = true }
      if commits == .immediate, image.pending != nil {
        finishCommit()
        isBusy = true
      }
      checkLimits()
      if !isBusy, engine.nextDeadline > instant { break }
    }
    if engine.nextDeadline <= instant { violations.append("busy loop at \(now)") }
    if isReported { return }
    #expect(violations.isEmpty)
    isReported = !violations.isEmpty
  }

  private func deliver() -> Bool {
    var isBusy = false
    for tracker in trackers where tracker.isOpen && tracker.isRead && !tracker.unsent.isEmpty {
      isBusy = true
      guard let slot = tracker.slot else {
        engine.datagram(tracker.source, tracker.unsent.span, moment)
        tracker.unsent = []
        continue
      }
      let count = min(tracker.unsent.count, RelayLimits.readByteCountMax)
      let part = Array(tracker.unsent[..<count])
      tracker.unsent.removeFirst(count)
      engine.received(slot, part.span, moment)
    }
    for connection in connections where connection.isOpen {
      if !connection.isConnected {
        connection.isConnected = true
        engine.upstreamConnected(connection.device, moment)
        isBusy = true
      } else if connection.isBroken {
        connection.isOpen = false
        engine.upstreamClosed(connection.device, .closedByPeer, moment)
        isBusy = true
      } else if !connection.outbox.isEmpty {
        let bytes = connection.outbox
        connection.outbox = []
        engine.upstreamReceived(connection.device, bytes.span, moment)
        isBusy = true
      }
    }
    return isBusy
  }

  // MARK: What a connection is

  private func tracker(at slot: SessionSlot) -> Tracker? {
    trackers.first { $0.slot == slot && $0.isOpen }
  }

  private func open(_ device: DeviceIndex) -> PlatformConnection? {
    connections.last { $0.device == device && $0.isOpen }
  }

  override func write(_ bytes: [UInt8], to slot: SessionSlot) -> Int? {
    guard let tracker = tracker(at: slot) else { return nil }
    guard tracker.reads else { return 0 }
    if !bytes.isEmpty { tracker.writes.append(bytes) }
    tracker.inbox += bytes
    return bytes.count
  }

  override func send(_ bytes: [UInt8], to source: PeerAddress) {
    for tracker in trackers where tracker.source == source {
      tracker.writes.append(bytes)
      tracker.inbox += bytes
    }
  }

  override func closeSession(_ slot: SessionSlot) {
    guard let tracker = tracker(at: slot) else { return }
    tracker.isOpen = false
    tracker.slot = nil
  }

  override func setReading(_ slot: SessionSlot, _ isReading: Bool) {
    tracker(at: slot)?.isRead = isReading
  }

  override func connect(_ device: DeviceIndex) {
    connectTimes.append(now)
    if !lineIsUp { return }
    if platformIsUp {
      connections.append(PlatformConnection(device))
    } else {
      engine.upstreamClosed(device, .unreachable, moment)
    }
  }

  override func write(_ bytes: [UInt8], to device: DeviceIndex) -> Int? {
    guard let connection = open(device) else { return nil }
    guard platformReads else { return 0 }
    connection.rest += bytes
    while !connection.isBroken, let frame = Wire.cut(&connection.rest) {
      if breaksOver(frame) {
        connection.isBroken = true
        break
      }
      connection.frames.append(frame)
      connection.outbox += respond(frame)
    }
    return bytes.count
  }

  override func closeUpstream(_ device: DeviceIndex) { open(device)?.isOpen = false }
}
