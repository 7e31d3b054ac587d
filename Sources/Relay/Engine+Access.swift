// The operator's rules at work: what is counted and said of whoever they turn away, and what new rules
// mean for sessions that are open.

import Detect
import Queue

extension Engine where D: ~Copyable {
  /// Why another session of `source` is refused, if it is.
  func refusal(of source: PeerAddress, _ transport: Transport) -> RefusalReason? {
    let access = configuration.access
    let known = sources[source]
    if access.sessionsPerSourceMax > 0, known.sessionCount >= access.sessionsPerSourceMax {
      return .source
    }
    // A datagram has a session only if it names its device.
    if transport == .tcp, access.unnamedPerSourceMax > 0,
      known.unnamedCount >= access.unnamedPerSourceMax
    {
      return .unnamed
    }
    return nil
  }

  /// Counts that a session is somebody's.
  mutating func name(_ slot: SessionSlot) {
    guard !sessions[slot.rawValue].isNamed else { return }
    sessions[slot.rawValue].isNamed = true
    sources.name(sessions[slot.rawValue].source)
  }

  /// Counts and reports a connection or a datagram that is turned away before it has a session.
  @inline(never)
  mutating func refuse(_ source: PeerAddress, _ transport: Transport, _ reason: RefusalReason) {
    switch reason {
    case .limit: ledger.refusedSessionCount += 1
    case .source, .unnamed: ledger.refusedBySourceLimitCount += 1
    case .network: ledger.refusedByNetworkCount += 1
    case .protocolDisabled: ledger.refusedByProtocolCount += 1
    }
    emit(.log(.refused(source, transport, reason)))
  }

  /// Counts and reports a device that may not use the relay.
  @inline(never)
  mutating func refuse(_ source: PeerAddress, _ identity: DeviceIdentity) {
    ledger.refusedByDeviceCount += 1
    emit(.log(.deviceRefused(source, identity)))
  }

  /// Takes other rules; sessions that they do not allow end, whatever their devices are owed by the
  /// platform stays.
  public mutating func apply(_ access: AccessRules, now: Instant) {
    configuration.access = access
    for i in sessions.indices where sessions[i].phase == .open {
      let session = sessions[i]
      if !access.allows(session.source) {
        refuse(session.source, session.transport, .network)
      } else if let protocolID = session.reader.protocolID, !access.allows(protocolID) {
        refuse(session.source, session.transport, .protocolDisabled)
      } else if let device = session.device, let identity = identity(of: device),
        !access.allows(identity)
      {
        refuse(session.source, identity)
      } else {
        continue
      }
      close(SessionSlot(i), .refused, now)
    }
  }
}
