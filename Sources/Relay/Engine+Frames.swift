// One frame of a device: who sent it, whether it is kept, when it is answered.

import Detect
import Queue

extension Engine where D: ~Copyable {
  /// Handles a whole frame; `false` when it cannot be taken now and must be offered again.
  mutating func handle(_ slot: SessionSlot, _ frame: Span<UInt8>, _ moment: Moment) -> Bool {
    guard let protocolID = sessions[slot.rawValue].reader.protocolID else { return true }
    let facts = protocolID.row.facts(frame)
    if facts.replay == .head {
      ledger.receivedFrameCount += 1
      logIn(slot, protocolID, frame, facts, moment)
      return true
    }
    guard let device = sessions[slot.rawValue].device else {
      ledger.receivedFrameCount += 1
      ledger.unidentifiedFrameCount += 1
      return true
    }
    switch facts.replay {
    case .forward, .block:
      return keep(slot, device, protocolID, frame, facts, moment)
    case .expires, .head:
      ledger.receivedFrameCount += 1
      passOn(slot, device, protocolID, frame, facts, moment)
      return true
    }
  }

  /// Binds the session to the device that the login names, and answers at once.
  private mutating func logIn(
    _ slot: SessionSlot, _ protocolID: ProtocolID, _ frame: Span<UInt8>, _ facts: FrameFacts,
    _ moment: Moment
  ) {
    guard let identity = facts.identity else {
      ledger.unidentifiedFrameCount += 1
      return
    }
    guard let device = spool.device(named: Self.key(of: identity)) else {
      close(slot, .tooManyDevices, moment.instant)
      return
    }
    ensureUpstream(device)
    let previous = sessions[slot.rawValue].device
    if let previous, previous != device {
      upstreams[previous.rawValue].session = nil
      settleUpstream(previous, moment.instant)
    }
    spool.setLogin(device, frame)
    spool.setHeld(device, true)
    sessions[slot.rawValue].device = device
    upstreams[device.rawValue].protocolID = protocolID
    let older = upstreams[device.rawValue].session
    upstreams[device.rawValue].session = slot
    if let older, older != slot { close(older, .replaced, moment.instant) }
    if previous != device { emit(.log(.loggedIn(slot, device))) }
    answerNow(slot, protocolID, frame, facts, moment)
    wantUpstream(device, moment.instant)
  }

  /// Stores a frame, offers it to a live upstream at once, and leaves its answer at the gate.
  private mutating func keep(
    _ slot: SessionSlot, _ device: DeviceIndex, _ protocolID: ProtocolID, _ frame: Span<UInt8>,
    _ facts: FrameFacts, _ moment: Moment
  ) -> Bool {
    if gate.isFull { return false }
    let isCaughtUp = !spool.hasUnsent(device)
    guard
      case .stored(let sequence, let batch, let generation) = spool.append(
        device, frame, now: moment.instant)
    else { return false }
    ledger.receivedFrameCount += 1
    ledger.storedFrameCount += 1
    var ticket = Gate.none
    var reply = Reply()
    if facts.isAnswered(under: configuration.policy),
      protocolID.row.answer(frame, facts, time(moment), &reply)
    {
      ticket = gate.add(
        GateEntry(
          session: slot, sessionGeneration: sessions[slot.rawValue].generation, batch: batch,
          reply: reply, isReleased: false))
    }
    let upstream = device.rawValue
    if isCaughtUp, upstreams[upstream].phase == .live, upstreams[upstream].hasRoom,
      upstreams[upstream].expiring.isEmpty
    {
      sendLoginIfNew(device, spool.login(of: device), moment.instant)
      spool.markSent(device, sequence)
      push(
        device, frame,
        InFlight(
          kind: .stored, isRequired: facts.answer == .required, key: facts.key,
          sequence: sequence, generation: generation, ticket: ticket, sentAt: moment.instant),
        moment.instant)
    } else {
      updateInterest(device)
      // What is in flight is waited for now, so its proof is wanted sooner.
      schedule(device)
      if upstreams[upstream].phase == .idle { wantUpstream(device, moment.instant) }
    }
    return true
  }

  /// Answers a frame that is worthless when late, and sends it on if that is possible in time.
  private mutating func passOn(
    _ slot: SessionSlot, _ device: DeviceIndex, _ protocolID: ProtocolID, _ frame: Span<UInt8>,
    _ facts: FrameFacts, _ moment: Moment
  ) {
    if facts.isAnswered(under: configuration.policy) {
      answerNow(slot, protocolID, frame, facts, moment)
    }
    if facts.answer == .upstream, upstreams[device.rawValue].phase != .live {
      var reply = Reply()
      if protocolID.row.neutralAnswer(frame, facts, &reply) { send(reply, to: slot) }
      ledger.expiredFrameCount += 1
      return
    }
    let upstream = device.rawValue
    if upstreams[upstream].phase == .live, upstreams[upstream].hasRoom,
      upstreams[upstream].expiring.isEmpty, !spool.hasUnsent(device)
    {
      sendExpiring(device, frame, facts, moment.instant)
      return
    }
    if upstreams[upstream].expiring.count == RelayLimits.expiringCountMax {
      upstreams[upstream].expiring.removeFirst()
      ledger.expiredFrameCount += 1
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(frame.count)
    for i in 0..<frame.count { bytes.append(frame[i]) }
    upstreams[upstream].expiring.append(
      ExpiringFrame(
        bytes: bytes, facts: facts, arrivedAt: moment.instant, after: spool.lastSequence(device)))
  }

  // MARK: Answers

  /// Sends the answer to a frame that needs no custody.
  private mutating func answerNow(
    _ slot: SessionSlot, _ protocolID: ProtocolID, _ frame: Span<UInt8>, _ facts: FrameFacts,
    _ moment: Moment
  ) {
    var reply = Reply()
    if protocolID.row.answer(frame, facts, time(moment), &reply) { send(reply, to: slot) }
  }

  /// Sends an answer that the gate has let go.
  mutating func answer(_ entry: GateEntry) {
    let i = entry.session.rawValue
    // A session that has ended since: the device sends the frame again.
    guard sessions[i].generation == entry.sessionGeneration, sessions[i].phase == .open else {
      return
    }
    send(entry.reply, to: entry.session)
  }

  private mutating func send(_ reply: Reply, to slot: SessionSlot) {
    ledger.answeredFrameCount += 1
    reply.withBytes { output($0, to: slot) }
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

  private func time(_ moment: Moment) -> CalendarTime? {
    moment.wallSeconds.map { CalendarTime(secondsSince1970: $0) }
  }
}
