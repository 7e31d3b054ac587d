// docs/PROTOCOLS.md is made of the rows and of the golden frames, and must be current.
//
// To write it anew: EDGERELAY_WRITE_MANUAL=1 swift test --filter ProtocolManual

import Foundation
import Testing

@testable import Detect

@Suite("The manual of protocols")
struct ProtocolManualTests {
  private static let path = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("docs/PROTOCOLS.md")

  @Test("It says what the rows say")
  func isCurrent() throws {
    let manual = Self.manual()
    if ProcessInfo.processInfo.environment["EDGERELAY_WRITE_MANUAL"] != nil {
      try manual.write(to: Self.path, atomically: true, encoding: .utf8)
    }
    let written = try String(contentsOf: Self.path, encoding: .utf8)
    let isCurrent = written == manual
    #expect(
      isCurrent,
      "docs/PROTOCOLS.md is out of date: EDGERELAY_WRITE_MANUAL=1 swift test --filter ProtocolManual"
    )
  }

  // MARK: Writing

  private static func manual() -> String {
    var lines = [
      "# Protocols",
      "",
      "What EdgeRelay speaks with devices, made of the rows in `Sources/Detect/Protocols` and of the frames in",
      "`Tests/DetectTests/Corpus`; do not edit it by hand (`Tests/DetectTests/ProtocolManualTests.swift` writes it).",
      "",
      "Answer: **R** owed, the device waits or repeats without it; **O** optional, given under the policy",
      "`generous`; **N** never; **L** owed, with the time; **U** only the platform can answer.",
      "Replay: **F** kept and delivered any time later; **H** opens a session and is repeated at every",
      "reconnection; **X** worthless after a minute; **B** block of a transfer, in order.",
      "Answers to frames of replay F and B are given when the frame is safe on disk or delivered.",
      "",
      "| name | protocol | sold as | answered by default | needs a login |",
      "|---|---|---|---|---|",
    ]
    for rank in 0..<ProtocolID.count {
      let row = ProtocolID.ranked(rank).row
      lines.append(
        "| [\(row.name)](#\(row.name)) | \(row.notes().title) | \(row.notes().soldAs) "
          + "| \(row.defaultPolicy) | \(row.head == .required ? "yes" : "no") |")
    }
    for rank in 0..<ProtocolID.count { lines += section(ProtocolID.ranked(rank)) }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func section(_ id: ProtocolID) -> [String] {
    let row = id.row
    var lines = [
      "", "## \(row.name)", "", "\(row.notes().title). Sold as \(row.notes().soldAs).", "",
      "- Begins with: `\(row.notes().start)`", "- Identity: \(row.notes().identity)",
      "- Transports: \(row.notes().transports)",
      "- Longest frame: \(row.frameBytesMax) bytes", "- Limits: \(row.notes().limits)", "",
      "| frame | kind | answer | replay | example of the answer |", "|---|---|---|---|---|",
    ]
    var seen = Set<String>()
    for golden in Corpus.of("\(row.name)") {
      for frame in golden.frames where frame.protocolName == "\(row.name)" {
        let bytes = frame.bytes
        let facts = row.facts(bytes.span)
        let letters = "\(facts.kind.name) | \(facts.answer.letter) | \(facts.replay.letter)"
        guard seen.insert("\(facts.key.type) \(letters)").inserted else { continue }
        let answer = row.answerBytes(bytes, under: .generous).map { shown($0, atMost: 40) } ?? ""
        lines.append("| \(shown(bytes, atMost: 24)) | \(letters) | \(answer) |")
      }
    }
    return lines
  }

  /// Text as text, other bytes as hex, in a code span that a table cell can hold.
  private static func shown(_ bytes: Bytes, atMost count: Int) -> String {
    let isText = bytes.allSatisfy { $0 >= 0x20 && $0 < 0x7F || $0 == 0x0D || $0 == 0x0A }
    let part = Bytes(bytes.prefix(count))
    let whole =
      isText
      ? String(decoding: part.filter { $0 >= 0x20 && $0 != 0x7C && $0 != 0x60 }, as: UTF8.self)
      : part.hex
    return "`\(whole)\(bytes.count > count ? "…" : "")`"
  }
}
