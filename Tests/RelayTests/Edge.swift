// The program's loop in small: performs effects and reports what comes of them, decides nothing.
// What a connection is depends on the test, which overrides the lower half.

import Queue

@testable import Relay

class Edge {
  let image: DiskImage
  var engine: Engine<MemoryDisk>
  /// Virtual time in milliseconds.
  var now = 1_000
  var logs: [LogEvent] = []
  var quarantined: [[UInt8]] = []
  var watched: [WatchedFrame] = []
  /// What must never happen, in words; the test fails when there is any.
  var violations: [String] = []

  var instant: Instant { Instant(milliseconds: Int64(now)) }
  var moment: Moment { Moment(instant: instant, wallSeconds: 1_750_000_000 + Int64(now / 1_000)) }

  static let smallest = SpoolGeometry(capBytes: 0)

  init(
    image: DiskImage?, configuration: RelayConfiguration, deviceCountMax: Int, seed: UInt64,
    geometry: SpoolGeometry = smallest
  ) {
    let image = image ?? DiskImage(segmentCount: geometry.segmentCount)
    self.image = image
    engine = Self.engine(image, configuration, deviceCountMax, seed, geometry)
  }

  static func engine(
    _ image: DiskImage, _ configuration: RelayConfiguration, _ deviceCountMax: Int, _ seed: UInt64,
    _ geometry: SpoolGeometry = smallest
  ) -> Engine<MemoryDisk> {
    var spool = Spool(
      disk: MemoryDisk(image: image), geometry: geometry, deviceCountMax: deviceCountMax,
      secret: seed, bootKey: 1)
    _ = spool.recover()
    return Engine(spool: spool, configuration: configuration, seed: seed)
  }

  var ledger: Ledger { engine.ledger }
  var upstreams: [Upstream] { engine.upstreams }
  var isDrained: Bool { engine.isDrained }

  func hasUndelivered(_ device: DeviceIndex) -> Bool { engine.spool.hasUndelivered(device) }
  func undeliveredCount(_ device: DeviceIndex) -> Int { engine.spool.undeliveredCount(device) }

  /// One turn of the loop after events; returns whether the engine wants another at once.
  func turn() -> Bool {
    engine.expire(moment)
    let hasMore = engine.turn(now: instant)
    performEffects()
    return hasMore
  }

  func finishCommit(_ error: DiskError? = nil) {
    guard image.pending != nil else { return }
    if error == nil { image.apply() } else { image.pending = nil }
    engine.commitFinished(error, moment)
  }

  func performEffects() {
    while let effect = engine.nextEffect() {
      check(effect)
      switch effect {
      case .flushSession(let slot):
        let bytes = engine.withSessionOutput(slot) { span in span.indices.map { span[$0] } }
        if let written = write(bytes, to: slot) { engine.sessionWrote(slot, written) }
      case .sendDatagram(let slot, let byteCount):
        let bytes = engine.withSessionOutput(slot) { span in span.indices.map { span[$0] } }
        if byteCount <= bytes.count {
          send(Array(bytes[..<byteCount]), to: engine.source(of: slot))
          engine.sessionWrote(slot, byteCount)
        }
      case .closeSession(let slot):
        closeSession(slot)
        engine.sessionReleased(slot)
      case .pauseSession(let slot): setReading(slot, false)
      case .resumeSession(let slot): setReading(slot, true)
      case .connectUpstream(let device): connect(device)
      case .flushUpstream(let device):
        let bytes = engine.withUpstreamOutput(device) { span in span.indices.map { span[$0] } }
        if let written = write(bytes, to: device) {
          engine.upstreamWrote(device, written)
        }
      case .measureUpstream(let device):
        if let count = unacknowledgedByteCount(device) {
          engine.upstreamMeasured(device, unacknowledgedByteCount: count, moment)
        }
      case .endUpstream(let device): endOutput(device)
      case .closeUpstream(let device):
        closeUpstream(device)
        engine.upstreamReleased(device, moment)
      case .connectLink(let slot): connectLink(slot)
      case .flushLink(let slot):
        let bytes = engine.withLinkOutput(slot) { span in span.indices.map { span[$0] } }
        if let written = writeLink(bytes, of: slot) { engine.linkWrote(slot, written, moment) }
      case .closeLink(let slot): closeLink(slot)
      case .quarantine(_, let frame): quarantined.append(frame)
      case .watched(let frame): watched.append(frame)
      case .log(let event): logs.append(event)
      }
    }
  }

  /// An effect must never name a slot that is free: it could belong to a stranger by then.
  private func check(_ effect: Effect) {
    switch effect {
    case .flushSession(let slot), .closeSession(let slot), .pauseSession(let slot),
      .resumeSession(let slot), .connectLink(let slot), .flushLink(let slot),
      .closeLink(let slot):
      if engine.sessions[slot.rawValue].phase == .free { violations.append("\(effect) is free") }
    case .sendDatagram(let slot, let byteCount):
      let session = engine.sessions[slot.rawValue]
      if session.phase == .free { violations.append("\(effect) is free") }
      if session.transport != .udp { violations.append("\(effect) is no UDP source") }
      if session.output.count < byteCount { violations.append("\(effect) has too few bytes") }
    case .connectUpstream, .flushUpstream, .measureUpstream, .endUpstream, .closeUpstream,
      .quarantine, .watched, .log:
      break
    }
  }

  private func terms(_ balance: Balance) -> String {
    LedgerTerm.allCases.map { "\($0) \(balance[$0])" }.joined(separator: ", ")
  }

  /// Checks what must hold between any two events.
  func checkLimits() {
    if !engine.balance.isEven { violations.append("the ledger of all: \(terms(engine.balance))") }
    if !engine.keptBalance.isEven {
      violations.append("the ledger of all as it is kept: \(terms(engine.keptBalance))")
    }
    for i in 0..<engine.spool.deviceCount {
      if let balance = engine.balance(of: DeviceIndex(i)), !balance.isEven {
        violations.append("the ledger of device \(i): \(terms(balance))")
      }
    }
    for upstream in engine.upstreams {
      // The login that may come with a frame and what follows it are the entries beyond the window.
      if upstream.inFlight.count > RelayLimits.windowCountMax + 2 {
        violations.append("window \(upstream.inFlight.count)")
      }
      if upstream.output.count > RelayLimits.upstreamOutputBytesMax + 24_000 {
        violations.append("upstream output \(upstream.output.count)")
      }
    }
    for session in engine.sessions where session.phase == .open {
      if session.output.count > RelayLimits.sessionOutputBytesMax {
        violations.append("session output \(session.output.count)")
      }
    }
  }

  // MARK: What a connection is

  /// Returns how many bytes were taken, or `nil` when there is no connection (any more).
  func write(_ bytes: [UInt8], to slot: SessionSlot) -> Int? { nil }
  func write(_ bytes: [UInt8], to device: DeviceIndex) -> Int? { nil }
  func send(_ bytes: [UInt8], to source: PeerAddress) {}
  func closeSession(_ slot: SessionSlot) {}
  func setReading(_ slot: SessionSlot, _ isReading: Bool) {}
  func connect(_ device: DeviceIndex) {}
  /// Bytes the peer's kernel has not acknowledged; `nil` when there is no connection.
  func unacknowledgedByteCount(_ device: DeviceIndex) -> Int? { nil }
  func endOutput(_ device: DeviceIndex) {}
  func closeUpstream(_ device: DeviceIndex) {}
  func connectLink(_ slot: SessionSlot) {}
  /// Returns how many bytes were taken, or `nil` when there is no connection (any more).
  func writeLink(_ bytes: [UInt8], of slot: SessionSlot) -> Int? { nil }
  func closeLink(_ slot: SessionSlot) {}
}

extension PeerAddress {
  /// A source that differs from every other number's.
  static func number(_ number: Int) -> PeerAddress {
    var address = PeerAddress()
    address[0] = 4
    for i in 0..<4 { address[4 + i] = UInt8(truncatingIfNeeded: number >> (8 * i)) }
    return address
  }
}
