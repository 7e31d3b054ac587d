// One device's connection, or the binding of one UDP source.
//
//   open -> detecting -> bound to a protocol -> logged in as a device -> closing -> free
//
// `input` holds what was received and not consumed: less than a frame, or everything while the
// session is paused because the spool has no room. Nothing is answered before a protocol is bound.

import Detect
import Queue

/// A session's place in the engine's table; the edge keeps its descriptor under the same number.
public struct SessionSlot: Equatable, Sendable {
  public var rawValue: Int
  public init(_ rawValue: Int) { self.rawValue = rawValue }
}

/// How a device reaches the relay.
public enum Transport: UInt8, Sendable {
  case tcp
  case udp
}

/// Why the relay ends a session.
public enum CloseReason: UInt8, Sendable {
  /// The bytes are no protocol the relay speaks, or no longer.
  case rejected
  /// Nothing, or no verdict, or no login came in time; or the device has been silent too long.
  case timedOut
  /// The same device has opened another session.
  case replaced
  /// The device does not read its answers.
  case slowReader
  /// The table of devices is full.
  case tooManyDevices
  /// The device has finished sending and has all its answers.
  case ended
  /// The operator's rules do not let it in; they are reported on their own.
  case refused

  public var name: Literal {
    switch self {
    case .rejected: "rejected"
    case .timedOut: "timed-out"
    case .replaced: "replaced"
    case .slowReader: "slow-reader"
    case .tooManyDevices: "too-many-devices"
    case .ended: "ended"
    case .refused: "refused"
    }
  }
}

/// The state of one device session.
struct DeviceSession {
  enum Phase: UInt8 { case free, open, closing }
  enum Link: UInt8 { case none, connecting, live }

  var phase = Phase.free
  /// Grows with every use of the slot, so that late answers never reach a stranger.
  var generation: UInt32 = 0
  var transport = Transport.tcp
  var source = PeerAddress()
  var reader = FrameReader()
  var device: DeviceIndex?
  /// Whether it has ever named a device, or is passed on.
  var isNamed = false
  /// The reader's `rebindingCount` that `device` belongs to.
  var rebindingCount = 0
  /// How much the present device is answered.
  var policy = ReplyPolicy.minimal
  /// Whether the present device has opened this session with a head.
  var hasHead = false
  /// The number of the transfer that is going on, for the answer to its last block.
  var transferNumber: UInt32 = 0
  var input = ByteQueue()
  var output = ByteQueue()
  var openedAt = Instant.never
  var lastByteAt = Instant.never
  var hasSpoken = false
  /// How much silence the unconsumed input has been shown to the reader with.
  var silence = Silence.none
  /// The reader can decide nothing with fewer bytes than this.
  var wantedByteCount = 0
  var isPaused = false
  /// Whether the device has finished sending; the session ends with its last answer.
  var hasEnded = false
  /// Answers of this session that wait at the gate.
  var gatedAnswerCount = 0
  /// Whether the device left so many answers unread that one had to be left out.
  var hasOverflowed = false
  /// The platform's side of an opaque session.
  var link = Link.none
  /// Bytes waiting for it.
  var linkOutput = ByteQueue()
  /// Whether reading waits for it.
  var isLinkFull = false
  /// Whether a `flush` effect is queued already.
  var isFlushQueued = false
}
