// What the relay must know about a frame, and no more: it decodes no positions.
// The classes are those of the device-families document, section 2.1.

/// What becomes of a frame's answer.
public enum AnswerClass: UInt8, Sendable {
  /// R: the device stalls, resends or reconnects without it.
  case required
  /// O: some servers answer; devices normally ignore it.
  case optional
  /// N: must not be answered.
  case never
  /// L: the answer carries data the relay has itself, the time.
  case local
  /// U: the answer carries data only the upstream has.
  case upstream

  /// The letter used in documentation and by `inspect`.
  public var letter: Literal {
    switch self {
    case .required: "R"
    case .optional: "O"
    case .never: "N"
    case .local: "L"
    case .upstream: "U"
    }
  }
}

/// What becomes of a frame when it cannot be delivered now.
public enum ReplayClass: UInt8, Sendable {
  /// F: keeps its meaning; it is stored and delivered any time later.
  case forward
  /// H: opens a session; kept with the device and repeated at every reconnection.
  case head
  /// X: worthless or misleading when late; dropped after `expiry`.
  case expires
  /// B: a block of a transfer; in order, all or nothing.
  case block

  public var letter: Literal {
    switch self {
    case .forward: "F"
    case .head: "H"
    case .expires: "X"
    case .block: "B"
    }
  }
}

/// The rough meaning of a frame, for people; nothing in the relay depends on it but `login`.
public enum FrameKind: UInt8, Sendable {
  case login, heartbeat, position, alarm, status, timeRequest, addressRequest, commandReply
  case information, media, text, unknown

  public var name: Literal {
    switch self {
    case .login: "login"
    case .heartbeat: "heartbeat"
    case .position: "position"
    case .alarm: "alarm"
    case .status: "status"
    case .timeRequest: "time-request"
    case .addressRequest: "address-request"
    case .commandReply: "command-reply"
    case .information: "information"
    case .media: "media"
    case .text: "text"
    case .unknown: "unknown"
    }
  }
}

/// What a server's answer repeats of the frame it answers, for matching the two.
public struct AnswerKey: Equatable, Sendable {
  /// The protocol's own type code, with its frame variant where a code means two things. Text
  /// families choose a number for each command.
  public var type: UInt16
  /// The frame's serial number; zero in families without one.
  public var serial: UInt16

  public init(type: UInt16, serial: UInt16) {
    self.type = type
    self.serial = serial
  }
}

/// How much a frame's identity is worth.
public enum Naming: UInt8, Sendable {
  /// The frame names its sender: the session belongs to that device from here on.
  case certain
  /// The field may be a running number, or was never set: it names a session that has no name yet, and
  /// no other.
  case provisional
}

/// Whether a frame can open a session with a server.
///
/// A frame of class H always does, is kept with the device and is stored nowhere else. A frame of
/// another class opens the session when it is the first of it that claims to: class X is then kept
/// with the device instead of stored, classes F and B are kept and stored.
public enum HeadClaim: UInt8, Sendable, Comparable {
  case none
  /// Opens a session when nothing stronger is known: it refers to an earlier registration.
  case renewal
  case login

  public static func < (a: HeadClaim, b: HeadClaim) -> Bool { a.rawValue < b.rawValue }
}

/// What an answer may need beside the frame.
public struct AnswerContext: Sendable {
  /// UTC, or `nil` while the wall clock is not believable; answers that carry it are then withheld.
  public var time: CalendarTime?
  /// The `transferNumber` of the session's latest frame that had one, or zero.
  public var transferNumber: UInt32

  public init(time: CalendarTime?, transferNumber: UInt32 = 0) {
    self.time = time
    self.transferNumber = transferNumber
  }
}

/// What a row says about one whole frame of a device.
public struct FrameFacts: Sendable {
  public var kind: FrameKind
  public var answer: AnswerClass
  public var replay: ReplayClass
  public var key: AnswerKey
  /// Who sent it, when the frame itself says so and names somebody.
  public var identity: DeviceIdentity?
  /// What `identity` is worth.
  public var naming: Naming
  /// Whether and how strongly the frame claims to open a session. Class H always does.
  public var head: HeadClaim
  /// The number under which a server confirms the transfer that this frame begins, or zero.
  public var transferNumber: UInt32

  public init(
    kind: FrameKind, answer: AnswerClass, replay: ReplayClass, key: AnswerKey,
    identity: DeviceIdentity? = nil, naming: Naming = .certain, head: HeadClaim = .none,
    transferNumber: UInt32 = 0
  ) {
    self.kind = kind
    self.answer = answer
    self.replay = replay
    self.key = key
    self.identity = identity
    self.naming = naming
    self.head = replay == .head && head == .none ? .login : head
    self.transferNumber = transferNumber
  }

  /// Facts of a family whose answers repeat no serial number.
  init(
    _ kind: FrameKind, _ answer: AnswerClass, _ replay: ReplayClass, type: UInt16,
    head: HeadClaim = .none
  ) {
    self.init(
      kind: kind, answer: answer, replay: replay, key: AnswerKey(type: type, serial: 0), head: head)
  }

  /// Whether this frame is answered under `policy`.
  public func isAnswered(under policy: ReplyPolicy) -> Bool {
    switch answer {
    case .required, .local: true
    case .optional: policy == .generous
    case .never, .upstream: false
    }
  }
}

/// How much is answered. Servers differ, and so do the devices that grew up with them.
public enum ReplyPolicy: UInt8, Sendable {
  /// Only what the protocol owes (R and L).
  case minimal
  /// Also what is optional (O), as widely used servers do.
  case generous
}

/// What a frame from the upstream is.
public enum DownlinkMeaning: Equatable, Sendable {
  /// The upstream's answer to a frame the relay has answered already: not passed on.
  case answer(AnswerKey)
  /// Everything else: goes to the device, whole.
  case command
}
