// Our answers to the captures, beside those of one widely used open-source tracking server.
//
// The server's answers are not the specification. Where the class of a frame owes an answer, ours
// equals the server's or the frame stands in the table below with the reason.

import Testing

@testable import Detect

@Suite("Captured server replies")
struct ServerReplyTests {
  private struct Difference {
    /// The sentence of the golden case, and which of its frames.
    let sentence: String
    let frameIndex: Int
    let reason: String

    init(_ sentence: String, frame frameIndex: Int, _ reason: String) {
      self.sentence = sentence
      self.frameIndex = frameIndex
      self.reason = reason
    }
  }

  private static let textLine = "The server took the text line in front for a frame."
  private static let topinLogin =
    "The server copies the request's length, adds a byte, and sends the time unasked."

  private static let ownCode =
    "The code of an authentication is the server's to choose; the relay gives its own."

  /// Where an answer is owed and ours is another.
  private static let owedDifferences = [
    Difference(
      "Capture 12: alarm.", frame: 0, "The server does not answer BO01; the specification does."),
    Difference(
      "Capture 12: information.", frame: 0,
      "The terminal number holds 7D, which this unit does not escape; the server drops it."),
    Difference("Capture 27: login.", frame: 0, ownCode),
    Difference("Capture 28: login.", frame: 0, ownCode),
    Difference("A cell alarm behind a text line.", frame: 1, textLine),
    Difference("A login behind a text line after two logins.", frame: 2, textLine),
    Difference(
      "A time request behind a text line after two logins.", frame: 2,
      textLine + " It also does not echo the serial of the request."),
    Difference("A time request after the login.", frame: 0, topinLogin),
    Difference("An SOS after the login.", frame: 0, topinLogin),
    Difference(wideCells, frame: 0, topinLogin),
    Difference(
      wideCells, frame: 1, "The server copies the request's length where the document has 00."),
  ]

  private static let wideCells =
    "A Wi-Fi frame of type 18 whose cells are wider than documented ends at its stop bytes."
  private static let silent = "The server does not answer it; the document makes it optional."

  /// Where nothing is owed and the generous policy answers something else.
  private static let optionalDifferences = [
    Difference(
      "Capture 18: position, then position, then position.", frame: 2,
      "The server was waiting for another device's answer on this connection."),
    Difference(
      "Capture 20: position.", frame: 0, "The server writes HQ, the relay the device's own letters."
    ),
    Difference("An engine data frame 66 behind a text line.", frame: 1, textLine),
    Difference(
      "A position with cell behind a text line after two logins.", frame: 2, textLine),
    Difference(
      "A position with cell behind a text line after two logins, second example.", frame: 2,
      textLine),
    Difference("A long position 38.", frame: 1, silent),
    Difference("A cell position 24.", frame: 1, silent),
    Difference("An engine data frame 8C.", frame: 1, silent),
    Difference("A Wi-Fi position F3.", frame: 1, silent),
    Difference("A position 34 after two logins.", frame: 2, silent),
  ]

  private struct Captured {
    let golden: GoldenCase
    let frameIndex: Int
    let frame: SeenFrame
    let reply: Bytes

    func isListed(in differences: [Difference]) -> Bool {
      differences.contains { $0.sentence == golden.sentence && $0.frameIndex == frameIndex }
    }

    func description(ours: Bytes?) -> String {
      "\(golden.sentence) \(frame.bytes.hex) ours \(ours?.hex ?? "-") theirs \(reply.hex)"
    }
  }

  /// Every captured frame that ends a burst the server was shown, with the server's reply.
  private static let captured: [Captured] = Corpus.uplink.flatMap { golden in
    let frames = see(golden.stream).frames
    return golden.serverReplies.filter { frames.indices.contains($0.frameIndex) }.map {
      Captured(
        golden: golden, frameIndex: $0.frameIndex, frame: frames[$0.frameIndex], reply: $0.bytes)
    }
  }

  @Test("An answer we owe equals the server's, or the difference is listed with its reason")
  func owedAnswers() {
    #expect(Self.captured.count == Corpus.uplink.reduce(0) { $0 + $1.serverReplies.count })
    #expect(Self.captured.count > 150)
    for capture in Self.captured where "RL".contains(capture.frame.answerClass) {
      let ours = capture.frame.minimalAnswer
      let isListed = capture.isListed(in: Self.owedDifferences)
      #expect((ours == capture.reply) != isListed, "\(capture.description(ours: ours))")
    }
  }

  @Test("An optional answer equals the server's, or the difference is listed with its reason")
  func optionalAnswers() {
    for capture in Self.captured where capture.frame.answerClass == "O" {
      let ours = capture.frame.generousAnswer
      let isListed = capture.isListed(in: Self.optionalDifferences)
      #expect((ours == capture.reply) != isListed, "\(capture.description(ours: ours))")
    }
  }

  @Test("Every listed difference is about a captured frame")
  func nothingStale() {
    for difference in Self.owedDifferences + Self.optionalDifferences {
      let isCaptured = Self.captured.contains { $0.isListed(in: [difference]) }
      #expect(isCaptured, "\(difference.sentence): \(difference.reason)")
    }
  }

  @Test("What is not owed is not answered under the minimal policy")
  func nothingOwed() {
    for capture in Self.captured where !"RL".contains(capture.frame.answerClass) {
      let ours = capture.frame.minimalAnswer
      #expect(ours == nil, "\(capture.description(ours: ours))")
    }
  }

  @Test("What the server answered is not passed on as a command, but for what only it can say")
  func repliesAreSwallowed() throws {
    for capture in Self.captured where !capture.reply.isEmpty {
      let id = try #require(
        ProtocolID.allCases.first { "\($0.row.name)" == capture.frame.protocolName })
      let seen = seeDownlink([capture.reply], id.row)
      #expect(seen.unread.isEmpty, "\(capture.description(ours: nil))")
      for down in seen.frames {
        // The pull of a photo block has content; no type 08 is answered by the document.
        let isGT06 = id == .gt06 && down.bytes.count > 3
        let isPull = isGT06 && down.bytes[3] == 0x36 && down.bytes.count > 10
        // What clears an alarm repeats nothing of it; it is a command that is repeated for certain.
        let isClearing = id == .coban && down.bytes.starts(with: Bytes("**,".utf8))
        // A text is answered with data that only the server has.
        let isText = id == .jt808 && down.bytes.first == 0x28
        let isCommand = isPull || isClearing || isText || isGT06 && down.bytes[3] == 0x08
        #expect((down.meaning == "command") == isCommand, "\(capture.golden.sentence) \(down)")
      }
    }
  }
}
