// Literals: where they end, and what is empty.

import Detect
import Testing

@Suite("Literals")
struct LiteralTests {
  private func bytes(_ literal: Literal) -> [UInt8] {
    var bytes: [UInt8] = []
    literal.forEachByte { bytes.append($0) }
    return bytes
  }

  @Test func aLiteralEndsWhereTheSourceEndsIt() {
    #expect(bytes("") == [])
    #expect(bytes("a") == [0x61])
    #expect(bytes("\u{E9}") == [0xC3, 0xA9])
    let long: Literal = "one and\nanother line"
    #expect(bytes(long) == Array("one and\nanother line".utf8))
    #expect(long.count == 20)
    #expect("\(long)" == "one and\nanother line")
  }

  @Test func onlyAnEmptyLiteralIsEmpty() {
    #expect(Literal("").isEmpty && Literal("").count == 0)
    #expect(!Literal("-").isEmpty)
  }
}
