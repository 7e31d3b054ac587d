// Who may use the relay, by the operator's word: where from, how often from one place, which devices,
// which protocols.
//
// Whoever may not is neither answered nor stored, and counted by the first rule that says so. What the
// spool holds already is delivered whatever the rules have become.

import Detect

/// Why a connection, a datagram or a session is refused.
public enum RefusalReason: UInt8, Sendable {
  /// There are too many sessions.
  case limit
  /// Its source has as many sessions as one may have.
  case source
  /// Its source has as many sessions as one may have that have not named their device.
  case unnamed
  /// Its source is in no network that may connect.
  case network
  /// Its protocol is disabled.
  case protocolDisabled

  public var name: Literal {
    switch self {
    case .limit: "limit"
    case .source: "source-limit"
    case .unnamed: "unnamed-limit"
    case .network: "network"
    case .protocolDisabled: "protocol"
    }
  }
}

/// The operator's rules.
public struct AccessRules: Sendable {
  /// Where connections and datagrams may come from; everywhere when there is none.
  public var networks = Networks()
  /// The devices that may; every one when `nil`.
  public var allowed: DeviceNames?
  /// Devices that may not, whatever `allowed` says.
  public var denied = DeviceNames()
  /// Sessions of one source; 0 for as many as there may be of all.
  public var sessionsPerSourceMax = 0
  /// Those of them that have not named their device.
  public var unnamedPerSourceMax = 0
  /// Whether each protocol is disabled, by raw value less one; empty while none is.
  private var disabled: [Bool] = []

  public init() {}

  public mutating func disable(_ protocolID: ProtocolID) {
    if disabled.isEmpty { disabled = [Bool](repeating: false, count: ProtocolID.count) }
    disabled[Int(protocolID.rawValue) - 1] = true
  }

  @inline(never)
  public func allows(_ source: PeerAddress) -> Bool {
    networks.isEmpty || networks.contains(source)
  }

  public func allows(_ protocolID: ProtocolID) -> Bool {
    disabled.isEmpty || !disabled[Int(protocolID.rawValue) - 1]
  }

  @inline(never)
  public func allows(_ identity: DeviceIdentity) -> Bool {
    if let allowed, !allowed.contains(identity) { return false }
    return !denied.contains(identity)
  }
}
