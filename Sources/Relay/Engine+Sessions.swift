// Device sessions: opening, feeding, pausing, closing.

import Detect
import Queue

extension Engine where D: ~Copyable {
  /// Takes a new connection; `nil` when there are too many, and it is to be closed.
  public mutating func accept(_ source: PeerAddress, _ moment: Moment) -> SessionSlot? {
    guard configuration.access.allows(source) else {
      refuse(source, .tcp, .network)
      return nil
    }
    if let reason = refusal(of: source, .tcp) {
      refuse(source, .tcp, reason)
      return nil
    }
    guard !isDraining, let slot = openSession(.tcp, source, moment.instant) else {
      refuse(source, .tcp, .limit)
      return nil
    }
    return slot
  }

  /// Takes bytes from a connection.
  public mutating func received(
    _ slot: SessionSlot, _ bytes: Span<UInt8>, _ moment: Moment
  ) {
    let i = slot.rawValue
    guard sessions[i].phase == .open, bytes.count > 0 else { return }
    sessions[i].lastByteAt = moment.instant
    sessions[i].silence = .none
    if !sessions[i].hasSpoken {
      sessions[i].hasSpoken = true
      sessions[i].openedAt = moment.instant
    }
    if sessions[i].link != .none {
      passUnknown(slot, bytes)
      schedule(slot)
      return
    }
    if sessions[i].input.isEmpty, !sessions[i].isPaused {
      let consumed = read(slot, bytes, moment)
      guard sessions[i].phase == .open else { return }
      sessions[i].input.append(bytes, from: consumed)
    } else {
      sessions[i].input.append(bytes)
      // More than the longest frame without one: what is there is all that can be asked about.
      if sessions[i].input.count > Detect.Limits.frameBytesMax { sessions[i].silence = .long }
      if !sessions[i].isPaused { readInput(slot, moment) }
    }
    boundRereading(slot)
    if sessions[i].phase == .open { schedule(slot) }
  }

  /// The device has finished sending but may still read: what it is owed is sent before the end.
  public mutating func sessionInputEnded(_ slot: SessionSlot, _ moment: Moment) {
    let i = slot.rawValue
    guard sessions[i].phase == .open, !sessions[i].hasEnded else { return }
    sessions[i].hasEnded = true
    sessions[i].lastByteAt = moment.instant
    // Nothing more can come: what is there is all.
    sessions[i].silence = .long
    sessions[i].wantedByteCount = 0
    if !sessions[i].isPaused { readInput(slot, moment) }
    endIfDone(slot, moment.instant)
    if sessions[i].phase == .open { schedule(slot) }
  }

  /// Ends a session whose device has finished sending, once it has its answers.
  mutating func endIfDone(_ slot: SessionSlot, _ now: Instant) {
    let i = slot.rawValue
    guard sessions[i].hasEnded, !sessions[i].isPaused, sessions[i].gatedAnswerCount == 0,
      sessions[i].link == .none || sessions[i].linkOutput.isEmpty
    else { return }
    close(slot, .ended, now)
  }

  /// The connection has broken; its slot is free after the `closeSession` that follows.
  public mutating func sessionClosed(_ slot: SessionSlot, _ moment: Moment) {
    let i = slot.rawValue
    guard sessions[i].phase == .open else { return }
    if !sessions[i].input.isEmpty, !sessions[i].isPaused {
      // What has an end that only silence can confirm is whole. What has none is half a frame, which a
      // platform would take for the start of the next.
      sessions[i].silence = max(sessions[i].silence, .brief)
      readInput(slot, moment)
    }
    if sessions[i].phase == .open { end(slot, moment.instant) }
  }

  /// The edge has closed the connection as it was told.
  public mutating func sessionReleased(_ slot: SessionSlot) {
    guard sessions[slot.rawValue].phase == .closing else { return }
    dropLink(slot)
    free(slot)
  }

  /// Calls `body` with the bytes waiting for the session's connection.
  public func withSessionOutput<Result>(
    _ slot: SessionSlot, _ body: (Span<UInt8>) -> Result
  ) -> Result {
    sessions[slot.rawValue].output.withBytes(body)
  }

  /// Notes that the first `byteCount` bytes of the output were written, and that a flush is done.
  public mutating func sessionWrote(_ slot: SessionSlot, _ byteCount: Int) {
    sessions[slot.rawValue].output.consume(byteCount)
    sessions[slot.rawValue].isFlushQueued = false
  }

  public func source(of slot: SessionSlot) -> PeerAddress { sessions[slot.rawValue].source }

  public func transport(of slot: SessionSlot) -> Transport { sessions[slot.rawValue].transport }

  // MARK: Datagrams

  /// Takes one datagram. A source is bound to a device by a frame that names it; what comes before
  /// is not answered, but kept for a while in case such a frame follows. A name that may be a running
  /// number binds when it is known or when it comes again: there is no connection here that would say
  /// whose the frames of old firmware are.
  public mutating func datagram(
    _ source: PeerAddress, _ bytes: Span<UInt8>, _ moment: Moment
  ) {
    guard configuration.access.allows(source) else {
      refuse(source, .udp, .network)
      return
    }
    // What waits for room came first.
    if postponedDatagrams.contains(where: { $0.source == source }) {
      postpone(source, bytes, moment.instant)
      return
    }
    guard let slot = addresses.find(source, sessions) ?? bind(source, bytes, moment) else { return }
    read(slot, datagram: bytes, moment)
    guard !heldDatagrams.isEmpty, sessions[slot.rawValue].device != nil else { return }
    for held in takeHeld(source, moment.instant) { read(slot, datagram: held.span, moment) }
  }

  private mutating func read(
    _ slot: SessionSlot, datagram bytes: Span<UInt8>, _ moment: Moment
  ) {
    let i = slot.rawValue
    guard sessions[i].phase == .open else { return }
    sessions[i].lastByteAt = moment.instant
    // The end of a datagram is the end of the burst: nothing more can come.
    sessions[i].silence = .long
    sessions[i].wantedByteCount = 0
    let consumed = read(slot, bytes, moment)
    if isDatagramRefused {
      isDatagramRefused = false
      let rest = bytes.extracting(consumed..<bytes.count)
      postpone(sessions[i].source, rest, moment.instant)
    } else {
      ledger.skippedByteCount += UInt64(bytes.count - consumed)
    }
    if sessions[i].phase == .open { schedule(slot) }
  }

  /// Keeps a datagram until the spool has room; there is no connection that could be left unread.
  private mutating func postpone(_ source: PeerAddress, _ bytes: Span<UInt8>, _ now: Instant) {
    guard postponedDatagrams.count < RelayLimits.postponedDatagramCountMax,
      bytes.count <= RelayLimits.heldDatagramBytesMax
    else {
      ledger.refusedDatagramCount += 1
      return
    }
    postponedDatagrams.append(
      HeldDatagram(source: source, name: nil, bytes: bytes.copied(), heldAt: now))
  }

  /// Reads what was postponed, now that the spool may have room.
  mutating func retryPostponed(_ moment: Moment) {
    guard !postponedDatagrams.isEmpty else { return }
    var waiting: [HeldDatagram] = []
    swap(&waiting, &postponedDatagrams)
    for held in waiting { datagram(held.source, held.bytes.span, moment) }
  }

  /// Keeps the datagram of a source that has not named its device, at the cost of the oldest one.
  private mutating func hold(
    _ source: PeerAddress, _ bytes: Span<UInt8>, _ name: DeviceKey?, _ now: Instant
  ) {
    guard bytes.count <= RelayLimits.heldDatagramBytesMax else {
      ledger.refusedDatagramCount += 1
      return
    }
    if heldDatagrams.count == RelayLimits.heldDatagramCountMax {
      heldDatagrams.removeFirst()
      ledger.refusedDatagramCount += 1
    }
    heldDatagrams.append(
      HeldDatagram(source: source, name: name, bytes: bytes.copied(), heldAt: now))
  }

  /// Takes out what was kept for `source`, and what has been kept too long.
  private mutating func takeHeld(_ source: PeerAddress, _ now: Instant) -> [[UInt8]] {
    var taken: [[UInt8]] = []
    var kept: [HeldDatagram] = []
    for held in heldDatagrams {
      if now.since(held.heldAt) > Int64(RelayLimits.heldDatagramTimeout) {
        ledger.refusedDatagramCount += 1
      } else if held.source == source {
        taken.append(held.bytes)
      } else {
        kept.append(held)
      }
    }
    heldDatagrams = kept
    return taken
  }

  /// Opens a session for a source whose datagram begins with a frame that names its device.
  private mutating func bind(
    _ source: PeerAddress, _ bytes: Span<UInt8>, _ moment: Moment
  ) -> SessionSlot? {
    guard !isDraining else {
      ledger.refusedDatagramCount += 1
      return nil
    }
    var reader = FrameReader()
    var offset = 0
    while offset < bytes.count {
      let rest = bytes.extracting(offset..<bytes.count)
      switch reader.next(rest, silence: .long) {
      case .skip(let byteCount, _):
        offset += byteCount
      case .frame(let byteCount, _):
        guard let protocolID = reader.protocolID else { return nil }
        guard configuration.access.allows(protocolID) else {
          refuse(source, .udp, .protocolDisabled)
          return nil
        }
        let facts = protocolID.row.facts(rest.extracting(0..<byteCount))
        if let identity = facts.identity, !configuration.access.allows(identity) {
          refuse(source, identity)
          return nil
        }
        let name = facts.identity.map { Self.key(of: $0) }
        guard let name, facts.naming == .certain || isBelieved(name, source, bytes) else {
          hold(source, bytes, name, moment.instant)
          return nil
        }
        if let reason = refusal(of: source, .udp) {
          refuse(source, .udp, reason)
          return nil
        }
        guard let slot = openSession(.udp, source, moment.instant) else {
          ledger.refusedDatagramCount += 1
          return nil
        }
        addresses.insert(slot, sessions)
        if facts.naming == .provisional {
          // They have the same name, and came first.
          for held in takeHeld(source, moment.instant) { read(slot, datagram: held.span, moment) }
        }
        return slot
      case .needMore, .reject:
        ledger.refusedDatagramCount += 1
        return nil
      }
    }
    ledger.refusedDatagramCount += 1
    return nil
  }

  /// Whether a name that may be a running number is known, or has come from `source` before: in
  /// another datagram, because networks and devices repeat them.
  private func isBelieved(
    _ name: DeviceKey, _ source: PeerAddress, _ bytes: Span<UInt8>
  ) -> Bool {
    if spool.find(name) != nil { return true }
    for held in heldDatagrams where held.source == source && held.name == name {
      if held.bytes.count != bytes.count { return true }
      for i in 0..<bytes.count where held.bytes[i] != bytes[i] { return true }
    }
    return false
  }

  // MARK: Slots

  private mutating func openSession(
    _ transport: Transport, _ source: PeerAddress, _ now: Instant
  ) -> SessionSlot? {
    let slot: SessionSlot
    if let free = freeSessions.popLast() {
      slot = free
    } else {
      guard sessions.count < configuration.sessionCountMax else { return nil }
      slot = SessionSlot(sessions.count)
      sessions.append(DeviceSession())
    }
    let generation = sessions[slot.rawValue].generation
    var session = DeviceSession()
    session.phase = .open
    session.generation = generation &+ 1
    session.transport = transport
    session.source = source
    session.openedAt = now
    session.lastByteAt = now
    sessions[slot.rawValue] = session
    sources.add(source)
    ledger.acceptedSessionCount += 1
    schedule(slot)
    return slot
  }

  private mutating func free(_ slot: SessionSlot) {
    let i = slot.rawValue
    sources.remove(sessions[i].source, isNamed: sessions[i].isNamed)
    sessions[i].phase = .free
    sessions[i].generation &+= 1
    sessions[i].input = ByteQueue()
    sessions[i].output = ByteQueue()
    freeSessions.append(slot)
  }

  /// Ends a session for a reason of the relay's own.
  @inline(never)
  mutating func close(_ slot: SessionSlot, _ reason: CloseReason, _ now: Instant) {
    guard sessions[slot.rawValue].phase == .open else { return }
    switch reason {
    case .rejected: ledger.rejectedSessionCount += 1
    case .timedOut: ledger.timedOutSessionCount += 1
    case .replaced, .slowReader, .tooManyDevices, .ended, .refused: break
    }
    if reason != .ended, reason != .refused { emit(.log(.sessionClosed(slot, reason))) }
    end(slot, now)
  }

  /// Takes a session out of everything but its slot, which is kept until the effects queued for it
  /// are done, so that none of them reaches whoever has the slot next.
  private mutating func end(_ slot: SessionSlot, _ now: Instant) {
    detach(slot, now)
    if sessions[slot.rawValue].transport == .udp { addresses.remove(slot, sessions) }
    sessions[slot.rawValue].phase = .closing
    timers.set(timerKey(slot), .never)
    if sessions[slot.rawValue].link != .none {
      if sessions[slot.rawValue].link == .live { emit(.flushLink(slot)) }
      emit(.closeLink(slot))
    }
    emit(.closeSession(slot))
  }

  /// Takes a session away from its device, which is then offline.
  private mutating func detach(_ slot: SessionSlot, _ now: Instant) {
    if sessions[slot.rawValue].isPaused {
      let waiting = pausedSessions
      pausedSessions = []
      for other in waiting where other != slot { pausedSessions.append(other) }
      sessions[slot.rawValue].isPaused = false
    }
    guard let device = sessions[slot.rawValue].device else { return }
    sessions[slot.rawValue].device = nil
    if upstreams[device.rawValue].session == slot {
      upstreams[device.rawValue].session = nil
      settleUpstream(device, now)
    }
  }

  // MARK: Reading

  /// Shows the session's waiting input to its reader.
  mutating func readInput(_ slot: SessionSlot, _ moment: Moment) {
    let i = slot.rawValue
    if sessions[i].input.count < sessions[i].wantedByteCount, sessions[i].silence == .none {
      return
    }
    if sessions[i].input.isEmpty { return }
    // Out of the session while it is read, so that reading may change the session.
    var input = ByteQueue()
    swap(&input, &sessions[i].input)
    let consumed = input.withBytes { read(slot, $0, moment) }
    guard sessions[i].phase == .open else { return }
    input.consume(consumed)
    swap(&input, &sessions[i].input)
  }

  /// Lets a long unfinished input grow by an eighth before it is read again, so that a peer that
  /// drips bytes cannot have the same bytes searched at every one of them. Silence comes first.
  private mutating func boundRereading(_ slot: SessionSlot) {
    let count = sessions[slot.rawValue].input.count
    guard count > RelayLimits.freelyRereadBytesMax, !sessions[slot.rawValue].isPaused,
      sessions[slot.rawValue].wantedByteCount > 0,
      sessions[slot.rawValue].wantedByteCount <= count + 1
    else { return }
    sessions[slot.rawValue].wantedByteCount = count + count / 8
  }

  /// Handles the frames at the start of `bytes` and returns how many bytes are done with.
  private mutating func read(
    _ slot: SessionSlot, _ bytes: Span<UInt8>, _ moment: Moment
  ) -> Int {
    let i = slot.rawValue
    var offset = 0
    sessions[i].wantedByteCount = 0
    while offset < bytes.count, sessions[i].phase == .open {
      let rest = bytes.extracting(offset..<bytes.count)
      let step = sessions[i].reader.next(rest, silence: sessions[i].silence)
      if sessions[i].reader.rebindingCount != sessions[i].rebindingCount {
        // Another dialect: who spoke the old one has not said so in the new one.
        sessions[i].rebindingCount = sessions[i].reader.rebindingCount
        sessions[i].openedAt = moment.instant
        detach(slot, moment.instant)
      }
      switch step {
      case .needMore(let total):
        sessions[i].wantedByteCount = total
        return offset
      case .skip(let byteCount, _):
        ledger.skippedByteCount += UInt64(byteCount)
        offset += byteCount
      case .reject(let reason):
        refuse(slot, reason, rest, moment)
        return bytes.count
      case .frame(let byteCount, _):
        if let protocolID = sessions[i].reader.protocolID, !configuration.access.allows(protocolID)
        {
          ledger.refusedByProtocolCount += 1
          refuse(slot, .disabled, rest, moment)
          return bytes.count
        }
        let place = effectPlace
        guard handle(slot, rest.extracting(0..<byteCount), moment) else {
          pause(slot)
          return offset
        }
        if isWatched { watch(received: rest.extracting(0..<byteCount), slot, at: place) }
        if !heldCommands.isEmpty { passHeldCommands(to: slot, moment.instant) }
        offset += byteCount
      }
    }
    return offset
  }

  /// Stops reading until the spool has room; a datagram is kept until then.
  private mutating func pause(_ slot: SessionSlot) {
    guard sessions[slot.rawValue].transport == .tcp else {
      isDatagramRefused = true
      return
    }
    if sessions[slot.rawValue].isPaused { return }
    sessions[slot.rawValue].isPaused = true
    pausedSessions.append(slot)
    emit(.pauseSession(slot))
  }

  mutating func resumePaused(_ moment: Moment) {
    guard !pausedSessions.isEmpty else { return }
    var waiting: [SessionSlot] = []
    swap(&waiting, &pausedSessions)
    for slot in waiting {
      sessions[slot.rawValue].isPaused = false
      // The silence was the relay's own: the rest of a frame may wait to be read.
      sessions[slot.rawValue].lastByteAt = moment.instant
      sessions[slot.rawValue].silence = sessions[slot.rawValue].hasEnded ? .long : .none
      readInput(slot, moment)
      endIfDone(slot, moment.instant)
      if sessions[slot.rawValue].phase == .open, !sessions[slot.rawValue].isPaused {
        if !sessions[slot.rawValue].hasEnded { emit(.resumeSession(slot)) }
        schedule(slot)
      }
    }
  }
}
