// One golden case over real sockets: a relay of its own, a device, a recording platform.

import Foundation
import Relay

@testable import EdgeRelay

/// Plays one case and says what was wrong.
struct CorpusRun {
  enum Delivery: String, CaseIterable, Sendable {
    case whole = "in one piece"
    case byteByByte = "byte by byte"
  }

  private static let patience = 60.0
  /// Seconds between two bytes after which the relay may take a burst for ended.
  private static let pauseMax = 0.2

  let golden: CorpusCase
  let delivery: Delivery

  /// What was wrong, or `nil`.
  func fault() -> String? {
    var last: String?
    // A machine that stops for longer than a device ever does in a burst proves nothing.
    for _ in 0..<3 {
      do {
        let (fault, longestPause) = try play()
        last = fault
        if fault == nil || longestPause < Self.pauseMax { break }
      } catch {
        last = "\(error)"
      }
    }
    return last.map { "\(golden.file): \(golden.sentence) [\(delivery.rawValue)]: \($0)" }
  }

  private func play() throws -> (fault: String?, longestPause: Double) {
    let scratch = try Scratch()
    let sentinel = Self.sentinel(golden)
    let sink = try RecordingSink(golden.spokenPieces + [sentinel])
    let relay = try RelayProcess(
      [
        "run", "--listen", "127.0.0.1:0", "--upstream", "127.0.0.1:\(sink.port)",
        "--spool", scratch.file("spool"), "--spool-size", "4M",
      ], logPath: scratch.file("log"))
    let device = try TestSocket.connection(to: try port(of: relay))
    let longestPause = send(device)
    var answers = Answers(golden)
    var isSentinelSent = false
    var quietSince = Date()
    let deadline = Date(timeIntervalSinceNow: Self.patience)
    while Date() < deadline {
      if sink.step() { quietSince = Date() }
      switch device.receive(milliseconds: 1) {
      case .bytes(let bytes):
        quietSince = Date()
        answers.take(bytes)
      case .nothing: break
      case .ended: return ("the relay closed the connection\n\(relay.log)", longestPause)
      }
      if let fault = sink.fault ?? answers.fault { return ("\(fault)\n\(relay.log)", longestPause) }
      guard answers.areComplete, isComplete(sink) else { continue }
      if !golden.mayGoOn {
        // Nothing may follow that would prove that all is done: half a second has to do.
        if Date().timeIntervalSince(quietSince) > 0.5 {
          return (identityFault(relay), longestPause)
        }
      } else if !isSentinelSent {
        // What is not owed would come before the answer to this.
        isSentinelSent = true
        answers.expect(sentinel.answer)
        guard device.send(sentinel.bytes) else { return ("the relay is gone", longestPause) }
      } else {
        return (identityFault(relay), longestPause)
      }
    }
    let missing = "answers missing: \(answers.missing), frames seen: \(sink.seen)"
    return ("\(missing)\n\(relay.log)", longestPause)
  }

  private func port(of relay: RelayProcess) throws -> UInt16 {
    let deadline = Date(timeIntervalSinceNow: Self.patience)
    let mark = "listening tcp+udp address=127.0.0.1:"
    while Date() < deadline {
      if let range = relay.log.range(of: mark) {
        let digits = relay.log[range.upperBound...].prefix(while: \.isNumber)
        if let port = UInt16(digits) { return port }
      }
      if let code = relay.takeExitCode() {
        throw Trouble("the relay ended with \(code)\n\(relay.log)")
      }
      usleep(2_000)
    }
    throw Trouble("the relay does not start\n\(relay.log)")
  }

  /// Sends the case; returns the longest time between two bytes.
  private func send(_ device: TestSocket) -> Double {
    let bytes = golden.pieces.flatMap(\.bytes)
    guard delivery == .byteByByte else {
      _ = device.send(bytes)
      return 0
    }
    var longest = 0.0
    var last = Date()
    for byte in bytes {
      _ = device.send([byte])
      longest = max(longest, Date().timeIntervalSince(last))
      last = Date()
    }
    return longest
  }

  /// Whether everything the platform must get has come.
  ///
  /// A device that another one replaces on its connection may be gone before the platform hears of
  /// it; only what is kept of it must come.
  private func isComplete(_ sink: RecordingSink) -> Bool {
    let pieces = Array(golden.spokenPieces)
    guard let lastDevice = pieces.last(where: \.isNamingLogin)?.identity else { return true }
    guard sink.devices.contains(lastDevice) else { return false }
    var device: String?
    for (index, piece) in pieces.enumerated() {
      if piece.isNamingLogin { device = piece.identity }
      // A question to the platform is not asked late.
      let expires = piece.replayClass == "X" && piece.answerClass != "U"
      let isDue = piece.isKept || expires && device == lastDevice
      if isDue, !sink.seen.contains(index) { return false }
    }
    return true
  }

  /// A frame that is kept and answered once it is durable, for the end of a case.
  private static func sentinel(_ golden: CorpusCase) -> CorpusCase.Piece {
    var piece = CorpusCase.Piece(bytes: [], isFrame: true)
    piece.replayClass = "F"
    if golden.spokenPieces.last?.family == "topin" {
      let time: [UInt8] = [0x0A, 0x03, 0x17, 0x0F, 0x32, 0x17]
      let fix: [UInt8] = [0x9C, 0x02, 0x6B, 0x3F, 0x3E, 0x0C, 0x22, 0xAD, 0x65, 0x1F, 0x34, 0x60]
      piece.bytes = [0x78, 0x78, 0x12, 0x10] + time + fix + [0x0D, 0x0A]
      piece.answer = [0x78, 0x78, 0x00, 0x10] + time + [0x0D, 0x0A]
    } else {
      let cell: [UInt8] = [0x01, 0xCC, 0x00, 0x28, 0x7D, 0x00, 0x1F, 0xB8]
      piece.bytes = GT06Wire.frame(0x19, cell, serial: 0xBEEF)
      piece.answer = GT06Wire.answer(to: 0x19, serial: 0xBEEF)
    }
    return piece
  }

  /// The log names every device of the case as people write it.
  private func identityFault(_ relay: RelayProcess) -> String? {
    for piece in golden.spokenPieces where piece.isNamingLogin {
      let name = "device online device=\(piece.identity ?? "") protocol="
      if !relay.log.contains(name) { return "the log does not say '\(name)'\n\(relay.log)" }
    }
    return nil
  }
}

/// The answers a case owes, ticked off as they come. Answers that wait for the disk may be overtaken
/// by such as do not.
private struct Answers {
  private struct Owed {
    var bytes: [UInt8]
    /// Whether it carries the relay's own clock.
    var isTime: Bool
  }

  private var owed: [Owed] = []
  private var possible: [[UInt8]] = []
  private var input: [UInt8] = []
  private(set) var fault: String?

  init(_ golden: CorpusCase) {
    for piece in golden.spokenPieces {
      // A login that names nobody is not answered: nothing could be kept of what follows it.
      if !piece.answer.isEmpty, piece.kind != "login" || piece.isNamingLogin {
        owed.append(Owed(bytes: piece.answer, isTime: piece.answerClass == "L"))
      }
      if !piece.neutralAnswer.isEmpty { possible.append(piece.neutralAnswer) }
    }
  }

  var areComplete: Bool { owed.isEmpty && input.isEmpty }

  var missing: String { owed.map(\.bytes.hex).joined(separator: " ") }

  mutating func expect(_ answer: [UInt8]) { owed.append(Owed(bytes: answer, isTime: false)) }

  mutating func take(_ bytes: [UInt8]) {
    input += bytes
    while fault == nil, !input.isEmpty {
      if let i = owed.firstIndex(where: { Self.matches($0, input) }) {
        input.removeFirst(owed[i].bytes.count)
        owed.remove(at: i)
      } else if let i = possible.firstIndex(where: { input.starts(with: $0) }) {
        input.removeFirst(possible[i].count)
        possible.remove(at: i)
      } else if owed.contains(where: { $0.bytes.count > input.count }) {
        return
      } else {
        fault = "the device got \(input.hex), owed were \(missing)"
      }
    }
  }

  /// Of an answer with a time only start, length and end are known.
  private static func matches(_ owed: Owed, _ input: [UInt8]) -> Bool {
    if !owed.isTime { return input.starts(with: owed.bytes) }
    return input.count >= owed.bytes.count && input.prefix(4) == owed.bytes.prefix(4)
      && input[..<owed.bytes.count].suffix(2) == owed.bytes.suffix(2)
  }
}
