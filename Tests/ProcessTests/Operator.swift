// The operator's commands, as the real program, and bare connections to the control socket.

import Foundation
import Testing

@testable import EdgeRelay

/// Somebody at the command line.
enum Operator {
  static func ask(_ words: [String], _ spool: String) throws -> [String: Any] {
    let (code, output) = try run(words + ["--spool", spool])
    if code != 0 { throw Trouble(output) }
    return try object(output)
  }

  static func object(_ text: String) throws -> [String: Any] {
    let object = try JSONSerialization.jsonObject(with: Data(text.utf8))
    guard let object = object as? [String: Any] else { throw Trouble("no object: \(text)") }
    return object
  }

  static func run(_ words: [String]) throws -> (code: Int, output: String) {
    let scratch = try Scratch()
    let process = try RelayProcess(words, logPath: scratch.file("log"))
    let code = try process.exitCode()
    return (code, process.log)
  }

  /// What a command says with --json, an object a line.
  static func list(_ words: [String], _ spool: String) throws -> [[String: Any]] {
    let (code, output) = try run(words + ["--json", "--spool", spool])
    if code != 0 { throw Trouble(output) }
    return try output.split(separator: "\n").map { try object(String($0)) }
  }
}

/// A connection to the control socket. A class, because it must close its descriptor exactly once.
final class ControlConnection {
  private let descriptor: Int32

  init(_ path: String) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) }
    }
    if connected != 0 { throw Trouble("cannot connect to \(path)") }
  }

  deinit { close(descriptor) }

  /// What is there to be read now.
  func receive() -> String {
    var bytes = [UInt8](repeating: 0, count: 65_536)
    let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
    return String(decoding: bytes[..<max(0, count)], as: UTF8.self)
  }

  func send(_ text: String) { _ = write(descriptor, text, text.utf8.count) }
}
