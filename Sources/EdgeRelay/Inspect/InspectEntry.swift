// What the inspector says about one piece of a conversation.

import Detect

/// How a server's answer and ours compare.
enum Agreement {
  /// Byte for byte.
  case same
  /// They differ only where the answer depends on the time.
  case sameButTime
  case differs
  case oursOnly
  case serverOnly

  var name: Literal {
    switch self {
    case .same: "same"
    case .sameButTime: "same but for the time"
    case .differs: "differs"
    case .oursOnly: "ours only"
    case .serverOnly: "server only"
    }
  }
}

/// One line of the result.
struct InspectEntry {
  var offset: Int
  var length: Int
  var protocolID: ProtocolID?
  var confidence: Confidence?
  var kind: Literal
  var identity: DeviceIdentity?
  var answerClass: Literal?
  var replayClass: Literal?
  var answer: [UInt8]?
  /// What the server said to it, or said by itself.
  var server: ArraySlice<UInt8>?
  var agreement: Agreement?
  var isFromServer = false
  /// How bytes begin that nobody understands.
  var unknown: ArraySlice<UInt8>?
  var notes: [Text] = []
}
