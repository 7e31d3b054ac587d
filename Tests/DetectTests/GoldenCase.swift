// One case of a golden file, and the reader of those files.
//
// A file of `Corpus/` is named after a protocol. Its cases are separated by blank lines; a group of
// `#` lines is a comment. A case is a sentence, then lines of a mark, a space and a value:
//
//   source:  where it comes from: document section and vector, "capture", or "built from the rule"
//   @        how it may be combined: `first` nothing may come before it, `last` nothing behind it,
//            `alone` neither, `no-pause` a pause inside a frame would be taken for its end,
//            `silence` a frame of it ends with a silence only
//   <  HEX   one frame of the device
//   ~  HEX   bytes of the device (or server) that are skipped as padding or garbage
//   ?  HEX   bytes at the end that stay unread
//   v  HEX   one frame of the server
//   =        behind `<`: protocol, confidence after the frame, kind, answer class, replay class and
//            the identity when the frame names one. Behind `v`: `answer TYPE SERIAL` or `command`
//   !        what is unusual about the frame above: bad-checksum, lying-length, foreign-shape
//   >  HEX   the answer owed to the frame above under the minimal policy
//   >> HEX   the answer under the generous policy, where the minimal one owes none
//   n  HEX   the neutral answer to the frame above, for when the upstream is away
//   s  HEX   what a widely used open-source server answered to the bytes since the last `s`, or `-`
//
// Where HEX stands, text in quotes may stand as well, with \r, \n, \", \\ and \xNN.
//
// The stream of a case is all `<`, `~` and `?` bytes in order, the server's all `v` and `~` bytes.
// A case holds either the one or the other. The clock stands at 2024-03-02 12:00:00 UTC.

import Detect
import Foundation
import Testing

typealias Bytes = [UInt8]

struct GoldenCase: Sendable, CustomTestStringConvertible {
  enum Piece: Sendable {
    case frame(Bytes)
    case skipped(Bytes)
    case waiting(Bytes)
    case down(Bytes, meaning: String)
  }

  /// What the server answered to the bytes of pieces up to `frameCount` frames.
  struct ServerReply: Sendable {
    let frameIndex: Int
    let bytes: Bytes
  }

  let fileName: String
  let sentence: String
  var source = ""
  var marks: [String] = []
  var pieces: [Piece] = []
  /// What is expected of the `<` pieces, in order.
  var frames: [SeenFrame] = []
  var serverReplies: [ServerReply] = []

  var testDescription: String { sentence }

  var isDownlink: Bool {
    pieces.contains { if case .down = $0 { true } else { false } }
  }

  var stream: Bytes { pieces.flatMap(\.bytes) }

  var pieceBytes: [Bytes] { pieces.map(\.bytes) }

  /// Whether only a silence ends one of its frames.
  var endsBySilence: Bool { marks.contains("silence") }

  var hasLyingLength: Bool { frames.contains { $0.oddities.contains(.lyingLength) } }

  var hasOnlyFrames: Bool {
    pieces.allSatisfy { if case .frame = $0 { true } else { false } }
  }

  /// Whether `next` may follow on the same connection and still mean the same.
  func mayPrecede(_ next: GoldenCase) -> Bool {
    guard !marks.contains("alone"), !marks.contains("last"), !endsBySilence else { return false }
    guard !next.marks.contains("alone"), !next.marks.contains("first") else { return false }
    return next.frames.allSatisfy { $0.protocolName == frames.last?.protocolName }
  }
}

extension GoldenCase.Piece {
  var bytes: Bytes {
    switch self {
    case .frame(let bytes), .skipped(let bytes), .waiting(let bytes), .down(let bytes, _): bytes
    }
  }
}

/// All golden files, read once.
enum Corpus {
  static let all: [GoldenCase] = ProtocolID.allCases.flatMap { read("\($0.row.name)") }
  static let uplink = all.filter { !$0.isDownlink }
  static let downlink = all.filter(\.isDownlink)

  static func of(_ fileName: String) -> [GoldenCase] { all.filter { $0.fileName == fileName } }

  private static func read(_ fileName: String) -> [GoldenCase] {
    let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Corpus/\(fileName).txt")
    guard let text = try? String(contentsOf: url, encoding: .utf8) else {
      Issue.record("no golden file for \(fileName)")
      return []
    }
    return text.components(separatedBy: "\n\n").compactMap { paragraph in
      let lines = paragraph.split(separator: "\n").map(String.init)
      guard let first = lines.first, !first.hasPrefix("#") else { return nil }
      var parsed = GoldenCase(fileName: fileName, sentence: first)
      for line in lines.dropFirst() where !parsed.take(line) {
        Issue.record("\(fileName): \(first) has the unreadable line: \(line)")
      }
      return parsed
    }
  }
}

extension GoldenCase {
  /// Reads one line behind the sentence; `false` when it makes no sense.
  fileprivate mutating func take(_ line: String) -> Bool {
    let words = line.split(separator: " ").map(String.init)
    guard words.count >= 2 else { return false }
    let value = words[1]
    switch words[0] {
    case "source:":
      source = words.dropFirst().joined(separator: " ")
      return true
    case "@":
      marks += words.dropFirst()
      return ["alone", "first", "last", "no-pause", "silence"].contains(value)
    case "=": return takeExpectation(Array(words.dropFirst()))
    case "!": return takeOddities(Array(words.dropFirst()))
    case "s":
      guard let bytes = value == "-" ? [] : Bytes(golden: line), !frames.isEmpty else {
        return false
      }
      serverReplies.append(ServerReply(frameIndex: frames.count - 1, bytes: bytes))
      return true
    default: break
    }
    guard let bytes = Bytes(golden: line) else { return false }
    switch words[0] {
    case "<": pieces.append(.frame(bytes))
    case "~": pieces.append(.skipped(bytes))
    case "?": pieces.append(.waiting(bytes))
    case "v": pieces.append(.down(bytes, meaning: ""))
    case ">" where !frames.isEmpty:
      frames[frames.count - 1].minimalAnswer = bytes
      frames[frames.count - 1].generousAnswer = bytes
    case ">>" where !frames.isEmpty: frames[frames.count - 1].generousAnswer = bytes
    case "n" where !frames.isEmpty: frames[frames.count - 1].neutralAnswer = bytes
    default: return false
    }
    return true
  }

  private mutating func takeExpectation(_ words: [String]) -> Bool {
    switch pieces.last {
    case .frame(let bytes):
      guard words.count == 5 || words.count == 6 else { return false }
      frames.append(
        SeenFrame(
          bytes: bytes, protocolName: words[0], confidence: words[1], kind: words[2],
          answerClass: words[3], replayClass: words[4],
          identity: words.count == 6 ? words[5] : nil))
      return true
    case .down(let bytes, _):
      pieces[pieces.count - 1] = .down(bytes, meaning: words.joined(separator: " "))
      return true
    case .skipped, .waiting, nil:
      return false
    }
  }

  private mutating func takeOddities(_ words: [String]) -> Bool {
    guard !frames.isEmpty else { return false }
    for word in words {
      guard let oddity = oddityNames.first(where: { $0.name == word })?.oddity else { return false }
      frames[frames.count - 1].oddities.insert(oddity)
    }
    return true
  }
}

let oddityNames: [(name: String, oddity: Oddities)] = [
  ("bad-checksum", .badChecksum), ("lying-length", .lyingLength), ("foreign-shape", .foreignShape),
]

extension Bytes {
  /// Reads what stands behind the mark of a golden line: hexadecimal digits, or text in quotes.
  fileprivate init?(golden line: String) {
    guard let blank = line.firstIndex(of: " ") else { return nil }
    let value = line[line.index(after: blank)...]
    guard value.hasPrefix("\"") else {
      self.init(hex: String(value))
      return
    }
    guard value.count >= 2, value.hasSuffix("\"") else { return nil }
    var bytes: Bytes = []
    var rest = value.dropFirst().dropLast()
    while let character = rest.popFirst() {
      guard character == "\\" else {
        bytes += Array(character.utf8)
        continue
      }
      switch rest.popFirst() {
      case "r": bytes.append(0x0D)
      case "n": bytes.append(0x0A)
      case "\"": bytes.append(0x22)
      case "\\": bytes.append(0x5C)
      case "x":
        guard let byte = UInt8(rest.prefix(2), radix: 16) else { return nil }
        bytes.append(byte)
        rest = rest.dropFirst(2)
      default: return nil
      }
    }
    self = bytes
  }

  /// Reads pairs of hexadecimal digits; `nil` when there is anything else.
  init?(hex: String) {
    let digits = hex.utf8.map { Character(UnicodeScalar($0)).hexDigitValue }
    guard digits.count % 2 == 0, !digits.contains(nil) else { return nil }
    self = stride(from: 0, to: digits.count, by: 2).map {
      UInt8((digits[$0] ?? 0) << 4 | (digits[$0 + 1] ?? 0))
    }
  }

  var hex: String {
    let digits = [Character]("0123456789ABCDEF")
    return map { "\(digits[Int($0 >> 4)])\(digits[Int($0 & 0x0F)])" }.joined()
  }
}
