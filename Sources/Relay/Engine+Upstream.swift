// Sessions with the platform: when to dial, when to give up, when to go.

import Detect
import Queue

extension Engine where D: ~Copyable {
  // MARK: Events

  /// The connection for a device stands.
  public mutating func upstreamConnected(_ device: DeviceIndex, _ moment: Moment) {
    let i = device.rawValue
    guard upstreams[i].phase == .connecting else { return }
    upstreams[i].phase = .greeting
    upstreams[i].phaseAt = moment.instant
    upstreams[i].inFlight.reserveCapacity(RelayLimits.keptWindowCount)
    ledger.upstreamConnectCount += 1
    noteConnected(moment.instant)
    sendLoginIfNew(device, spool.login(of: device), moment.instant)
    if !upstreams[i].isLoginAnswered { goLive(device, moment.instant) }
    schedule(device)
  }

  /// The platform is ready for frames.
  mutating func goLive(_ device: DeviceIndex, _ now: Instant) {
    upstreams[device.rawValue].phase = .live
    upstreams[device.rawValue].phaseAt = now
    emit(.log(.upstreamLive(device)))
    updateInterest(device)
  }

  /// The connection for a device has ended, or never stood; it needs no closing.
  public mutating func upstreamClosed(
    _ device: DeviceIndex, _ loss: UpstreamLoss, _ moment: Moment
  ) {
    let i = device.rawValue
    switch upstreams[i].phase {
    case .connecting, .greeting, .live:
      lose(device, loss, moment.instant)
      upstreams[i].phase = .idle
      wantUpstream(device, moment.instant)
    case .closing:
      upstreamReleased(device, moment)
    case .idle, .waiting:
      break
    }
  }

  /// The edge has closed the connection as it was told.
  public mutating func upstreamReleased(_ device: DeviceIndex, _ moment: Moment) {
    guard upstreams[device.rawValue].phase == .closing else { return }
    upstreams[device.rawValue].phase = .idle
    wantUpstream(device, moment.instant)
  }

  /// Calls `body` with the bytes waiting for the device's upstream connection.
  public func withUpstreamOutput<Result>(
    _ device: DeviceIndex, _ body: (Span<UInt8>) -> Result
  ) -> Result {
    upstreams[device.rawValue].output.withBytes(body)
  }

  /// Notes that the first `byteCount` bytes of the output were written, and that a flush is done.
  public mutating func upstreamWrote(_ device: DeviceIndex, _ byteCount: Int) {
    let i = device.rawValue
    let hadRoom = upstreams[i].hasRoom
    upstreams[i].output.consume(byteCount)
    upstreams[i].isFlushQueued = false
    // Effects are performed after the turn: without another one the sweep would not go on.
    if !hadRoom, upstreams[i].hasRoom { isTurnDue = true }
    updateInterest(device)
  }

  // MARK: Phases

  /// Dials for a device that has something to deliver or is online.
  @inline(never)
  mutating func wantUpstream(_ device: DeviceIndex, _ now: Instant) {
    let i = device.rawValue
    guard upstreams[i].phase == .idle else { return }
    guard upstreams[i].session != nil || spool.hasUndelivered(device) else {
      spool.setHeld(device, false)
      schedule(device)
      return
    }
    if isParked(device) { return }
    // Where only the login says who speaks, there is nothing to open a session with before it.
    guard !spool.login(of: device).isEmpty || upstreams[i].protocolID.row.head == .optional else {
      return
    }
    spool.setHeld(device, true)
    let earliest = upstreams[i].retryAt == .never ? now : upstreams[i].retryAt
    upstreams[i].retryAt = max(earliest, now)
    upstreams[i].phase = .waiting
    upstreams[i].hasDialSlot = false
    dialIfDue(device, now)
  }

  /// Dials when the device's wait is over and the ramp of all devices together lets it.
  mutating func dialIfDue(_ device: DeviceIndex, _ now: Instant) {
    let i = device.rawValue
    if upstreams[i].retryAt <= now, !upstreams[i].hasDialSlot {
      upstreams[i].hasDialSlot = true
      upstreams[i].retryAt = max(now, nextDialAt)
      nextDialAt = upstreams[i].retryAt.advanced(by: RelayLimits.dialInterval)
    }
    guard upstreams[i].retryAt <= now else {
      schedule(device)
      return
    }
    upstreams[i].phase = .connecting
    upstreams[i].phaseAt = now
    upstreams[i].retryAt = .never
    emit(.connectUpstream(device))
    schedule(device)
  }

  /// Forgets a connection that is gone: everything unproven will be sent again.
  @inline(never)
  private mutating func lose(_ device: DeviceIndex, _ loss: UpstreamLoss, _ now: Instant) {
    let i = device.rawValue
    noteBreak(device, loss, now)
    upstreams[i].brokeAt = now
    forgetConnection(device)
    let wait = backoff(upstreams[i].failedAttemptCount, loss)
    upstreams[i].failedAttemptCount = min(upstreams[i].failedAttemptCount + 1, 16)
    upstreams[i].retryAt = now.advanced(by: wait)
    noteFault(device, loss, now)
    ledger.upstreamLossCount += 1
    emit(.log(.upstreamLost(device, loss, retryInMilliseconds: wait)))
  }

  /// Forgets what belongs to one connection.
  @inline(never)
  mutating func forgetConnection(_ device: DeviceIndex) {
    let i = device.rawValue
    for entry in upstreams[i].inFlight where entry.kind == .stored || entry.kind == .neighbour {
      ledger.resentFrameCount += 1
    }
    upstreams[i].inFlight.removeAll(keepingCapacity: false)
    upstreams[i].loginCountInFlight = 0
    upstreams[i].input.removeAll()
    upstreams[i].output.removeAll()
    upstreams[i].sentLogin = []
    upstreams[i].isLoginAnswered = false
    upstreams[i].holdCheckAt = .never
    upstreams[i].measuredAt = .never
    upstreams[i].acknowledgedSince = .never
    upstreams[i].endedAt = .never
    // A flush that is still queued will find no connection and report nothing.
    upstreams[i].isFlushQueued = false
    upstreams[i].answersOptional = false
    upstreams[i].answersLoginsOddly = false
    upstreams[i].answersLikeLogin = false
    upstreams[i].isProbeTrusted = false
    upstreams[i].alikeAnswerCount = 0
    upstreams[i].alikeAnsweredAt = .never
    upstreams[i].sentCount = 0
    upstreams[i].answerCount = 0
    upstreams[i].suspicion.bytes = []
    spool.rewind(device)
    spool.setInterest(device, wants: false, hasRoom: false)
  }

  /// Exponential with jitter: between half of the step and all of it.
  private mutating func backoff(_ failedAttemptCount: Int, _ loss: UpstreamLoss) -> Int {
    let base = loss == .unknownDevice ? RelayLimits.unknownDeviceBackoff : RelayLimits.backoffMin
    let step = min(base << min(failedAttemptCount, 10), RelayLimits.backoffMax)
    return step / 2 + random.below(step / 2 + 1)
  }

  /// Ends a connection for a reason of the relay's own.
  @inline(never)
  mutating func closeUpstream(_ device: DeviceIndex, _ loss: UpstreamLoss?, _ now: Instant) {
    let i = device.rawValue
    if let loss { lose(device, loss, now) } else { forgetConnection(device) }
    upstreams[i].phase = .closing
    emit(.closeUpstream(device))
    schedule(device)
  }

  /// Lets a connection go when the device is offline and everything it sent is delivered.
  @inline(never)
  mutating func settleUpstream(_ device: DeviceIndex, _ now: Instant) {
    let i = device.rawValue
    guard upstreams[i].session == nil, !spool.hasUndelivered(device) else {
      if upstreams[i].endedAt != .never, upstreams[i].inFlight.isEmpty {
        // Nothing can follow on this connection.
        closeUpstream(device, nil, now)
      } else {
        schedule(device)
      }
      return
    }
    switch upstreams[i].phase {
    case .greeting, .live, .connecting:
      closeUpstream(device, nil, now)
    case .waiting:
      upstreams[i].phase = .idle
      spool.setHeld(device, false)
      schedule(device)
    case .idle:
      spool.setHeld(device, false)
    case .closing:
      break
    }
  }
}
