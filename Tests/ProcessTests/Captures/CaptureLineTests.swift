// Lines of captured frames.

import Testing

@testable import EdgeRelay

@Suite("Lines of captured frames")
struct CaptureLineTests {
  private func line(_ text: String) throws(CaptureLine.Fault) -> CaptureLine {
    try CaptureLine(Array(text.utf8).span)
  }

  @Test("What is told is read, whatever stands around it")
  func whole() throws {
    let line = try line(
      #"{ "x": {"frames":["00"], "y":[1,-2.5e3,{"z":null}]}, "family":"gt06","transport" : "udp", "n":null,"#
        + #""frames": ["7878", "0d0A"], "server_replies": ["", "ff"], "identity": "1\"2", "t":true}"#
    )
    #expect(line.family == Array("gt06".utf8))
    #expect(line.transport == Array("udp".utf8))
    #expect(line.identity == Array("1\"2".utf8))
    #expect(line.frames == [[0x78, 0x78], [0x0D, 0x0A]])
    #expect(line.replies == [[], [0xFF]])
  }

  @Test("What is not told is nil, and an empty list is a list")
  func sparse() throws {
    let sparse = try line(#"{"frames":[]}"#)
    #expect(sparse.frames.isEmpty)
    #expect(sparse.replies == nil && sparse.family == nil && sparse.identity == nil)
    #expect(try line(#"{"server_replies":[],"frames":[]}"#).replies == [])
    #expect(try line(#"{"identity":null,"frames":[]}"#).identity == nil)
  }

  @Test("What is no such line says why")
  func faults() {
    let cases: [(String, CaptureLine.Fault)] = [
      ("", .notJSON), ("{", .notJSON), (#"{"frames":["#, .notJSON),
      (#"{"frames":["00]}"#, .notJSON),
      (#"["frames"]"#, .noFrames), ("{}", .noFrames), (#"{"family":"gt06"}"#, .noFrames),
      (#"{"frames":["0"]}"#, .notHexadecimal), (#"{"frames":["zz"]}"#, .notHexadecimal),
      (#"{"frames":[]} x"#, .notJSON), (#"{"frames":[?]}"#, .notJSON), (#""frames""#, .notJSON),
    ]
    for (text, expected) in cases {
      #expect(throws: expected, "\(text)") { try line(text) }
    }
  }

  @Test("A line cut at any length is refused")
  func cut() throws {
    let text =
      #"{"family": "gt06", "frames": ["7878"], "server_replies": ["ff"], "identity": "12"}"#
    _ = try line(text)
    for count in 0..<text.utf8.count {
      #expect(throws: CaptureLine.Fault.self) { try line(String(text.prefix(count))) }
    }
  }

  @Test("Only an object's beginning is taken for such a file")
  func begins() {
    for (text, expected) in [
      ("{\"", true), ("\n { \"a", true), ("{", false), ("7878", false), ("[\"", false), ("", false),
    ] {
      #expect(CaptureLine.begins(Array(text.utf8).span) == expected, "\(text)")
    }
  }
}
