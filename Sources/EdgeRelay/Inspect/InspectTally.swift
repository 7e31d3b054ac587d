// What the inspector counted in one conversation.

import Detect

/// The things that are counted; the order is that of the output.
enum InspectCount: Int {
  case frames, badChecksum, lyingLength, foreignShape, renamings
  case skippedBytes, incompleteBytes, unknownBytes, gaps, missingBytes
  case same, sameButTime, differing, oursOnly, serverOnly
  case strayAnswers, commands, serverSkippedBytes

  /// How many there are.
  static let count = 18

  /// The key in JSON.
  var key: Literal {
    switch self {
    case .frames: "frames"
    case .badChecksum: "bad_checksum"
    case .lyingLength: "lying_length"
    case .foreignShape: "foreign_shape"
    case .renamings: "renamings"
    case .skippedBytes: "skipped"
    case .incompleteBytes: "incomplete_bytes"
    case .unknownBytes: "unknown_bytes"
    case .gaps: "gaps"
    case .missingBytes: "missing_bytes"
    case .same: "same"
    case .sameButTime: "same_but_time"
    case .differing: "differ"
    case .oursOnly: "ours_only"
    case .serverOnly: "server_only"
    case .strayAnswers: "stray"
    case .commands: "commands"
    case .serverSkippedBytes: "server_skipped"
    }
  }

  /// What people read behind the number.
  var words: Literal {
    switch self {
    case .frames: "frames"
    case .badChecksum: "with a wrong checksum"
    case .lyingLength: "with a lying length"
    case .foreignShape: "of a look-alike's shape"
    case .renamings: "that name another device"
    case .skippedBytes: "bytes skipped"
    case .incompleteBytes: "bytes incomplete"
    case .unknownBytes: "bytes unknown"
    case .gaps: "times bytes not captured"
    case .missingBytes: "bytes missing"
    case .same: "answered as by the server"
    case .sameButTime: "answered as by the server but for the time"
    case .differing: "answered otherwise than by the server"
    case .oursOnly: "answered by us only"
    case .serverOnly: "answered by the server only"
    case .strayAnswers: "answered by the server astray"
    case .commands: "commands"
    case .serverSkippedBytes: "bytes of the server skipped"
    }
  }
}

/// One number for each.
struct InspectTally {
  private var numbers = InlineArray<18, Int64>(repeating: 0)

  subscript(count: InspectCount) -> Int64 {
    get { numbers[count.rawValue] }
    set { numbers[count.rawValue] = newValue }
  }

  mutating func add(_ other: InspectTally) {
    for i in numbers.indices { numbers[i] += other.numbers[i] }
  }

  mutating func count(_ agreement: Agreement) {
    switch agreement {
    case .same: self[.same] += 1
    case .sameButTime: self[.sameButTime] += 1
    case .differs: self[.differing] += 1
    case .oursOnly: self[.oursOnly] += 1
    case .serverOnly: self[.serverOnly] += 1
    }
  }

  mutating func count(_ oddities: Oddities) {
    if oddities.contains(.badChecksum) { self[.badChecksum] += 1 }
    if oddities.contains(.lyingLength) { self[.lyingLength] += 1 }
    if oddities.contains(.foreignShape) { self[.foreignShape] += 1 }
  }
}
