// Who is answered how much: the operator's word for a device, else for its protocol, else for all,
// else what the protocol's row recommends.

/// The reply policies an operator has chosen.
public struct ReplyPolicies: Sendable {
  /// Devices with a policy of their own; looked through once a session.
  public static let deviceCountMax = 1_024

  private var everything: ReplyPolicy?
  private var protocols = [ReplyPolicy?](repeating: nil, count: ProtocolID.count)
  private var atRisk = [Bool](repeating: false, count: ProtocolID.count)
  private var devices: [(name: [UInt8], policy: ReplyPolicy)] = []

  public init() {}

  /// Every protocol that has no policy of its own is answered like this.
  public mutating func set(_ policy: ReplyPolicy) { everything = policy }

  public mutating func set(_ policy: ReplyPolicy, for protocolID: ProtocolID) {
    protocols[Int(protocolID.rawValue) - 1] = policy
  }

  /// This protocol's frames are answered even while neither the disk nor the platform takes them.
  public mutating func answerAtRisk(_ protocolID: ProtocolID) {
    atRisk[Int(protocolID.rawValue) - 1] = true
  }

  public func answersAtRisk(_ protocolID: ProtocolID) -> Bool {
    atRisk[Int(protocolID.rawValue) - 1]
  }

  /// The device that people write as `name`, whatever it speaks; `false` when there are too many.
  public mutating func set(_ policy: ReplyPolicy, forDevice name: [UInt8]) -> Bool {
    guard devices.count < Self.deviceCountMax else { return false }
    devices.append((name, policy))
    return true
  }

  public func policy(for protocolID: ProtocolID) -> ReplyPolicy {
    protocols[Int(protocolID.rawValue) - 1] ?? everything ?? protocolID.row.defaultPolicy
  }

  /// The policy for a device; the last word about it counts.
  public func policy(for identity: DeviceIdentity) -> ReplyPolicy {
    var found: ReplyPolicy?
    for device in devices where identity.isWritten(device.name) { found = device.policy }
    return found ?? policy(for: identity.protocolID)
  }
}

extension DeviceIdentity {
  /// Whether people write this identity as `name`.
  public func isWritten(_ name: [UInt8]) -> Bool {
    guard name.count == characterCount else { return false }
    for i in 0..<name.count where name[i] != character(i) { return false }
    return true
  }
}
