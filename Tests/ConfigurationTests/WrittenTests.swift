// What is made of the key table and kept in the tree: the shipped file, the keys of the man page and
// the completion of the shell.
//
// To write them anew: EDGERELAY_WRITE_MANUAL=1 swift test --filter WrittenTests

import Foundation
import Testing

@testable import Configuration

@Suite("What is written from the key table")
struct WrittenTests {
  private static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  @Test("The shipped file is what default-config prints")
  func shippedFile() throws {
    try expect("etc/edgerelay.toml", String(decoding: DefaultFile.text.bytes, as: UTF8.self))
  }

  @Test("The shipped file without its comment marks is a good configuration and names every key")
  func uncommented() throws {
    let lines = String(decoding: DefaultFile.text.bytes, as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.hasPrefix("#") && !$0.hasPrefix("# ") ? $0.dropFirst() : $0 }
    var settings = Settings()
    try settings.addFile(Array(lines.joined(separator: "\n").utf8), name: Array("f".utf8))
    try settings.finish()
    #expect(settings.warnings.isEmpty)
    #expect(settings.settings.count == Key.allCases.count)
    for setting in settings.settings {
      if let standard = setting.key.standard { #expect(setting.value == standard) }
    }
  }

  @Test("No line of the shipped file is longer than 100 characters")
  func narrow() {
    let lines = String(decoding: DefaultFile.text.bytes, as: UTF8.self).split(separator: "\n")
    #expect(lines.allSatisfy { $0.count <= 100 })
  }

  @Test("The man page has the keys of the table")
  func manualPage() throws {
    let path = "docs/edgerelay.toml.5"
    let written = try String(contentsOf: Self.root.appendingPathComponent(path), encoding: .utf8)
    let parts = written.components(separatedBy: Self.mark)
    try #require(parts.count == 3)
    try expect(path, parts[0] + Self.mark + "\n" + Self.manual() + Self.mark + parts[2])
  }

  @Test("The completion knows every option that the table has")
  func completion() throws {
    let path = "packaging/completion/edgerelay"
    let written = try String(contentsOf: Self.root.appendingPathComponent(path), encoding: .utf8)
    let options = Key.allCases.map { "\($0.row.option)" }.filter { !$0.isEmpty }
    let all = ["--config"] + options + ["--replies", "--quiet", "--help"]
    let lines = written.split(separator: "\n", omittingEmptySubsequences: false).map {
      $0.hasPrefix("  local run_options=")
        ? "  local run_options='\(all.joined(separator: " "))'" : $0
    }
    try expect(path, lines.joined(separator: "\n"))
  }

  // MARK: Writing

  private static let mark = ".\\\" keys, written by Tests/ConfigurationTests/WrittenTests.swift"

  /// Expects that the tree has `text` at `path`, or puts it there.
  private func expect(_ path: String, _ text: String) throws {
    let file = Self.root.appendingPathComponent(path)
    if ProcessInfo.processInfo.environment["EDGERELAY_WRITE_MANUAL"] != nil {
      try text.write(to: file, atomically: true, encoding: .utf8)
    }
    let isCurrent = try String(contentsOf: file, encoding: .utf8) == text
    #expect(
      isCurrent, "\(path) is out of date: EDGERELAY_WRITE_MANUAL=1 swift test --filter WrittenTests"
    )
  }

  private static func manual() -> String {
    var lines: [String] = []
    for table in Table.allCases {
      let row = table.row
      var header = Text()
      table.writeHeader(nil, to: &header)
      lines.append(".SS \(escaped(String(decoding: header.bytes, as: UTF8.self)))")
      lines.append(escaped("\(row.summary)"))
      if case .chosen(let max) = row.naming { lines.append("No more than \(max).") }
      for key in Key.allCases where key.row.table == table { lines += entry(key.row) }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func entry(_ row: KeyRow) -> [String] {
    var expectation = Text()
    row.kind.writeExpectation(to: &expectation)
    var lines = [
      ".TP", ".B \(row.name)",
      escaped("\(row.summary)"), ".br",
      "Wants " + escaped(String(decoding: expectation.bytes, as: UTF8.self)) + ".",
    ]
    if !row.standard.isEmpty {
      var standard = Text()
      row.kind.write(Text(row.standard).bytes, to: &standard)
      lines.append("Default: " + escaped(String(decoding: standard.bytes, as: UTF8.self)) + ".")
    }
    if !row.option.isEmpty {
      lines += ["Option:", ".BR \(escaped("\(row.option)")) ."]
    }
    lines.append(
      row.change == .reload ? "A reload changes it." : "A change takes effect at the next start.")
    return lines
  }

  private static func escaped(_ text: String) -> String {
    text.replacingOccurrences(of: "\\", with: "\\e").replacingOccurrences(of: "-", with: "\\-")
      .replacingOccurrences(of: "'", with: "\\(aq")
  }
}
