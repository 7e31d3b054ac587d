// A platform that writes bytes down and answers each frame of a case as the case says.
//
// A connection belongs to the device whose login opens it. Behind that, bytes must be the case's own
// frames of that device, unchanged and in order; frames the relay need not hand up may be missing, and
// a login of the device may stand anywhere, because the relay repeats it.

import Foundation

@testable import EdgeRelay

/// The platform's end of one case.
final class RecordingSink {
  private struct Connection {
    let socket: TestSocket
    var input: [UInt8] = []
    var device: String?
  }

  private let listener: TestSocket
  private let pieces: [CorpusCase.Piece]
  private var connections: [Connection] = []
  /// Frames that have come, by index into `pieces`.
  private(set) var seen: [Int] = []
  /// Devices that have logged in.
  private(set) var devices: [String] = []
  /// The first piece that may come next, by device.
  private var next: [String: Int] = [:]
  /// What was wrong, once.
  private(set) var fault: String?

  init(_ pieces: ArraySlice<CorpusCase.Piece>) throws {
    self.pieces = Array(pieces)
    listener = try TestSocket.listener()
  }

  var port: UInt16 { listener.port }

  /// Takes what has come; returns whether there was anything.
  func step() -> Bool {
    var hasWorked = false
    if let socket = listener.accept() {
      connections.append(Connection(socket: socket))
      hasWorked = true
    }
    for i in connections.indices {
      let received = connections[i].socket.receive(milliseconds: 0)
      guard case .bytes(let bytes) = received else { continue }
      hasWorked = true
      connections[i].input += bytes
      read(i)
    }
    return hasWorked
  }

  /// Whose frame a piece is: the device of the last login at or before it.
  private func device(of index: Int) -> String? {
    pieces[...index].last(where: \.isNamingLogin)?.identity
  }

  private func read(_ i: Int) {
    while fault == nil, !connections[i].input.isEmpty {
      guard let index = match(connections[i]) else {
        let isPrefix = pieces.contains { $0.bytes.starts(with: connections[i].input) }
        if !isPrefix { fault = "the platform got \(connections[i].input.hex)" }
        return
      }
      let piece = pieces[index]
      connections[i].input.removeFirst(piece.bytes.count)
      connections[i].device = device(of: index)
      seen.append(index)
      if piece.isNamingLogin, let device = piece.identity { devices.append(device) }
      if let device = connections[i].device, !piece.isNamingLogin { next[device] = index + 1 }
      if !piece.answer.isEmpty { _ = connections[i].socket.send(piece.answer) }
    }
  }

  /// The piece that stands at the start of the connection's input.
  private func match(_ connection: Connection) -> Int? {
    let login = pieces.indices.first {
      pieces[$0].isNamingLogin && connection.input.starts(with: pieces[$0].bytes)
        && (connection.device == nil || connection.device == pieces[$0].identity)
    }
    if let login { return login }
    guard let device = connection.device else { return nil }
    for index in (next[device] ?? 0)..<pieces.count where self.device(of: index) == device {
      let piece = pieces[index]
      if piece.isNamingLogin { continue }
      if connection.input.starts(with: piece.bytes) { return index }
      // A kept frame must not be missing before a later one.
      if piece.isKept { return nil }
    }
    return nil
  }
}
