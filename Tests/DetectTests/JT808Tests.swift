// What the golden cases of JT/T 808 cannot say: transfers, and the relay's own authentication.

import Testing

@testable import Detect

@Suite("JT/T 808")
struct JT808Tests {
  /// A message with right length and checksum, escaped.
  private func message(
    _ id: UInt16, _ body: Bytes, serial: UInt16 = 1, terminal: String = "013345678906",
    version: UInt8? = nil, block: (total: UInt16, index: UInt16)? = nil
  ) throws -> Bytes {
    let props =
      UInt16(body.count) | (version == nil ? 0 : 0x4000) | (block == nil ? 0 : 0x2000)
    func two(_ value: UInt16) -> Bytes { [UInt8(value >> 8), UInt8(value & 0xFF)] }
    var plain = two(id) + two(props) + (version.map { [$0] } ?? [])
    plain += try #require(Bytes(hex: terminal)) + two(serial)
    if let block { plain += two(block.total) + two(block.index) }
    plain += body
    plain.append(plain.reduce(0, ^))
    return [0x7E]
      + plain.flatMap { $0 == 0x7E ? [0x7D, 2] : $0 == 0x7D ? [0x7D, 1] : [$0] as Bytes } + [0x7E]
  }

  private func answer(_ frame: Bytes, transfer: UInt32 = 0) -> Bytes? {
    let row = ProtocolID.jt808.row
    var reply = Reply()
    let context = AnswerContext(time: frozenClock, transferNumber: transfer)
    return row.answer(frame.span, row.facts(frame.span), context, &reply) ? reply.bytes : nil
  }

  @Test("The last block of a transfer confirms it under the number of the first")
  func transfers() throws {
    let number: Bytes = [0x12, 0x34, 0x7E, 0x78]
    let first = try message(0x0801, number + [0, 0, 0, 1], serial: 7, block: (3, 1))
    let last = try message(0x0801, [9, 9, 9, 9, 9], serial: 9, block: (3, 3))
    let facts = ProtocolID.jt808.row.facts(first.span)
    #expect(facts.transferNumber == 0x1234_7E78)
    #expect(ProtocolID.jt808.row.facts(last.span).transferNumber == 0)
    let firstAnswer = try message(0x8001, [0, 7, 0x08, 0x01, 0], serial: 0)
    let lastAnswer = try message(0x8001, [0, 9, 0x08, 0x01, 0], serial: 0)
    let confirmation = try message(0x8800, number + [0], serial: 0)
    #expect(answer(first) == firstAnswer)
    #expect(answer(last, transfer: facts.transferNumber) == lastAnswer + confirmation)
    // Without the first block nobody knows the number.
    #expect(answer(last) == lastAnswer)
    let whole = try message(0x0801, number + [0, 0, 0, 1], serial: 7)
    #expect(answer(whole) == firstAnswer + confirmation)
  }

  @Test("The authentication has the platform's code, and the layout of the registration")
  func secondHeads() throws {
    let row = ProtocolID.jt808.row
    func second(_ head: Bytes, _ answer: Bytes) -> Bytes? {
      var reply = Reply()
      return row.secondHead(head.span, answer.span, &reply) ? reply.bytes : nil
    }
    let code = Bytes("plat~}code".utf8)
    let old = try message(0x0100, Bytes(repeating: 0x30, count: 40), serial: 5)
    let given = try message(0x8100, [0, 5, 0] + code)
    #expect(try second(old, given) == message(0x0102, code, serial: 0))
    let number = "00000866496077582164"
    let new = try message(
      0x0100, Bytes(repeating: 0x30, count: 40), serial: 5, terminal: number, version: 1)
    let body =
      [UInt8(code.count)] + code + Bytes("866496077582164".utf8) + Bytes(repeating: 0, count: 20)
    #expect(
      try second(new, given) == message(0x0102, body, serial: 0, terminal: number, version: 1))
    // Refused, without a code, or no registration at all: nothing follows.
    #expect(try second(old, message(0x8100, [0, 5, 1] + code)) == nil)
    #expect(try second(old, message(0x8100, [0, 5, 0])) == nil)
    #expect(try second(old, message(0x8100, [])) == nil)
    #expect(try second(message(0x0102, code), given) == nil)
    #expect(try second(old, message(0x8001, [0, 5, 1, 0, 0])) == nil)
    let long = Bytes(repeating: 0x41, count: 60)
    #expect(try second(old, message(0x8100, [0, 5, 0] + long)) == nil)
    var damaged = given
    damaged[damaged.count - 2] ^= 1
    #expect(second(old, damaged) == nil)
  }

  @Test("A terminal number with hexadecimal digits is an IMEI in disguise")
  func disguisedIMEI() throws {
    let frame = try message(0x0002, [], terminal: "4F07788EF676")
    #expect(ProtocolID.jt808.row.facts(frame.span).identity?.text == "868935060005020")
    // Too large for fourteen digits: shown as it is.
    let vendor = try message(0x0002, [], terminal: "FFFFFFFFFFFF")
    #expect(ProtocolID.jt808.row.facts(vendor.span).identity?.text == "ffffffffffff")
  }

  @Test("A frame that escapes nothing is read by its length")
  func unescaped() throws {
    var plain: Bytes = [0x02, 0x00, 0x00, 0x1E] + (Bytes(hex: "013345678906") ?? []) + [0, 3]
    plain += [0x7E, 0x7D, 0x01] + Bytes(repeating: 0x11, count: 27)
    let frame = [0x7E] + plain + [plain.reduce(0, ^), 0x7E]
    let next = try message(0x0002, [], serial: 4)
    for seen in [see(frame + next), seeByteByByte(frame + next)] {
      #expect(seen.frames.map(\.bytes) == [frame, next])
    }
    #expect(answer(frame) == (try message(0x8001, [0, 3, 2, 0, 0], serial: 0)))
  }

  @Test("A message that no terminal sends first is refused as soon as its number is there")
  func foreignMessages() {
    for start: Bytes in [[0x7E, 0x80, 0x01, 0, 5, 1], [0x7E, 0xFF, 0xFF, 0, 5, 1]] {
      #expect(ProtocolID.jt808.row.probe(start.span, .none) == .no)
    }
  }
}
