// When the platform is back for one device, it is back for all.
//
// Every device waits by itself, longer each time, so that after an outage the last one would come a minute
// after the first. So a device that could not connect, or was not answered, while no other one could or
// was, is noted; the first connection, or the first answer, has all of them dial again, at the ramp's
// pace. A device that alone is not answered goes on waiting: the platform does not know it.
// Source: design document, section 7; measured in docs/OPERATIONS.md.

import Queue

extension Engine where D: ~Copyable {
  /// Notes a session that ended, if no other device was better off.
  mutating func noteFault(_ device: DeviceIndex, _ loss: UpstreamLoss, _ now: Instant) {
    var fault = SharedFault.none
    switch loss {
    case .unreachable:
      if isLong(since: lastConnectedAt, now) { fault = .connection }
    case .silent, .unknownDevice:
      if isLong(since: lastAnswerAt, now) { fault = .answer }
    case .closedByPeer, .floods: break
    }
    upstreams[device.rawValue].fault = fault
    if fault != .none { hasSharedFaults = true }
  }

  private func isLong(since instant: Instant, _ now: Instant) -> Bool {
    now.since(instant) > Int64(RelayLimits.greetingTimeout)
  }

  /// Takes a connection to the platform that stands, whoever's.
  mutating func noteConnected(_ now: Instant) {
    lastConnectedAt = now
    if hasSharedFaults { recall(.connection, now) }
  }

  /// Takes an answer of the platform, to whomever.
  mutating func noteAnswered(_ now: Instant) {
    lastAnswerAt = now
    guard hasSharedFaults else { return }
    hasSharedFaults = false
    recall(.connection, now)
    recall(.answer, now)
  }

  /// Has the devices with a fault dial within a second, as far as the ramp lets them.
  private mutating func recall(_ fault: SharedFault, _ now: Instant) {
    for i in 0..<upstreams.count where upstreams[i].fault == fault {
      upstreams[i].fault = .none
      let device = DeviceIndex(i)
      let soon = max(
        now.advanced(by: RelayLimits.backoffMin / 2 + random.below(RelayLimits.recallSpread)),
        upstreams[i].brokeAt.advanced(by: RelayLimits.backoffMin))
      switch upstreams[i].phase {
      case .waiting where !upstreams[i].hasDialSlot && soon < upstreams[i].retryAt:
        upstreams[i].retryAt = soon
        schedule(device)
      case .connecting where now.since(upstreams[i].phaseAt) > Int64(RelayLimits.recallSpread):
        // Begun in the outage: the kernel would say hello again in many seconds only.
        closeUpstream(device, nil, now)
        upstreams[i].retryAt = soon
      case .idle, .waiting, .connecting, .greeting, .live, .closing: break
      }
    }
  }
}
