// What the operator changes and asks while the engine runs.

import Detect
import Queue

/// How things stand, in numbers.
public struct EngineStatus: Equatable, Sendable {
  /// Connections and bound UDP sources.
  public var sessionCount = 0
  /// Devices with a session.
  public var onlineCount = 0
  /// Devices known, online or not.
  public var deviceCount = 0
  /// Devices whose session with the platform stands.
  public var liveCount = 0
  /// Devices with frames that the platform has not confirmed.
  public var waitingDeviceCount = 0
  /// Frames that the platform has not confirmed.
  public var waitingFrameCount = 0

  public init() {}
}

/// How one device stands.
public struct DeviceStatus: Sendable {
  /// Its session, while it is online.
  public var session: SessionSlot?
  /// When its last frame came since the program started.
  public var lastFrameAt = Instant.never
  /// When the oldest frame that waits came, or earlier; what the spool held before the program
  /// started counts from then.
  public var oldestAt = Instant.never
  /// Frames that the platform has not confirmed.
  public var waitingFrameCount = 0
  /// What its session with the platform is doing, in a word.
  public var platform: Literal = "idle"
  /// Sessions with the platform that failed in a row.
  public var failedAttemptCount = 0
}

extension Engine where D: ~Copyable {
  /// Takes other policies; sessions that are open follow them from their next frame on.
  public mutating func apply(_ policies: ReplyPolicies, passesUnknown: Bool) {
    configuration.policies = policies
    configuration.passesUnknown = passesUnknown
    for i in sessions.indices where sessions[i].phase == .open {
      guard let device = sessions[i].device, let identity = identity(of: device) else { continue }
      sessions[i].policy = policies.policy(for: identity)
    }
  }

  /// How things stand; looks at every session and device.
  public var status: EngineStatus {
    var status = EngineStatus()
    for session in sessions where session.phase == .open { status.sessionCount += 1 }
    for i in 0..<spool.deviceCount where spool.isKnown(DeviceIndex(i)) {
      let waiting = spool.undeliveredCount(DeviceIndex(i))
      status.deviceCount += 1
      status.waitingFrameCount += waiting
      if waiting > 0 { status.waitingDeviceCount += 1 }
      guard i < upstreams.count else { continue }
      if upstreams[i].session != nil { status.onlineCount += 1 }
      if upstreams[i].phase == .live { status.liveCount += 1 }
    }
    return status
  }

  /// How a device stands; `nil` when its place in the table is free.
  @inline(never)
  public func status(of device: DeviceIndex) -> DeviceStatus? {
    guard spool.isKnown(device) else { return nil }
    var status = DeviceStatus()
    status.waitingFrameCount = spool.undeliveredCount(device)
    if device.rawValue < ledgers.count {
      status.lastFrameAt = ledgers[device.rawValue].lastFrameAt
      if status.waitingFrameCount > 0 { status.oldestAt = ledgers[device.rawValue].oldestAt }
    }
    guard device.rawValue < upstreams.count else { return status }
    let upstream = upstreams[device.rawValue]
    status.session = upstream.session
    status.platform = isParked(device) ? "parked" : upstream.phase.name
    status.failedAttemptCount = upstream.failedAttemptCount
    return status
  }
}

extension Upstream.Phase {
  var name: Literal {
    switch self {
    case .idle: "idle"
    case .waiting: "waiting"
    case .connecting: "connecting"
    case .greeting: "greeting"
    case .live: "live"
    case .closing: "closing"
    }
  }
}
