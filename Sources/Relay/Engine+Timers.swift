// Every deadline of the engine. A session has one timer and an upstream has one; the earliest
// reason sets it, and when it comes the reasons are looked at in turn.
//
// Timers are set when something changes and may come early, never late: a session that keeps
// talking is not moved at every byte, its timer finds out when it fires.

import Detect
import Queue

extension Engine where D: ~Copyable {
  func timerKey(_ slot: SessionSlot) -> Int { slot.rawValue * 2 }
  func timerKey(_ device: DeviceIndex) -> Int { device.rawValue * 2 + 1 }

  /// Handles every deadline that has come.
  public mutating func expire(_ moment: Moment) {
    while let key = timers.popExpired(moment.instant) {
      if key % 2 == 0 {
        expire(SessionSlot(key / 2), moment)
      } else {
        expire(DeviceIndex(key / 2), moment)
      }
    }
    dropStaleCommands(moment.instant)
  }

  // MARK: Device sessions

  /// Sets the session's timer to its earliest deadline.
  mutating func schedule(_ slot: SessionSlot) {
    timers.bring(timerKey(slot), forwardTo: deadline(of: sessions[slot.rawValue]))
  }

  private func deadline(of session: DeviceSession) -> Instant {
    guard session.phase == .open else { return .never }
    let close = closeDeadline(of: session)
    if session.input.isEmpty || session.isPaused { return close }
    switch session.silence {
    case .none: return min(close, session.lastByteAt.advanced(by: Detect.Limits.briefSilence))
    case .brief: return min(close, session.lastByteAt.advanced(by: Detect.Limits.longSilence))
    case .long: return close
    }
  }

  /// When a session that goes on like this is given up.
  private func closeDeadline(of session: DeviceSession) -> Instant {
    if session.hasEnded { return session.lastByteAt.advanced(by: RelayLimits.endTimeout) }
    if session.hasOverflowed { return session.openedAt }
    if session.device != nil || session.link != .none {
      let timeout =
        session.transport == .tcp
        ? RelayLimits.sessionIdleTimeout : RelayLimits.bindingIdleTimeout
      return session.lastByteAt.advanced(by: timeout)
    }
    if !session.hasSpoken, session.transport == .tcp {
      return session.openedAt.advanced(by: RelayLimits.firstByteTimeout)
    }
    return session.openedAt.advanced(
      by: session.reader.protocolID == nil
        ? RelayLimits.detectionTimeout : RelayLimits.loginTimeout)
  }

  private mutating func expire(_ slot: SessionSlot, _ moment: Moment) {
    let i = slot.rawValue
    guard sessions[i].phase == .open else { return }
    if closeDeadline(of: sessions[i]) <= moment.instant {
      if sessions[i].link == .none, sessions[i].reader.protocolID == nil,
        !sessions[i].input.isEmpty, !sessions[i].hasEnded
      {
        var input = ByteQueue()
        swap(&input, &sessions[i].input)
        input.withBytes { refuse(slot, .undecided, $0, moment) }
        if sessions[i].phase == .open { schedule(slot) }
        return
      }
      close(slot, sessions[i].hasOverflowed ? .slowReader : .timedOut, moment.instant)
      return
    }
    let quiet = moment.instant.since(sessions[i].lastByteAt)
    let silence: Silence =
      quiet >= Int64(Detect.Limits.longSilence)
      ? .long : quiet >= Int64(Detect.Limits.briefSilence) ? .brief : .none
    if silence > sessions[i].silence, !sessions[i].input.isEmpty, !sessions[i].isPaused {
      sessions[i].silence = silence
      readInput(slot, moment)
    }
    if sessions[i].phase == .open { schedule(slot) }
  }

  // MARK: Upstream sessions

  /// Sets the upstream's timer to its earliest deadline.
  mutating func schedule(_ device: DeviceIndex) {
    timers.bring(timerKey(device), forwardTo: deadline(of: device))
  }

  private mutating func deadline(of device: DeviceIndex) -> Instant {
    let i = device.rawValue
    switch upstreams[i].phase {
    case .idle, .closing: return .never
    case .waiting: return upstreams[i].retryAt
    case .connecting: return upstreams[i].phaseAt.advanced(by: RelayLimits.connectTimeout)
    case .greeting: return upstreams[i].phaseAt.advanced(by: RelayLimits.greetingTimeout)
    case .live:
      var deadline = min(
        min(probeDeadline(of: device), upstreams[i].answerDeadline), upstreams[i].holdCheckAt)
      if upstreams[i].alikeAnsweredAt != .never {
        deadline = min(deadline, upstreams[i].alikeAnsweredAt.advanced(by: RelayLimits.probeQuiet))
      }
      if !upstreams[i].input.isEmpty {
        deadline = min(
          deadline, upstreams[i].lastByteAt.advanced(by: Detect.Limits.longSilence))
      }
      return deadline
    }
  }

  /// When proof is to be looked for of what is in flight.
  private mutating func probeDeadline(of device: DeviceIndex) -> Instant {
    let i = device.rawValue
    guard let first = upstreams[i].inFlight.first, upstreams[i].loginCountInFlight == 0 else {
      return .never
    }
    if !upstreams[i].isLoginAnswered {
      let since = upstreams[i].acknowledgedSince
      var deadline =
        since == .never
        ? first.sentAt.advanced(by: RelayLimits.acknowledgementDelay)
        : since.advanced(by: upstreams[i].healthyInterval)
      if let last = upstreams[i].inFlight.last, mayEnd(device) {
        deadline = last.sentAt.advanced(by: RelayLimits.probeDelaySoon)
      } else if upstreams[i].endedAt != .never, since != .never {
        deadline = max(deadline, upstreams[i].endedAt.advanced(by: RelayLimits.endProofTimeout))
      }
      if upstreams[i].measuredAt == .never { return deadline }
      return max(deadline, upstreams[i].measuredAt.advanced(by: RelayLimits.measureInterval))
    }
    let isFull = upstreams[i].inFlight.count >= RelayLimits.windowCountMax
    // A server that answers everything like a login mostly does so before the first repeated login is sent.
    if isFull, !upstreams[i].awaitsAnswer, upstreams[i].isProbeTrusted { return first.sentAt }
    let isWaitedFor = upstreams[i].session == nil || spool.hasUnsent(device)
    let delay = isWaitedFor ? RelayLimits.probeDelaySoon : RelayLimits.probeDelayOnline
    return first.sentAt.advanced(by: delay)
  }

  private mutating func expire(_ device: DeviceIndex, _ moment: Moment) {
    let i = device.rawValue
    let now = moment.instant
    switch upstreams[i].phase {
    case .idle, .closing:
      return
    case .waiting:
      dialIfDue(device, now)
    case .connecting:
      if upstreams[i].phaseAt.advanced(by: RelayLimits.connectTimeout) <= now {
        closeUpstream(device, .unreachable, now)
      } else {
        schedule(device)
      }
    case .greeting:
      if upstreams[i].phaseAt.advanced(by: RelayLimits.greetingTimeout) <= now {
        closeUpstream(device, .unknownDevice, now)
      } else {
        schedule(device)
      }
    case .live:
      expireLive(device, moment)
    }
  }

  private mutating func expireLive(_ device: DeviceIndex, _ moment: Moment) {
    let i = device.rawValue
    let now = moment.instant
    if upstreams[i].answerDeadline <= now {
      closeUpstream(device, .silent, now)
      return
    }
    let quiet = now.since(upstreams[i].lastByteAt)
    if !upstreams[i].input.isEmpty, quiet >= Int64(Detect.Limits.longSilence) {
      readUpstream(device, .long, moment)
      // What is no frame after a long silence will never be one.
      if upstreams[i].phase == .live { upstreams[i].input.removeAll() }
    }
    guard upstreams[i].phase == .live else { return }
    let answeredAt = upstreams[i].alikeAnsweredAt
    if answeredAt != .never, answeredAt.advanced(by: RelayLimits.probeQuiet) <= now {
      upstreams[i].isProbeTrusted = true
      settleAlike(device, now)
      guard upstreams[i].phase == .live else { return }
    }
    if probeDeadline(of: device) <= now { probe(device, now) }
    if upstreams[i].holdCheckAt <= now {
      upstreams[i].holdCheckAt = .never
      emit(.measureUpstream(device))
    }
    schedule(device)
  }
}
