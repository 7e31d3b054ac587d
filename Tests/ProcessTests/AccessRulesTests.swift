// Who is let in, with the real program: files of devices, networks, protocols, and their reload.

import Foundation
import Testing

@testable import EdgeRelay

@Suite("Access")
struct AccessRulesTests {
  @Test("A reload closes the sessions that are no longer allowed, and delivers what was taken")
  func reload() throws {
    var world = try World()
    let file = world.scratch.file("edgerelay.toml")
    let allow = world.scratch.file("allow")
    let access = "[access]\nnetworks = [\"127.0.0.0/8\"]\nallow_file = \"\(allow)\"\n"
    try write("# the fleet\n899000000000001\r\n\n 899000000000002 # van\n", to: allow)
    try write(access, to: file)
    try world.startRelay(["--config", file])
    let stays = try device(1, world.relayPort, isAnswered: true)
    let goes = try device(2, world.relayPort, isAnswered: true)
    _ = try device(3, world.relayPort, isAnswered: false)
    #expect(world.log.contains("access is limited networks=1 allowed=2 denied=0"))
    try world.run("the log says who was refused") {
      $0.log.contains("device refused device=899000000000003 protocol=gt06 source=127.")
    }
    // A file that cannot be read leaves everything as it was.
    try write(access + "deny_file = \"/nowhere\"\n", to: file)
    world.hangUp()
    try world.run("the reload is refused") { $0.log.contains("cannot read /nowhere: ") }
    try write(access + "deny = [\"899000000000002\"]\n", to: file)
    world.hangUp()
    try world.run("the denied device's session ends") { _ in
      goes.receive(milliseconds: 0) == .ended
    }
    #expect(stays.receive(milliseconds: 100) == .nothing)
    try write(access + "[protocol.gt06]\nenabled = false\n", to: file)
    world.hangUp()
    try world.run("its protocol is refused") { _ in stays.receive(milliseconds: 0) == .ended }
    let unknown = try device(1, world.relayPort, isAnswered: false)
    #expect(unknown.receive(milliseconds: 0) == .ended)
    try world.run("the log says why") {
      $0.log.contains("unknown traffic reason=disabled source=127.0.0.1:")
    }
    try write("[access]\nnetworks = [\"10.0.0.0/8\", \"2001:db8::/32\"]\n", to: file)
    world.hangUp()
    try world.run("the reload is done") { $0.log.contains("networks=2 allowed=all denied=0") }
    _ = try device(1, world.relayPort, isAnswered: false)
    try world.run("the log says so") {
      $0.log.contains("connection refused reason=network source=127.0.0.1:")
    }
    let metrics = try RelayProcess(
      ["metrics", "--spool", world.scratch.file("spool")], logPath: world.scratch.file("metrics"))
    #expect(try metrics.exitCode() == 0)
    for (rule, count) in [("network", 1), ("device", 2), ("protocol", 2)] {
      #expect(metrics.log.contains("\nedgerelay_refused_by_\(rule)_total \(count)\n"))
    }
    let code = try world.stopRelay()
    #expect(code == 0)
    world.close()
  }

  @Test(
    "A network or a device that is none is told with its place",
    arguments: [
      ("networks = [\"10/8\"]", "edgerelay.toml:2:12: expected a list of networks"),
      ("networks = [\"10.0.0.0/33\"]", "edgerelay.toml:2:1: expected a list of networks"),
      ("networks = [\"1::2::3\"]", "edgerelay.toml:2:1: expected a list of networks"),
      ("networks = \"10.0.0.0/8\"", "edgerelay.toml:2:12: expected a list of networks"),
      ("allow = [\"a b\"]", "edgerelay.toml:2:10: expected a \"string\" without blanks"),
      ("allow_file = \"/\"", "cannot read /: "),
    ])
  func mistakes(_ line: String, _ words: String) throws {
    let scratch = try Scratch()
    try write("[access]\n\(line)\n", to: scratch.file("edgerelay.toml"))
    let check = try RelayProcess(
      ["check-config", scratch.file("edgerelay.toml")], logPath: scratch.file("log"))
    #expect(try check.exitCode() == 78)
    #expect(check.log.contains(words), "\(check.log)")
  }

  @Test("A file of devices is refused in the line that names none")
  func badFile() throws {
    let scratch = try Scratch()
    let allow = scratch.file("allow")
    try write("899000000000001\n899 000\n", to: allow)
    try write("[access]\nallow_file = \"\(allow)\"\n", to: scratch.file("edgerelay.toml"))
    let check = try RelayProcess(
      ["check-config", scratch.file("edgerelay.toml")], logPath: scratch.file("log"))
    #expect(try check.exitCode() == 78)
    #expect(check.log.contains("\(allow):2:1: expected one device in a line"))
  }

  private func write(_ text: String, to path: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
  }

  /// A device that has sent its login; `isAnswered` is what must come of it.
  private func device(
    _ number: Int, _ port: UInt16, isAnswered: Bool
  ) throws -> TestSocket {
    let deadline = Date(timeIntervalSinceNow: World.patience)
    while true {
      guard let socket = try? TestSocket.connection(to: port) else {
        if Date() >= deadline { throw Trouble("no connection") }
        usleep(10_000)
        continue
      }
      _ = socket.send(GT06Wire.loginFrame(number, serial: 1))
      let received = socket.receive(milliseconds: 60_000)
      let answer = GT06Wire.answer(to: GT06Wire.login, serial: 1)
      #expect(received == (isAnswered ? .bytes(answer) : .ended))
      return socket
    }
  }
}
