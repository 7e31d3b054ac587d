// The golden cases of the detection tests as what must happen over real sockets.
//
// A case is read from Tests/DetectTests/Corpus; its format is described in DetectTests/GoldenCase.swift.
// Of each frame the relay is to hand up what is kept (replay classes F and B), and what expires
// (X) when the platform is there; it is to answer what the case says. Nothing is answered or handed
// up before a login that names a device; a case without one gets a login in front.

import Foundation

@testable import EdgeRelay

/// One golden case of a device.
struct CorpusCase: Sendable {
  /// A run of bytes: a frame, or bytes that are skipped or left unread.
  struct Piece: Sendable {
    var bytes: [UInt8]
    var isFrame = false
    var isUnread = false
    var family = ""
    var kind = ""
    var answerClass = ""
    var replayClass = ""
    var identity: String?
    /// The answer under the minimal policy; empty when none is owed.
    var answer: [UInt8] = []
    /// What it may be answered when the platform is away.
    var neutralAnswer: [UInt8] = []

    var isNamingLogin: Bool { kind == "login" && identity != nil }

    /// Whether the relay keeps it until the platform has it.
    var isKept: Bool { replayClass == "F" || replayClass == "B" }
  }

  var file: String
  var sentence: String
  var marks: [String] = []
  var pieces: [Piece] = []

  /// The pieces from the first login that names a device on; empty when there is none.
  var spokenPieces: ArraySlice<Piece> {
    guard let start = pieces.firstIndex(where: \.isNamingLogin) else { return [] }
    return pieces[start...].filter(\.isFrame)[...]
  }

  /// Whether more bytes may follow on the same connection without changing what was before.
  var mayGoOn: Bool {
    !spokenPieces.isEmpty && !marks.contains("alone") && !marks.contains("last")
      && !pieces.contains { $0.isUnread }
  }

  // MARK: Reading

  /// Every device case of a family.
  static func all(_ family: String) throws -> [CorpusCase] {
    let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../DetectTests/Corpus/\(family).txt")
    let text = try String(contentsOf: url, encoding: .utf8)
    return try text.components(separatedBy: "\n\n").compactMap { paragraph in
      let lines = paragraph.split(separator: "\n").map(String.init)
      guard let sentence = lines.first, !sentence.hasPrefix("#") else { return nil }
      guard !lines.contains(where: { $0.hasPrefix("v ") }) else { return nil }
      var parsed = CorpusCase(file: family, sentence: sentence)
      for line in lines.dropFirst() { try parsed.take(line) }
      return parsed.withLogin()
    }
  }

  private mutating func take(_ line: String) throws {
    let words = line.split(separator: " ").map(String.init)
    guard words.count >= 2 else { throw Trouble("\(file).txt: unreadable line \(line)") }
    switch words[0] {
    case "@": marks += words.dropFirst()
    case "<": pieces.append(Piece(bytes: try Self.bytes(words[1]), isFrame: true))
    case "~": pieces.append(Piece(bytes: try Self.bytes(words[1])))
    case "?": pieces.append(Piece(bytes: try Self.bytes(words[1]), isUnread: true))
    case "=" where words.count >= 6 && !pieces.isEmpty:
      pieces[pieces.count - 1].family = words[1]
      pieces[pieces.count - 1].kind = words[3]
      pieces[pieces.count - 1].answerClass = words[4]
      pieces[pieces.count - 1].replayClass = words[5]
      if words.count > 6 { pieces[pieces.count - 1].identity = words[6] }
    case ">" where !pieces.isEmpty:
      pieces[pieces.count - 1].answer = try Self.bytes(words[1])
    case "n" where !pieces.isEmpty:
      pieces[pieces.count - 1].neutralAnswer = try Self.bytes(words[1])
    default: break
    }
  }

  /// The case with a login of its family in front when it has none there and allows it.
  private func withLogin() -> CorpusCase {
    guard let first = pieces.first(where: \.isFrame), !first.isNamingLogin else { return self }
    guard !marks.contains("first"), !marks.contains("alone") else { return self }
    var login = Piece(bytes: [], isFrame: true)
    login.family = file
    login.kind = "login"
    login.answerClass = "R"
    login.replayClass = "H"
    login.identity = "123456789012345"
    let imei = WireBytes.packed(Array("123456789012345".utf8))
    if file == "topin" {
      login.bytes = [0x78, 0x78, 0x0A, 0x01] + imei + [0x01, 0x0D, 0x0A]
      login.answer = [0x78, 0x78, 0x01, 0x01, 0x0D, 0x0A]
    } else {
      login.bytes = GT06Wire.frame(GT06Wire.login, imei, serial: 1)
      login.answer = GT06Wire.answer(to: GT06Wire.login, serial: 1)
    }
    var result = self
    result.pieces.insert(login, at: 0)
    return result
  }

  private static func bytes(_ hex: String) throws -> [UInt8] {
    let digits = hex.compactMap(\.hexDigitValue)
    guard digits.count == hex.count, digits.count % 2 == 0 else { throw Trouble("no hex: \(hex)") }
    return stride(from: 0, to: digits.count, by: 2).map {
      UInt8(digits[$0] << 4 | digits[$0 + 1])
    }
  }
}

extension [UInt8] {
  var hex: String { map { String(format: "%02X", $0) }.joined() }
}
