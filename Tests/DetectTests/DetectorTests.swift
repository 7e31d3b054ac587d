// What the detector refuses, what it skips, and what it waits for.
// Source: device-families document, sections 12.1 and 12.2.

import Testing

@testable import Detect

@Suite("Detector")
struct DetectorTests {
  private let login = Bytes(hex: "78780D01012345678901234500018CDD0D0A") ?? []

  private func verdict(_ bytes: Bytes, _ silence: Silence = .none) -> Verdict {
    Detector.verdict(bytes.span, silence: silence)
  }

  static let strangers: [(name: String, bytes: Bytes)] = [
    ("HTTP GET", Bytes("GET / HTTP/1.1\r\n".utf8)), ("HTTP POST", Bytes("POST / HTTP".utf8)),
    ("HTTP/2", Bytes("PRI * HTTP/2.0\r\n".utf8)), ("SSH", Bytes("SSH-2.0-OpenSSH_9.2\r\n".utf8)),
    ("TLS", [0x16, 0x03, 0x01, 0x02, 0x00, 0x01]), ("RDP", [0x03, 0x00, 0x00, 0x13, 0x0E, 0xE0]),
    ("SMB", [0xFF, 0x53, 0x4D, 0x42]), ("MQTT", [0x10, 0x1A, 0x00, 0x04]),
    ("PROXY text", Bytes("PROXY TCP4 1.2.3.4".utf8)), ("#BCE#", Bytes("#BCE#\r\n".utf8)),
  ]

  @Test(
    "A scanner is refused without a silence, and never bound", arguments: strangers.map(\.bytes))
  func strangersAreRefused(_ bytes: Bytes) {
    for count in 1...bytes.count {
      let verdict = verdict(Bytes(bytes.prefix(count)))
      if case .bound = verdict { Issue.record("\(bytes.hex) is bound") }
      // Two bytes are enough for all but those that begin with a letter of ours.
      if count >= 3 { #expect(verdict == .reject(.unknownStart)) }
    }
    #expect(seeByteByByte(bytes).rejection == .unknownStart)
  }

  @Test("A single start mark followed by another byte is refused")
  func halfMarksAreRefused() {
    for start: Bytes in [[0x78, 0x79], [0x79, 0x78], [0x78, 0x00], [0x68, 0x69], [0x68, 0x78]] {
      #expect(verdict(start) == .reject(.unknownStart), "\(start.hex)")
    }
  }

  @Test("Up to sixteen bytes of padding come before the first frame")
  func padding() {
    let kinds: Bytes = [0x00, 0x0D, 0x0A, 0x20]
    for count in 0...16 {
      let padding = (0..<count).map { kinds[$0 % 4] }
      #expect(verdict(padding + login) == .bound(.gt06, .certain, skip: count))
    }
    let tooMuch = (0..<17).map { kinds[$0 % 4] }
    #expect(verdict(tooMuch + login) == .reject(.unknownStart))
    #expect(verdict(tooMuch) == .reject(.unknownStart))
  }

  @Test("Padding alone decides nothing")
  func paddingAlone() {
    for count in 0...16 {
      let padding = Bytes(repeating: 0x0A, count: count)
      #expect(verdict(padding) == .needMore(total: count + 1))
      #expect(verdict(padding, .long) == .needMore(total: count + 1))
    }
  }

  @Test("The header of a load balancer is refused, not skipped as padding")
  func proxyHeader() {
    let header: Bytes = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]
    #expect(verdict(header) == .reject(.unknownStart))
  }

  @Test("A Topin login waits for the next frame or a brief silence")
  func topinLoginWaits() throws {
    let login = try #require(Bytes(hex: "78780D010356314041319174280D0A"))
    #expect(verdict(login) == .needMore(total: 16))
    #expect(verdict(login, .brief) == .bound(.topin, .certain, skip: 0))
    #expect(verdict(login + [0x78, 0x78]) == .needMore(total: 18))
    #expect(verdict(login + [0x78, 0x78, 0x01]) == .bound(.topin, .certain, skip: 0))
  }

  @Test("A row that still needs more holds up nobody after a brief silence")
  func briefSilence() throws {
    // By its length a GT06 frame without a checksum, by its type the start of a Topin Wi-Fi frame.
    let frame = try #require(Bytes(hex: "787808690102030001FFFF0D0A"))
    #expect(verdict(frame) == .needMore(total: 4 + 6 + 7 * 8 + 1))
    #expect(verdict(frame, .brief) == .bound(.gt06, .provisional, skip: 0))
  }

  @Test("A position with a wrong checksum is GT06 without waiting for another byte")
  func positionWithWrongChecksum() throws {
    let frame = try #require(Bytes(hex: "787808100102030001FFFF0D0A"))
    #expect(verdict(frame) == .bound(.gt06, .provisional, skip: 0))
  }

  @Test("Half a login is not decided by silence")
  func halfLogin() {
    let half = Bytes(login.prefix(12))
    for silence in [Silence.none, .brief, .long] {
      guard case .needMore = verdict(half, silence) else {
        Issue.record("decided after \(silence) silence")
        return
      }
    }
  }

  @Test("A stream that stays undecided is refused at the limit, however it arrived")
  func undecided() {
    // Length 00 and no stop bytes, then the start of a long frame that never ends.
    let start: Bytes = [0x78, 0x78, 0x00, 0x01]
    let stream =
      start + Bytes(repeating: 0x41, count: 900) + [0x79, 0x79, 0x0F, 0x00]
      + Bytes(repeating: 0x42, count: 5_000)
    let whole = see(stream)
    #expect(whole.rejection == .undecided)
    #expect(see(stream.chunked(64).map { .bytes($0) }).rejection == .undecided)
    let atLimit = Bytes(stream.prefix(Limits.detectionBytesMax))
    #expect(verdict(atLimit) == .reject(.undecided))
    #expect(verdict(Bytes(atLimit.dropLast())) == .needMore(total: atLimit.count))
  }
}
