// Whether the wall clock is told to devices that ask for the time.
//
// A device takes the answer for its own time, and a wrong one falsifies everything it stores until the next; no
// answer leaves it with the time of its satellites. So the clock has to have a witness: the kernel says that
// something disciplines it, or did while the relay ran (a WAN outage must not end it); or it was set from a
// battery clock at boot; or nobody can be asked, which is so in containers, whose host keeps the time; or the
// operator vouches for it. A date is no witness: a router without battery begins with the time of its
// newest file. But a date before this program was written is proof against every other.

/// What the kernel says of its clock.
public enum ClockState: UInt8, Sendable {
  case synchronised
  case unsynchronised
  /// Nobody may ask.
  case unknown
}

/// What is known for and against the wall clock.
public struct ClockTrust: Sendable {
  /// 2026-01-01; earlier dates are a board's guess.
  static let earliestSeconds: Int64 = 1_767_225_600

  /// Whether the operator vouches for the clock.
  public var isTrusted: Bool
  /// Whether the kernel took the time from a battery clock when it started.
  private let isFromBattery: Bool
  private var state = ClockState.unknown
  private var wasSynchronised = false

  public init(isTrusted: Bool, isFromBattery: Bool) {
    self.isTrusted = isTrusted
    self.isFromBattery = isFromBattery
  }

  public var isSynchronised: Bool { state == .synchronised }

  /// Takes what the kernel says now.
  public mutating func note(_ state: ClockState) {
    self.state = state
    if state == .synchronised { wasSynchronised = true }
  }

  /// The time if it may be told, else `nil`.
  @inline(never)
  public func believed(_ seconds: Int64) -> Int64? {
    let hasWitness = isTrusted || wasSynchronised || isFromBattery || state == .unknown
    return hasWitness && seconds >= Self.earliestSeconds ? seconds : nil
  }
}
