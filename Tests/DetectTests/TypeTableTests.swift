// The classes of every message type, as the document's tables give them.
// Source: device-families document, section 3.5 for GT06 and section 4, point 5 for Topin.

import Testing

@testable import Detect

private struct Row: Sendable, CustomTestStringConvertible {
  let name: String
  let types: Bytes
  let answer: AnswerClass
  let replay: ReplayClass

  var testDescription: String { name }
}

@Suite("Type tables")
struct TypeTableTests {
  private static let gt06Short: [Row] = [
    Row(name: "login", types: [0x01], answer: .required, replay: .head),
    Row(
      name: "positions and cells",
      types: [
        0x10, 0x11, 0x12, 0x18, 0x1E, 0x24, 0x25, 0x28, 0x2C, 0x2D, 0x2E, 0x31, 0x32, 0x33, 0x34,
        0x37, 0x38, 0x61, 0x95, 0xA0, 0xA1, 0xA2, 0xA9, 0xB0, 0xB2, 0xF3,
      ], answer: .optional, replay: .forward),
    Row(name: "heartbeats", types: [0x13, 0x23, 0x36], answer: .required, replay: .expires),
    Row(name: "reports", types: [0x14, 0x1F, 0x83], answer: .optional, replay: .expires),
    Row(
      name: "alarms", types: [0x16, 0x19, 0x26, 0x27, 0x39, 0x40, 0xA3, 0xA4, 0xA5],
      answer: .required, replay: .forward),
    Row(name: "answers to commands", types: [0x15, 0x21], answer: .never, replay: .expires),
    Row(name: "position 22", types: [0x22], answer: .never, replay: .forward),
    // The document leaves 17 open between a question and a position.
    Row(name: "17", types: [0x17], answer: .never, replay: .forward),
    Row(
      name: "questions", types: [0x1A, 0x2A, 0x8B, 0xA7], answer: .upstream, replay: .expires),
    Row(name: "photo announcement", types: [0x35], answer: .upstream, replay: .block),
    Row(
      name: "commands", types: [0x80, 0x81, 0x82, 0x96, 0x97, 0x9A, 0xFD, 0xFE], answer: .never,
      replay: .expires),
    Row(name: "time", types: [0x8A], answer: .local, replay: .expires),
    Row(name: "information", types: [0x94, 0x9B], answer: .never, replay: .forward),
    Row(
      name: "unknown", types: [0x00, 0x02, 0x29, 0x42, 0x7F, 0x90, 0xC0, 0xF4, 0xFC],
      answer: .optional, replay: .forward),
  ]

  private static let gt06Long: [Row] = [
    Row(name: "AZ735", types: [0x32, 0x33], answer: .required, replay: .forward),
    Row(name: "media", types: [0x41], answer: .required, replay: .block),
    Row(name: "modular", types: [0x70], answer: .required, replay: .forward),
    Row(name: "status", types: [0xF1, 0xF2], answer: .required, replay: .forward),
    Row(
      name: "positions and engine data", types: [0x38, 0x61, 0x65, 0x66, 0x8C],
      answer: .optional, replay: .forward),
    Row(name: "answer to a command", types: [0x21], answer: .never, replay: .expires),
    Row(name: "photo data", types: [0x36], answer: .upstream, replay: .block),
    Row(name: "information", types: [0x94, 0x9B], answer: .never, replay: .forward),
    Row(name: "commands", types: [0x80, 0x81, 0x82], answer: .never, replay: .expires),
    Row(
      name: "unknown", types: [0x00, 0x22, 0x26, 0x90, 0xF3, 0xFC], answer: .never,
      replay: .forward),
  ]

  private static let topin: [Row] = [
    Row(name: "login", types: [0x01], answer: .required, replay: .head),
    Row(name: "other positions", types: [0x08, 0x09], answer: .never, replay: .forward),
    Row(
      name: "positions and Wi-Fi", types: [0x10, 0x11, 0x17, 0x18, 0x19, 0x1A, 0x69],
      answer: .required, replay: .forward),
    Row(name: "status", types: [0x13], answer: .required, replay: .expires),
    Row(
      name: "events", types: [0x14, 0x15, 0x56, 0x80, 0x81, 0x82, 0x83], answer: .never,
      replay: .forward),
    Row(name: "time", types: [0x30], answer: .local, replay: .expires),
    Row(name: "calls", types: [0x41, 0x42, 0x43], answer: .never, replay: .forward),
    Row(name: "settings", types: [0x57, 0x58, 0x67], answer: .upstream, replay: .expires),
    Row(name: "recording", types: [0x65], answer: .never, replay: .block),
    Row(name: "alarms", types: [0x86, 0x94, 0x99], answer: .never, replay: .forward),
    Row(name: "interval", types: [0x98], answer: .required, replay: .forward),
    Row(name: "unknown", types: [0x02, 0x77, 0xF0], answer: .never, replay: .forward),
  ]

  private func expect(_ id: ProtocolID, _ row: Row, _ frame: (UInt8) -> Bytes) {
    for type in row.types {
      let facts = id.row.facts(frame(type).span)
      #expect(facts.answer == row.answer, "\(row.name): \(frame(type).hex)")
      #expect(facts.replay == row.replay, "\(row.name): \(frame(type).hex)")
      #expect(facts.key.type == UInt16(type))
    }
  }

  @Test("Short GT06 types have the classes of the document", arguments: gt06Short)
  private func shortTypes(_ row: Row) {
    expect(.gt06, row) { [0x78, 0x78, 0x06, $0, 0x01, 0x00, 0x07, 0x00, 0x00, 0x0D, 0x0A] }
  }

  @Test("Long GT06 types have the classes of the document", arguments: gt06Long)
  private func longTypes(_ row: Row) {
    expect(.gt06, row) { [0x79, 0x79, 0x00, 0x06, $0, 0x01, 0x00, 0x07, 0x00, 0x00, 0x0D, 0x0A] }
  }

  @Test("Topin types have the classes of the document", arguments: topin)
  private func topinTypes(_ row: Row) {
    expect(.topin, row) {
      [0x78, 0x78, 0x0A, $0, 0x24, 0x03, 0x02, 0x12, 0x00, 0x00, 0x01, 0x02, 0x03, 0x0D, 0x0A]
    }
  }

  @Test("No type that is also a command is ever answered")
  func commandTypesAreNotAnswered() {
    let types: Bytes = [
      0x15, 0x17, 0x1A, 0x21, 0x80, 0x81, 0x82, 0x8B, 0x96, 0x97, 0x9A, 0x9B, 0xFD, 0xFE,
    ]
    for type in types {
      let short: Bytes = [0x78, 0x78, 0x06, type, 0x01, 0x00, 0x07, 0x00, 0x00, 0x0D, 0x0A]
      let long: Bytes = [0x79, 0x79, 0x00, 0x06, type, 0x01, 0x00, 0x07, 0x00, 0x00, 0x0D, 0x0A]
      for frame in [short, long] {
        #expect(ProtocolID.gt06.row.answerBytes(frame, under: .generous) == nil, "\(frame.hex)")
      }
    }
  }

  @Test("The policy decides about optional answers only")
  func policies() {
    func isAnswered(_ answer: AnswerClass) -> [Bool] {
      let facts = FrameFacts(
        kind: .unknown, answer: answer, replay: .forward, key: AnswerKey(type: 0, serial: 0))
      return [facts.isAnswered(under: .minimal), facts.isAnswered(under: .generous)]
    }
    #expect(isAnswered(.required) == [true, true])
    #expect(isAnswered(.local) == [true, true])
    #expect(isAnswered(.optional) == [false, true])
    #expect(isAnswered(.never) == [false, false])
    #expect(isAnswered(.upstream) == [false, false])
  }

  @Test("Answers that carry the time are withheld while the clock is not believable")
  func unbelievableClock() throws {
    let gt06 = try #require(Bytes(hex: "7878058A000688290D0A"))
    #expect(ProtocolID.gt06.row.answerBytes(gt06, under: .generous, clock: nil) == nil)
    let topin = try #require(Bytes(hex: "787801300D0A"))
    #expect(ProtocolID.topin.row.answerBytes(topin, under: .generous, clock: nil) == nil)
    let login = try #require(Bytes(hex: "78780D01012345678901234500018CDD0D0A"))
    #expect(ProtocolID.gt06.row.answerBytes(login, under: .minimal, clock: nil) != nil)
  }

  @Test("A Topin login too short for an IMEI names nobody")
  func shortTopinLogin() throws {
    for hex in ["787807010102030405060D0A", "787808010102030405060700", "787801010D0A"] {
      let frame = try #require(Bytes(hex: hex))
      #expect(ProtocolID.topin.row.facts(frame.span).identity == nil, "\(hex)")
    }
  }

  @Test("A Topin position too short for its time is not answered")
  func shortTopinPosition() throws {
    for hex in ["787804100102030D0A", "787801690D0A", "78780611010203040D0A"] {
      let frame = try #require(Bytes(hex: hex))
      #expect(ProtocolID.topin.row.answerBytes(frame, under: .generous) == nil, "\(hex)")
    }
  }

  @Test("A Topin frame too long to be echoed is not answered")
  func longEcho() {
    let fits = [0x78, 0x78, 0x7B, 0x98] + Bytes(repeating: 0x41, count: 122) + [0x0D, 0x0A]
    #expect(fits.count == Reply.byteCountMax)
    #expect(ProtocolID.topin.row.answerBytes(fits, under: .minimal) == fits)
    let tooLong = [0x78, 0x78, 0x7C, 0x98] + Bytes(repeating: 0x41, count: 123) + [0x0D, 0x0A]
    #expect(ProtocolID.topin.row.answerBytes(tooLong, under: .minimal) == nil)
  }
}
