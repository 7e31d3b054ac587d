// A command for a device that cannot be reached just now.

import Detect
import Queue

/// Bytes that go to the device right behind its next frame, or nowhere.
struct HeldCommand {
  var device: DeviceKey
  var bytes: [UInt8]
  var source: CommandSource
  var heldAt: Instant

  /// After this it is stale and must not be carried out any more.
  var expiresAt: Instant { heldAt.advanced(by: RelayLimits.commandExpiry) }
}

/// Who wants a command carried out.
public enum CommandSource: Sendable {
  case platform
  /// The number is the operator's, to know the command by.
  case byOperator(UInt32)
}

/// What became of a command.
public enum CommandFate: UInt8, Sendable {
  /// Queued for the device's connection, or sent as a datagram.
  case passed
  /// Kept for the device's next frame.
  case held
  /// Kept until then, and passed.
  case passedLate
  /// No frame came in time.
  case expired
  /// Too long, or too many are kept already.
  case refused

  public var name: Literal {
    switch self {
    case .passed: "passed"
    case .held: "held"
    case .passedLate: "passed-late"
    case .expired: "expired"
    case .refused: "refused"
    }
  }
}
