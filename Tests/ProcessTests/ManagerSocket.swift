// The socket of a service manager: what sd_notify(3) would be told.

import Foundation

/// A class, because it must close its descriptor exactly once.
final class ManagerSocket {
  let path: String
  private let descriptor: Int32

  init(_ path: String) throws {
    self.path = path
    descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) }
    }
    if bound != 0 { throw Trouble("cannot bind \(path): \(String(cString: strerror(errno)))") }
  }

  deinit { close(descriptor) }

  /// The next message that has `line` among its lines.
  func wait(for line: String, within seconds: Double = 30) throws -> String {
    let deadline = Date(timeIntervalSinceNow: seconds)
    while Date() < deadline {
      guard let message = receive(milliseconds: 100) else { continue }
      if message.split(separator: "\n").contains(line[...]) { return message }
    }
    throw Trouble("no \(line) within \(seconds) s")
  }

  /// Everything that waits.
  func everything() -> [String] {
    var messages: [String] = []
    while let message = receive(milliseconds: 0) { messages.append(message) }
    return messages
  }

  private func receive(milliseconds: Int32) -> String? {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&entry, 1, milliseconds) > 0 else { return nil }
    var bytes = [UInt8](repeating: 0, count: 4_096)
    let count = recv(descriptor, &bytes, bytes.count, 0)
    return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
  }
}
