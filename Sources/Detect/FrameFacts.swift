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
  public var letter: StaticString {
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

  public var letter: StaticString {
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

  public var name: StaticString {
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
  /// The protocol's own type code, with its frame variant where a code means two things.
  public var type: UInt16
  /// The frame's serial number; zero in families without one.
  public var serial: UInt16

  public init(type: UInt16, serial: UInt16) {
    self.type = type
    self.serial = serial
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

  public init(
    kind: FrameKind, answer: AnswerClass, replay: ReplayClass, key: AnswerKey,
    identity: DeviceIdentity? = nil
  ) {
    self.kind = kind
    self.answer = answer
    self.replay = replay
    self.key = key
    self.identity = identity
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
