// Sending upstream and proving delivery.

import Detect
import Queue

extension Engine where D: ~Copyable {
  // MARK: Sending

  /// Sends the login unless the platform knows this connection by it already.
  mutating func sendLoginIfNew(_ device: DeviceIndex, _ login: [UInt8], _ now: Instant) {
    if upstreams[device.rawValue].sentLogin != login { sendLogin(device, login, now) }
  }

  private mutating func sendLogin(_ device: DeviceIndex, _ login: [UInt8], _ now: Instant) {
    if login.isEmpty { return }
    let facts = upstreams[device.rawValue].protocolID.row.facts(login.span)
    upstreams[device.rawValue].sentLogin = login
    upstreams[device.rawValue].loginType = facts.key.type
    upstreams[device.rawValue].isLoginAnswered = facts.answer == .required
    // A head that nobody answers is in order behind it as good as one that is.
    if facts.answer != .required {
      append(device, login.span)
      return
    }
    push(
      device, login.span,
      InFlight(
        kind: .login, isRequired: true, key: facts.key, sequence: SequenceNumber(0),
        place: .nowhere, ticket: Gate.none, sentAt: now, storedAt: now),
      now)
  }

  /// Queues bytes for the platform and notes them as unproven.
  mutating func push(
    _ device: DeviceIndex, _ bytes: Span<UInt8>, _ entry: InFlight, _ now: Instant
  ) {
    upstreams[device.rawValue].inFlight.append(entry)
    if entry.kind == .login { upstreams[device.rawValue].loginCountInFlight += 1 }
    upstreams[device.rawValue].sentCount += 1
    append(device, bytes)
    updateInterest(device)
    schedule(device)
  }

  /// Queues bytes for the platform.
  private mutating func append(_ device: DeviceIndex, _ bytes: Span<UInt8>) {
    let i = device.rawValue
    upstreams[i].output.append(bytes)
    if !upstreams[i].isFlushQueued {
      upstreams[i].isFlushQueued = true
      emit(.flushUpstream(device))
    }
  }

  /// Sends a stored frame that the sweep has found.
  mutating func sendSwept(_ frame: SweptFrame, _ now: Instant) {
    let device = frame.device
    let i = device.rawValue
    guard upstreams[i].phase == .live, upstreams[i].hasRoom else {
      spool.putBack(frame)
      updateInterest(device)
      return
    }
    // Passing over a frame settles what is before it: not a suspect that is kept back.
    if frame.shelfLife == .expires, upstreams[i].suspicion.bytes.isEmpty,
      spool.age(ofSwept: frame, now: now) ?? Int64.max >= Int64(RelayLimits.expiry)
    {
      expireSwept(frame, now)
      return
    }
    // Copied out of the sweep's window, so that sending may change the engine.
    let protocolID = upstreams[i].protocolID
    var bytes = ByteQueue()
    swap(&bytes, &scratchFrame)
    spool.withSwept(frame) { bytes.append($0) }
    defer {
      bytes.removeAll()
      swap(&bytes, &scratchFrame)
    }
    if bytes.withBytes({ keepBack(device, frame, $0) }) {
      spool.markSent(device, frame.sequence)
      return
    }
    let kind: InFlight.Kind = upstreams[i].suspicion.bytes.isEmpty ? .stored : .neighbour
    sendLoginIfNew(device, spool.login(ofSwept: frame), now)
    spool.markSent(device, frame.sequence)
    bytes.withBytes {
      let facts = protocolID.row.facts($0)
      push(
        device, $0,
        InFlight(
          kind: kind, isRequired: facts.answer == .required, key: facts.key,
          sequence: frame.sequence, place: frame.place, ticket: Gate.none, sentAt: now,
          storedAt: storedAt(frame, now)),
        now)
    }
  }

  /// When a stored frame came, no later than the program's start for one of an earlier boot.
  private func storedAt(_ frame: SweptFrame, _ now: Instant) -> Instant {
    spool.age(ofSwept: frame, now: now).map { Instant(milliseconds: now.milliseconds - $0) }
      ?? .origin
  }

  /// Passes over a stored frame that has become worthless.
  private mutating func expireSwept(_ frame: SweptFrame, _ now: Instant) {
    let i = frame.device.rawValue
    spool.markSent(frame.device, frame.sequence)
    upstreams[i].inFlight.append(
      InFlight(
        kind: .expired, isRequired: false, key: AnswerKey(type: 0, serial: 0),
        sequence: frame.sequence, place: frame.place, ticket: Gate.none, sentAt: now,
        storedAt: storedAt(frame, now)))
    settleExpired(frame.device, now)
    updateInterest(frame.device)
    settleUpstream(frame.device, now)
  }

  /// Tells the sweep whether this device's stored frames are wanted.
  @inline(never)
  mutating func updateInterest(_ device: DeviceIndex) {
    let i = device.rawValue
    spool.setInterest(
      device, wants: upstreams[i].phase == .live, hasRoom: upstreams[i].hasRoom)
  }

  // MARK: Proof

  /// Takes an answer of the platform and finds what it proves.
  ///
  /// Servers answer with wrong serials and wrong types, so the match is lenient, and of the entries
  /// that fit it takes the earliest, which proves the least.
  mutating func confirm(
    _ device: DeviceIndex, _ key: AnswerKey, _ answer: Span<UInt8>, _ now: Instant
  ) {
    let i = device.rawValue
    noteAnswered(now)
    upstreams[i].answerCount = min(upstreams[i].answerCount + 1, upstreams[i].sentCount)
    if upstreams[i].phase == .live, upstreams[i].isLoginAnswered,
      key.type == upstreams[i].loginType
    {
      confirmLikeLogin(device, answer, now)
      return
    }
    guard let place = match(device, key) else {
      ledger.strayAnswerCount += 1
      return
    }
    let provesLogin = upstreams[i].inFlight[place].kind == .login
    if !upstreams[i].inFlight[place].isRequired { upstreams[i].answersOptional = true }
    if provesLogin, key.type != upstreams[i].inFlight[place].key.type {
      upstreams[i].answersLoginsOddly = true
    }
    settle(device, through: place, provesLogin ? .login : .answer, now)
    let hasMore = provesLogin && sendSecondHead(device, answer, now)
    if upstreams[i].phase == .greeting, provesLogin, !hasMore {
      goLive(device, now)
    }
    finishProof(device, now)
  }

  /// Takes an answer like that to the login on a connection that is live: it is that to a login sent again, or this
  /// server answers everything so.
  ///
  /// Nothing in it tells which, so until nothing like it has followed for `RelayLimits.probeQuiet` it
  /// proves nothing. Of a server that answers everything so, every answer proves one frame more of those sent on this
  /// connection: it has read at least as many.
  private mutating func confirmLikeLogin(
    _ device: DeviceIndex, _ answer: Span<UInt8>, _ now: Instant
  ) {
    let i = device.rawValue
    if !upstreams[i].answersLikeLogin {
      if upstreams[i].alikeType != upstreams[i].loginType {
        // To a later login than what came before, which it proves as well.
        upstreams[i].alikeType = upstreams[i].loginType
        upstreams[i].alikeAnswerCount = 0
      }
      upstreams[i].alikeAnswerCount += 1
      if let place = upstreams[i].alikePlace {
        upstreams[i].alikeAnsweredAt = now
        let kind = upstreams[i].inFlight[place].kind
        if kind == .login { _ = sendSecondHead(device, answer, now) }
        if upstreams[i].isProbeTrusted || place == 0 {
          settleAlike(device, now)
        } else {
          schedule(device)
        }
        return
      }
      upstreams[i].answersLikeLogin = true
      upstreams[i].isProbeTrusted = false
      upstreams[i].alikeAnsweredAt = .never
    }
    guard let place = upstreams[i].lastPlace(amongFirst: upstreams[i].answerCount) else {
      ledger.strayAnswerCount += 1
      return
    }
    settle(device, through: place, .answer, now)
    finishProof(device, now)
  }

  /// Settles what was sent up to the last entry that answers like a login's are for.
  mutating func settleAlike(_ device: DeviceIndex, _ now: Instant) {
    guard let place = upstreams[device.rawValue].alikePlace else { return }
    let isLogin = upstreams[device.rawValue].inFlight[place].kind == .login
    settle(device, through: place, isLogin ? .login : .answer, now)
    finishProof(device, now)
  }

  private mutating func finishProof(_ device: DeviceIndex, _ now: Instant) {
    updateInterest(device)
    settleUpstream(device, now)
  }

  /// Sends what must follow the login, now that the platform has answered it with `answer`;
  /// `false` when nothing must.
  private mutating func sendSecondHead(
    _ device: DeviceIndex, _ answer: Span<UInt8>, _ now: Instant
  ) -> Bool {
    let row = upstreams[device.rawValue].protocolID.row
    let login = upstreams[device.rawValue].sentLogin
    var reply = Reply()
    guard row.secondHead(login.span, answer, &reply) else { return false }
    reply.withBytes {
      push(
        device, $0,
        InFlight(
          kind: .login, isRequired: true, key: row.facts($0).key, sequence: SequenceNumber(0),
          place: .nowhere, ticket: Gate.none, sentAt: now, storedAt: now),
        now)
    }
    return true
  }

  /// The entry that an answer proves: of those it fits the earliest, which proves the least.
  private mutating func match(_ device: DeviceIndex, _ key: AnswerKey) -> Int? {
    let i = device.rawValue
    var sameType: Int? = nil
    var earliestRequired: Int? = nil
    for place in upstreams[i].inFlight.indices {
      let entry = upstreams[i].inFlight[place]
      if entry.isRequired, earliestRequired == nil { earliestRequired = place }
      guard entry.kind != .expired, entry.key.type == key.type else { continue }
      if entry.key.serial == key.serial { return place }
      if sameType == nil { sameType = place }
    }
    if let sameType { return sameType }
    guard let earliestRequired else { return nil }
    // It may be a late one to what was settled before: then it is among as many as were answered.
    let isLogin = upstreams[i].inFlight[earliestRequired].kind == .login
    if upstreams[i].phase == .greeting || isLogin && upstreams[i].answersLoginsOddly {
      return earliestRequired
    }
    let place = upstreams[i].lastPlace(amongFirst: upstreams[i].answerCount)
    return place.map { min($0, earliestRequired) }
  }

  /// Everything sent up to `place` has arrived: TCP keeps order.
  private mutating func settle(
    _ device: DeviceIndex, through place: Int, _ proof: Proof, _ now: Instant
  ) {
    let i = device.rawValue
    var last: InFlight? = nil
    var neighbour: InFlight? = nil
    for k in 0...place {
      let entry = upstreams[i].inFlight[k]
      if upstreams[i].alikeAnswerCount > 0, entry.isAlike(upstreams[i].alikeType) {
        upstreams[i].alikeAnswerCount -= 1
      }
      switch entry.kind {
      case .login:
        upstreams[i].loginCountInFlight -= 1
        continue
      case .neighbour:
        // Settled with the suspect that follows it.
        neighbour = entry
        continue
      case .suspect:
        var sequence = upstreams[i].suspicion.sequence
        while !sequence.isAfter(upstreams[i].suspicion.last) {
          noteDelivered(device, sequence, proof)
          sequence = sequence.next
        }
        noteDelivered(device, entry.sequence, proof)
      case .stored:
        noteDelivered(device, entry.sequence, proof)
        if entry.isRequired {
          let answeredAt = min(now, upstreams[i].alikeAnsweredAt)
          upstreams[i].noteAnswer(after: answeredAt.since(entry.sentAt))
        }
        if let waiting = gate.release(entry.ticket) { answer(waiting, now) }
      case .expired:
        noteExpired(device, entry.sequence)
      }
      last = entry
    }
    upstreams[i].inFlight.removeFirst(place + 1)
    if upstreams[i].alikeAnswerCount == 0 { upstreams[i].alikeAnsweredAt = .never }
    if upstreams[i].inFlight.isEmpty, !spool.hasUnsent(device),
      upstreams[i].inFlight.capacity > RelayLimits.windowCountMax / 2
    {
      // A backlog is delivered, and its window is given back.
      upstreams[i].inFlight = []
    }
    if let last {
      upstreams[i].failedAttemptCount = 0
      spool.acknowledge(
        device, through: last.sequence, at: last.place, now: now)
      // What waits behind it is no older.
      ledgers[i].oldestAt = (upstreams[i].inFlight.first ?? last).storedAt
      clearSuspicion(device, settled: last.sequence)
    }
    if let neighbour { sendSuspect(device, behind: neighbour, now) }
    settleExpired(device, now)
  }

  /// What was never sent needs no proof once nothing before it does.
  private mutating func settleExpired(_ device: DeviceIndex, _ now: Instant) {
    let i = device.rawValue
    while let first = upstreams[i].inFlight.first, first.kind == .expired {
      noteExpired(device, first.sequence)
      spool.acknowledge(
        device, through: first.sequence, at: first.place, now: now)
      upstreams[i].inFlight.removeFirst()
    }
  }

  /// Looks for proof of what was sent: the answer to a login sent again, the platform's end of the
  /// connection, or else the peer's kernel.
  mutating func probe(_ device: DeviceIndex, _ now: Instant) {
    let i = device.rawValue
    guard upstreams[i].isLoginAnswered else {
      if mayEnd(device), upstreams[i].output.isEmpty {
        upstreams[i].endedAt = now
        emit(.endUpstream(device))
      } else {
        upstreams[i].measuredAt = now
        emit(.measureUpstream(device))
      }
      return
    }
    // The login this connection is known by, so that the meaning of what follows stays.
    sendLogin(device, upstreams[i].sentLogin, now)
  }

  /// Whether nothing more is to be sent on a connection whose end would prove what was.
  func mayEnd(_ device: DeviceIndex) -> Bool {
    let i = device.rawValue
    return upstreams[i].session == nil && !upstreams[i].isLoginAnswered
      && upstreams[i].endedAt == .never && !upstreams[i].refusesEnd
      && upstreams[i].suspicion.measure == .none && !spool.hasUnsent(device)
  }

  /// The platform has ended its direction of the connection in order, and its kernel has acknowledged
  /// all but the last `unacknowledgedByteCount` bytes; the connection needs no closing.
  ///
  /// Behind the relay's own end, and with that acknowledged as well, it proves that everything was
  /// read: a kernel that closes a connection with unread bytes resets it instead.
  public mutating func upstreamEnded(
    _ device: DeviceIndex, unacknowledgedByteCount: Int, _ moment: Moment
  ) {
    let i = device.rawValue
    guard upstreams[i].phase == .live, upstreams[i].endedAt != .never,
      unacknowledgedByteCount == 0
    else { return upstreamClosed(device, .closedByPeer, moment) }
    if !upstreams[i].inFlight.isEmpty {
      settle(device, through: upstreams[i].inFlight.count - 1, .end, moment.instant)
    }
    upstreams[i].failedAttemptCount = 0
    forgetConnection(device)
    upstreams[i].phase = .idle
    wantUpstream(device, moment.instant)
  }

  /// Lets frames that nobody is answered for wait for their proof in memory: the peer's kernel has
  /// them, as it would without a relay, and they are written as soon as the session breaks.
  private mutating func holdForKernel(_ device: DeviceIndex, _ now: Instant) {
    var last: SequenceNumber?
    for entry in upstreams[device.rawValue].inFlight where entry.kind != .login {
      if entry.ticket != Gate.none { break }
      last = entry.sequence
    }
    guard let last else { return }
    spool.hold(device, through: last, until: now.advanced(by: RelayLimits.kernelHold))
  }

  /// The peer's kernel has acknowledged all but the last `unacknowledgedByteCount` bytes.
  ///
  /// What it had when it was asked before is proven once the connection has been well for long enough since then.
  public mutating func upstreamMeasured(
    _ device: DeviceIndex, unacknowledgedByteCount: Int, _ moment: Moment
  ) {
    let i = device.rawValue
    guard upstreams[i].phase == .live, unacknowledgedByteCount == 0, upstreams[i].output.isEmpty
    else { return }
    holdForKernel(device, moment.instant)
    if upstreams[i].isLoginAnswered { return }
    let since = upstreams[i].acknowledgedSince
    let isDue =
      since != .never && since.advanced(by: upstreams[i].healthyInterval) <= moment.instant
    let place = isDue ? upstreams[i].lastPlace(amongFirst: upstreams[i].acknowledgedCount) : nil
    upstreams[i].measuredAt = .never
    if since == .never || isDue {
      let isAll = upstreams[i].inFlight.count == (place ?? -1) + 1
      upstreams[i].acknowledgedSince = isAll ? .never : moment.instant
      upstreams[i].acknowledgedCount = upstreams[i].sentCount
    }
    guard let place else { return schedule(device) }
    settle(device, through: place, .kernel, moment.instant)
    finishProof(device, moment.instant)
  }
}
