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

  var name: StaticString {
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
  var kind: StaticString
  var identity: DeviceIdentity?
  var answerClass: StaticString?
  var replayClass: StaticString?
  var answer: Reply?
  /// What the server said to it, or said by itself.
  var server: ArraySlice<UInt8>?
  var agreement: Agreement?
  var isFromServer = false
  /// How bytes begin that nobody understands.
  var unknown: ArraySlice<UInt8>?
  var notes: [Text] = []
}

/// What the inspector counted in one conversation.
struct InspectTally {
  var frameCount = 0
  var skippedByteCount = 0
  var badChecksumCount = 0
  var lyingLengthCount = 0
  var foreignShapeCount = 0
  /// How often a frame named another device than the ones before.
  var renamingCount = 0
  /// Bytes at the end of a burst that are no whole frame.
  var incompleteByteCount = 0
  /// Bytes of streams that nobody understands.
  var unknownByteCount = 0
  /// Bytes that were not captured, and at how many places.
  var missingByteCount: Int64 = 0
  var gapCount = 0
  var sameCount = 0
  var sameButTimeCount = 0
  var differingCount = 0
  var oursOnlyCount = 0
  var serverOnlyCount = 0
  var commandCount = 0
  /// Answers of the server that fit no frame, or an answered one.
  var strayAnswerCount = 0
  /// Bytes of the server that are no frame of the protocol.
  var serverSkippedByteCount = 0

  mutating func count(_ agreement: Agreement) {
    switch agreement {
    case .same: sameCount += 1
    case .sameButTime: sameButTimeCount += 1
    case .differs: differingCount += 1
    case .oursOnly: oursOnlyCount += 1
    case .serverOnly: serverOnlyCount += 1
    }
  }

  /// Adds what concerns the answers of another conversation.
  mutating func add(_ other: InspectTally) {
    sameCount += other.sameCount
    sameButTimeCount += other.sameButTimeCount
    differingCount += other.differingCount
    oursOnlyCount += other.oursOnlyCount
    serverOnlyCount += other.serverOnlyCount
    commandCount += other.commandCount
    strayAnswerCount += other.strayAnswerCount
    serverSkippedByteCount += other.serverSkippedByteCount
  }

  mutating func count(_ oddities: Oddities) {
    if oddities.contains(.badChecksum) { badChecksumCount += 1 }
    if oddities.contains(.lyingLength) { lyingLengthCount += 1 }
    if oddities.contains(.foreignShape) { foreignShapeCount += 1 }
  }
}
