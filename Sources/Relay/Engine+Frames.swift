// One frame of a device: who sent it, whether it is kept, when it is answered.

import Detect
import Queue

extension Engine where D: ~Copyable {
  /// Handles a whole frame; `false` when it cannot be taken now and must be offered again.
  mutating func handle(_ slot: SessionSlot, _ frame: Span<UInt8>, _ moment: Moment) -> Bool {
    guard let protocolID = sessions[slot.rawValue].reader.protocolID else { return true }
    let facts = protocolID.row.facts(frame)
    guard identify(slot, protocolID, facts, moment.instant),
      let device = sessions[slot.rawValue].device
    else {
      ledger.receivedFrameCount += 1
      ledger.unidentifiedFrameCount += 1
      return true
    }
    if facts.transferNumber != 0 { sessions[slot.rawValue].transferNumber = facts.transferNumber }
    let isHead =
      facts.head != .none && spool.canKeepLogin(byteCount: frame.count)
      && (facts.replay == .head || !sessions[slot.rawValue].hasHead)
    switch facts.replay {
    case .forward, .block:
      // Stored under the login that it is itself, so that both arrive.
      let login = isHead ? spool.login(of: device) : []
      if isHead { _ = logIn(slot, device, protocolID, frame, facts) }
      if keep(slot, device, protocolID, frame, facts, moment) { return true }
      if isHead { withdrawHead(slot, device, login) }
      return false
    case .expires where !isHead:
      return passOn(slot, device, protocolID, frame, facts, moment)
    case .expires, .head:
      // A head that does not say who sends it belongs to the session only if it names nobody else.
      guard facts.identity != nil || facts.replay != .head, isHead else {
        ledger.receivedFrameCount += 1
        ledger.unidentifiedFrameCount += 1
        return true
      }
      noteReceived(device, moment.instant)
      noteLogin(device)
      let isNew = logIn(slot, device, protocolID, frame, facts)
      // What a device may never say again once it is answered must not be forgotten. While the disk
      // fails there is nothing to wait for.
      if isNew, facts.head == .login, protocolID.row.head == .optional, !gate.isFull,
        spool.failedCommitCount == 0,
        let spoolTicket = spool.storeRecord(device, now: moment.instant)
      {
        _ = answerLater(slot, protocolID, frame, facts, spoolTicket, moment)
      } else {
        answerNow(slot, protocolID, frame, facts, moment)
      }
      wantUpstream(device, moment.instant)
      return true
    }
  }

  /// Gives the session to the device that the frame names; `false` when it has to be closed.
  private mutating func identify(
    _ slot: SessionSlot, _ protocolID: ProtocolID, _ facts: FrameFacts, _ now: Instant
  ) -> Bool {
    guard let identity = facts.identity else { return true }
    let previous = sessions[slot.rawValue].device
    if previous != nil, facts.naming == .provisional { return true }
    if let previous, spool.key(of: previous) == Self.key(of: identity) { return true }
    guard configuration.access.allows(identity) else {
      refuse(sessions[slot.rawValue].source, identity)
      close(slot, .refused, now)
      return false
    }
    guard let device = spool.device(named: Self.key(of: identity)) else {
      close(slot, .tooManyDevices, now)
      return false
    }
    ensureUpstream(device)
    openLedger(device)
    if let previous {
      upstreams[previous.rawValue].session = nil
      settleUpstream(previous, now)
    }
    spool.setHeld(device, true)
    sessions[slot.rawValue].device = device
    name(slot)
    sessions[slot.rawValue].policy = configuration.policies.policy(for: identity)
    sessions[slot.rawValue].hasHead = false
    upstreams[device.rawValue].protocolID = protocolID
    let older = upstreams[device.rawValue].session
    upstreams[device.rawValue].session = slot
    if let older, older != slot { close(older, .replaced, now) }
    emit(.log(.loggedIn(slot, device)))
    wantUpstream(device, now)
    return true
  }

  /// Keeps a head with its device, unless a stronger one is known; `false` when nothing has changed.
  private mutating func logIn(
    _ slot: SessionSlot, _ device: DeviceIndex, _ protocolID: ProtocolID, _ frame: Span<UInt8>,
    _ facts: FrameFacts
  ) -> Bool {
    sessions[slot.rawValue].hasHead = true
    let known = spool.login(of: device)
    if facts.head == .renewal, !known.isEmpty, protocolID.row.facts(known.span).head > .renewal {
      return false
    }
    return spool.setLogin(device, frame)
  }

  /// Takes back a head whose frame found no room; the frame will be offered again.
  private mutating func withdrawHead(
    _ slot: SessionSlot, _ device: DeviceIndex, _ login: [UInt8]
  ) {
    sessions[slot.rawValue].hasHead = false
    spool.setLogin(device, login.span)
  }

  /// Stores a frame and leaves its answer at the gate; `false` when there is no room now.
  private mutating func keep(
    _ slot: SessionSlot, _ device: DeviceIndex, _ protocolID: ProtocolID, _ frame: Span<UInt8>,
    _ facts: FrameFacts, _ moment: Moment
  ) -> Bool {
    if gate.isFull { return false }
    let isCaughtUp = !spool.hasUnsent(device)
    let isFirst = !spool.hasUndelivered(device)
    let urgency = urgency(device, isCaughtUp: isCaughtUp, moment.instant)
    guard
      case .stored(let sequence, let spoolTicket, let place) = spool.append(
        device, frame, .unlimited, urgency, now: moment.instant)
    else { return false }
    noteReceived(device, moment.instant)
    if isFirst { ledgers[device.rawValue].oldestAt = moment.instant }
    let ticket = answerLater(slot, protocolID, frame, facts, spoolTicket, moment)
    offer(
      device, frame,
      InFlight(
        kind: .stored, isRequired: facts.answer == .required, key: facts.key,
        sequence: sequence, place: place, ticket: ticket, sentAt: moment.instant,
        storedAt: moment.instant),
      isCaughtUp: isCaughtUp, moment.instant)
    return true
  }

  /// Whether a frame that comes now may wait for the platform's confirmation in memory.
  private mutating func urgency(
    _ device: DeviceIndex, isCaughtUp: Bool, _ now: Instant
  ) -> Urgency {
    let i = device.rawValue
    let hold = configuration.holdMilliseconds
    guard hold > 0, isCaughtUp, !isDraining, !gate.isFull, upstreams[i].takesLiveFrames,
      upstreams[i].isPrompt(within: hold, now)
    else { return .soon }
    return .held
  }

  /// Puts the answer that is owed for a frame to the gate, and returns its ticket there.
  private mutating func answerLater(
    _ slot: SessionSlot, _ protocolID: ProtocolID, _ frame: Span<UInt8>, _ facts: FrameFacts,
    _ spoolTicket: UInt32, _ moment: Moment
  ) -> UInt32 {
    var reply = Reply()
    guard facts.isAnswered(under: sessions[slot.rawValue].policy),
      protocolID.row.answer(frame, facts, context(slot, moment), &reply)
    else { return Gate.none }
    sessions[slot.rawValue].gatedAnswerCount += 1
    return gate.add(
      GateEntry(
        session: slot, sessionGeneration: sessions[slot.rawValue].generation,
        spoolTicket: spoolTicket, reply: reply, isReleased: false))
  }

  /// Sends a frame that was just stored on a live session, if it is the device's next one.
  private mutating func offer(
    _ device: DeviceIndex, _ frame: Span<UInt8>, _ entry: InFlight, isCaughtUp: Bool,
    _ now: Instant
  ) {
    let i = device.rawValue
    ledger.storedFrameCount += 1
    if isCaughtUp, upstreams[i].takesLiveFrames {
      sendLoginIfNew(device, spool.login(of: device), now)
      spool.markSent(device, entry.sequence)
      // What nobody is answered for waits in memory once the peer's kernel has it.
      if entry.ticket == Gate.none, upstreams[i].holdCheckAt == .never {
        upstreams[i].holdCheckAt = now.advanced(by: configuration.holdMilliseconds / 2)
      }
      push(device, frame, entry, now)
    } else {
      updateInterest(device)
      // What is in flight is waited for now, so its proof is wanted sooner.
      schedule(device)
      if upstreams[i].phase == .idle { wantUpstream(device, now) }
    }
  }

  /// Keeps a frame that is worthless when late in its place in the device's order, for as long as
  /// it is worth something, and answers it at once, or with the platform's confirmation where that is
  /// likely to come soon; `false` when there is no room now.
  private mutating func passOn(
    _ slot: SessionSlot, _ device: DeviceIndex, _ protocolID: ProtocolID, _ frame: Span<UInt8>,
    _ facts: FrameFacts, _ moment: Moment
  ) -> Bool {
    if facts.answer == .upstream, upstreams[device.rawValue].phase != .live {
      noteReceived(device, moment.instant)
      noteExpired(device)
      var reply = Reply()
      if protocolID.row.neutralAnswer(frame, facts, &reply) { send(reply, to: slot) }
      return true
    }
    let isCaughtUp = !spool.hasUnsent(device)
    let isFirst = !spool.hasUndelivered(device)
    // A clock that is told late is wrong.
    let urgency =
      facts.answer == .local ? .soon : urgency(device, isCaughtUp: isCaughtUp, moment.instant)
    let result = spool.append(device, frame, .expires, urgency, now: moment.instant)
    // A disk that fails is no reason to let heartbeats go unanswered.
    if result == .full, spool.failedCommitCount == 0 { return false }
    noteReceived(device, moment.instant)
    var ticket = Gate.none
    if urgency == .held, case .stored(_, let spoolTicket, _) = result {
      ticket = answerLater(slot, protocolID, frame, facts, spoolTicket, moment)
    } else if facts.isAnswered(under: sessions[slot.rawValue].policy) {
      answerNow(slot, protocolID, frame, facts, moment)
    }
    switch result {
    case .full:
      noteExpired(device)
    case .stored(let sequence, _, let place):
      if isFirst { ledgers[device.rawValue].oldestAt = moment.instant }
      offer(
        device, frame,
        InFlight(
          kind: .stored, isRequired: facts.answer == .required, key: facts.key,
          sequence: sequence, place: place, ticket: ticket, sentAt: moment.instant,
          storedAt: moment.instant),
        isCaughtUp: isCaughtUp, moment.instant)
    }
    return true
  }

  // MARK: Answers

  /// Sends the answer to a frame that needs no custody.
  private mutating func answerNow(
    _ slot: SessionSlot, _ protocolID: ProtocolID, _ frame: Span<UInt8>, _ facts: FrameFacts,
    _ moment: Moment
  ) {
    var reply = Reply()
    if protocolID.row.answer(frame, facts, context(slot, moment), &reply) { send(reply, to: slot) }
  }

  /// Sends an answer that the gate has let go.
  @inline(never)
  mutating func answer(_ entry: GateEntry, _ now: Instant) {
    let i = entry.session.rawValue
    // A session that has ended since: the device sends the frame again.
    guard sessions[i].generation == entry.sessionGeneration, sessions[i].phase == .open else {
      return
    }
    sessions[i].gatedAnswerCount -= 1
    send(entry.reply, to: entry.session)
    endIfDone(entry.session, now)
  }

  @inline(never)
  private mutating func send(_ reply: Reply, to slot: SessionSlot) {
    ledger.answeredFrameCount += 1
    reply.withBytes {
      if isWatched { watch(slot, $0, .answer) }
      output($0, to: slot)
    }
  }

  /// Queues bytes for a device, whole.
  mutating func output(_ bytes: Span<UInt8>, to slot: SessionSlot) {
    let i = slot.rawValue
    if sessions[i].output.count + bytes.count > RelayLimits.sessionOutputBytesMax {
      // Closed by its timer, because whoever sends is in the middle of something.
      sessions[i].hasOverflowed = true
      schedule(slot)
      return
    }
    sessions[i].output.append(bytes)
    switch sessions[i].transport {
    case .tcp:
      if !sessions[i].isFlushQueued {
        sessions[i].isFlushQueued = true
        emit(.flushSession(slot))
      }
    case .udp:
      emit(.sendDatagram(slot, byteCount: bytes.count))
    }
  }

  private func context(_ slot: SessionSlot, _ moment: Moment) -> AnswerContext {
    AnswerContext(
      time: moment.wallSeconds.map { CalendarTime(secondsSince1970: $0) },
      transferNumber: sessions[slot.rawValue].transferNumber)
  }
}
