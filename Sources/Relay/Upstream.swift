// One device's session with the platform.
//
//   idle --wanted--> waiting --dial--> connecting --connected--> greeting --login answered--> live
//     ^                 ^------------------ closing <--lost, timed out---------------------------'
//     '-- nothing to deliver and the device offline
//
// The login opens every connection and is repeated before a frame that was received under another
// one. `inFlight` lists what was sent without proof, in order; an answer proves its own frame and
// everything sent before it on the same connection, because TCP keeps order.
//
// Proof for frames that no server answers: the login is sent again, and its answer proves what was
// sent before. A heartbeat would prove the same and would show a dead tracker as online. Where no
// login is known or none is answered, there is nothing to ask with. Then, when the device has gone, the
// relay ends its direction of the connection, and the platform's orderly end proves that it has read
// everything. While the device is there, and where that is not to be had, the proof is weaker: the peer's
// kernel was seen to have every byte, and the connection has been well for
// `RelayLimits.healthyInterval` since.
//
// Some servers answer everything like a login: `answersLikeLogin`, where every answer proves one more of
// the first `sentCount` things. Until a connection is known not to be such a one's (`isProbeTrusted`), an
// answer like a login's with something in front of it waits in `alikeAnswerCount`.
// Source: design document, section 7; device-families document, sections 2.3 and 3.6.

import Detect
import Queue

/// Something sent upstream whose delivery is not proven.
struct InFlight {
  enum Kind: UInt8 {
    case login, stored
    /// Stored but not sent, because it was worthless by then; settled with what was sent before it.
    case expired
    /// Sent without the suspect before it; its proof lets that one follow.
    case neighbour
    /// The frame that sessions break over, behind a proven one.
    case suspect
  }

  var kind: Kind
  /// Whether servers owe it an answer.
  var isRequired: Bool
  var key: AnswerKey
  var sequence: SequenceNumber
  /// Where it is stored, for moving the cursor.
  var place: LogPosition
  /// Its answer's place at the gate, or `Gate.none`.
  var ticket: UInt32
  var sentAt: Instant
  /// When the frame came, as far as is known.
  var storedAt: Instant

  /// Whether a well-behaved server answers this as it has answered a login with an answer of this type.
  func isAlike(_ type: UInt16) -> Bool { kind != .expired && key.type == type }
}

/// Why a session with the platform ended or did not begin.
public enum UpstreamLoss: UInt8, Sendable {
  case unreachable
  case closedByPeer
  /// No answer came, or no acknowledgement.
  case silent
  /// The login was not answered: most likely the platform does not know the device.
  case unknownDevice
  case floods

  public var name: Literal {
    switch self {
    case .unreachable: "unreachable"
    case .closedByPeer: "closed-by-platform"
    case .silent: "no-answer"
    case .unknownDevice: "login-not-answered"
    case .floods: "endless-frame"
    }
  }
}

/// The state of one device's upstream session.
struct Upstream {
  enum Phase: UInt8 { case idle, waiting, connecting, greeting, live, closing }

  var phase = Phase.idle
  /// The device's present session.
  var session: SessionSlot?
  var protocolID = ProtocolID.gt06
  var input = ByteQueue()
  var output = ByteQueue()
  var inFlight: [InFlight] = []
  /// The logins among them.
  var loginCountInFlight = 0
  /// The login the platform knows this connection by.
  var sentLogin: [UInt8] = []
  var isFlushQueued = false
  var failedAttemptCount = 0
  /// When the next attempt may start; meaningful while waiting.
  var retryAt = Instant.never
  /// Whether `retryAt` is a place in the ramp of all devices.
  var hasDialSlot = false
  /// Whether this platform was seen to answer frames it does not owe an answer.
  var answersOptional = false
  /// Whether this platform has answered the login in a way that is none of a login's.
  var answersLoginsOddly = false
  /// Whether this platform was seen to answer other frames as if they were logins.
  var answersLikeLogin = false
  /// Whether a repeated login was answered on this connection, and nothing like it followed for a while.
  var isProbeTrusted = false
  /// Answers like a login's that may be those to what is in flight, what they repeat of it, and when the
  /// last of them came; `never` without.
  var alikeAnswerCount = 0
  var alikeType: UInt16 = 0
  var alikeAnsweredAt = Instant.never
  /// Frames and logins sent on this connection, and answers that came, no more than those.
  var sentCount = 0
  var answerCount = 0
  /// Whether servers owe `sentLogin` an answer; without one it cannot prove anything.
  var isLoginAnswered = false
  /// When the edge was last asked in vain how much of the output the peer has acknowledged, or is asked now.
  var measuredAt = Instant.never
  /// How much of what was sent the peer is known to have acknowledged, and since when; `never` without.
  var acknowledgedCount = 0
  var acknowledgedSince = Instant.never
  /// When the edge is to be asked whether the peer's kernel has what is held; `never` without need.
  var holdCheckAt = Instant.never
  /// When the relay ended its direction of the connection; `never` while it may still send.
  var endedAt = Instant.never
  /// Whether the platform met such an end with anything but its own: then it proves nothing here.
  var refusesEnd = false
  /// Milliseconds that answers take, on average of the last few.
  var answerDelay = 0
  /// When a session was lost last, and what nobody had then.
  var brokeAt = Instant.never
  var fault = SharedFault.none
  /// What the platform's answer to the login repeats of it.
  var loginType: UInt16 = 0
  /// The frame that sessions of this device keep breaking over, if they do.
  var suspicion = Suspicion()
  /// When the present phase began.
  var phaseAt = Instant.never
  var lastByteAt = Instant.never

  // What is asked for every frame is asked in place, as if it changed something: a value would be copied for
  // the question, with all its references counted.

  /// How long a connection must stay well behind an entry in flight that nobody answers.
  var healthyInterval: Int {
    mutating get {
      hasRoom || endedAt != .never
        ? RelayLimits.healthyInterval : RelayLimits.healthyIntervalFull
    }
  }

  var hasRoom: Bool {
    mutating get {
      if endedAt != .never { return false }
      if suspicion.measure != .none { return inFlight.isEmpty && output.isEmpty }
      return inFlight.count < RelayLimits.windowCountMax
        && output.count < RelayLimits.upstreamOutputBytesMax
    }
  }

  /// Whether frames may be sent as they come, without the sweep.
  var takesLiveFrames: Bool {
    mutating get { phase == .live && hasRoom && suspicion.measure == .none }
  }

  /// When a login in flight has waited too long for its answer.
  var answerDeadline: Instant {
    mutating get {
      if loginCountInFlight == 0 { return .never }
      for entry in inFlight where entry.kind == .login {
        return max(entry.sentAt, lastByteAt == .never ? entry.sentAt : lastByteAt)
          .advanced(by: RelayLimits.answerTimeout)
      }
      return .never
    }
  }

  /// Whether frames sent now are likely to be proven within `hold` milliseconds.
  mutating func isPrompt(within hold: Int, _ now: Instant) -> Bool {
    if answerDelay > hold / 2 { return false }
    if brokeAt != .never, brokeAt.advanced(by: RelayLimits.holdPause) > now { return false }
    for entry in inFlight where entry.isRequired {
      // Answered, though it is not believed yet.
      if alikeAnswerCount > 0, entry.isAlike(alikeType) { continue }
      return entry.sentAt.advanced(by: hold) > now
    }
    return true
  }

  /// Takes the time that an answer took into the average.
  mutating func noteAnswer(after milliseconds: Int64) {
    answerDelay += (Int(min(milliseconds, 60_000)) - answerDelay) / 4
  }

  /// Whether an answer may still come that proves something in flight.
  var awaitsAnswer: Bool {
    mutating get {
      if answersOptional { return !inFlight.isEmpty }
      for entry in inFlight where entry.isRequired { return true }
      return false
    }
  }

  /// The entry in flight that the last of `alikeAnswerCount` answers is for, `nil` when there are fewer.
  var alikePlace: Int? {
    mutating get {
      var count = 0
      for k in inFlight.indices where inFlight[k].isAlike(alikeType) {
        count += 1
        if count == alikeAnswerCount { return k }
      }
      return nil
    }
  }

  /// The last entry in flight that is among the first `count` things sent on this connection.
  mutating func lastPlace(amongFirst count: Int) -> Int? {
    var sentBefore = sentCount
    for entry in inFlight where entry.kind != .expired { sentBefore -= 1 }
    var place: Int?
    for k in inFlight.indices where inFlight[k].kind != .expired {
      sentBefore += 1
      if sentBefore > count { break }
      place = k
    }
    return place
  }
}
