// The operator's actions, by the real program on the real relay.

import Foundation
import Testing

@testable import EdgeRelay

@Suite("What the operator has the relay do")
struct ProcessActionTests {
  private static let name = "8800000015"
  private static let heartbeat = Array("[3G*8800000015*0002*LK]".utf8)
  private static let position = Array(
    "[3G*8800000015*004E*UD2,220322,055105,A,22.761162,N,114.360192,E,0,0,47,14,100,64,0,0,00000008,0,0]"
      .utf8)

  @Test("A command reaches the device in one write, and its fate is told")
  func send() throws {
    var world = try World()
    let spool = try start(&world)
    var watch: TestSocket? = try Self.watch(world)
    let passed = try Operator.run(["send", Self.name, "hello", "--spool", spool])
    #expect(passed.code == 0)
    #expect(passed.output == "passed to the device\n")
    #expect(watch?.receive(milliseconds: 30_000) == .bytes(Array("hello".utf8)))
    for words in [["--hex", "00ff10"], ["0x00FF10"], ["--hex", "0x00:ff:10"]] {
      #expect(try Operator.run(["send", Self.name] + words + ["--spool", spool]).code == 0)
      #expect(watch?.receive(milliseconds: 30_000) == .bytes([0, 0xFF, 0x10]))
    }
    watch = nil
    try offline(&world, spool)
    let held = try Operator.run(["send", Self.name, "later", "--json", "--spool", spool])
    #expect(held.code == 75)
    #expect(held.output == "{\"outcome\":\"held\"}\n")
    let scratch = try Scratch()
    let waiting = try RelayProcess(
      ["send", Self.name, "last", "--wait", "60", "--spool", spool], logPath: scratch.file("log"))
    try world.run("it waits") { _ in waiting.log.contains("waits for the device's next frame") }
    let again = try TestSocket.connection(to: world.relayPort)
    #expect(again.send(Self.heartbeat))
    var got: [UInt8] = []
    while got.count < Self.heartbeat.count + 9,
      case .bytes(let bytes) = again.receive(milliseconds: 30_000)
    {
      got += bytes
    }
    #expect(got == Self.heartbeat + Array("laterlast".utf8))
    #expect(try waiting.exitCode() == 0)
    #expect(waiting.log.contains("passed to the device behind its next frame"))
    #expect(
      world.log.contains("command passed device=8800000015 protocol=watch bytes=5 source=operator"))
    #expect(try Operator.run(["send", "nobody", "x", "--spool", spool]).code == 67)
    for words in [[], [Self.name], [Self.name, "--hex", "abc"], [Self.name, "a", "b"]] {
      #expect(try Operator.run(["send"] + words + ["--spool", spool]).code == 64)
    }
    world.close()
  }

  @Test("A parked device stays parked over a restart, and its backlog is given up when confirmed")
  func parkAndDrop() throws {
    var world = try World()
    let spool = try start(&world)
    _ = try Self.watch(world)
    let parked = try Operator.run(["park", Self.name, "--spool", spool])
    #expect(parked.code == 0)
    #expect(parked.output.hasPrefix("parked: "))
    world.killRelay()
    _ = try start(&world)
    #expect(world.log.contains("devices are parked"))
    let watch = try Self.watch(world)
    for _ in 0..<3 { #expect(watch.send(Self.position)) }
    try world.run("three frames wait") { _ in
      let device = try Operator.list(["devices", Self.name], spool)[0]
      return device["platform"] as? String == "parked" && device["waiting"] as? Int == 3
    }
    #expect(try Operator.run(["drop", Self.name, "--spool", spool]).code == 64)
    let dropped = try Operator.run(["drop", Self.name, "--yes", "--json", "--spool", spool])
    #expect(dropped.code == 0)
    #expect(dropped.output.contains("\"outcome\":\"dropped\",\"frames\":3"))
    let line = try Operator.list(["ledger", Self.name], spool)[0]
    #expect(line["dropped_operator"] as? Int == 3)
    #expect(line["held"] as? Int == 0)
    #expect(line["even"] as? String == "yes")
    #expect(try Operator.run(["resume", Self.name, "--spool", spool]).code == 0)
    #expect(try Operator.list(["devices", Self.name], spool)[0]["platform"] as? String != "parked")
    #expect(try Operator.run(["park", "nobody", "--spool", spool]).code == 67)
    for word in ["parked", "resumed", "dropped"] {
      #expect(world.log.contains("device \(word) device=8800000015") || word == "parked")
    }
    world.close()
  }

  @Test("Frames are shown as they pass, and a reader that sleeps loses lines and hinders nobody")
  func tail() throws {
    var world = try World()
    let spool = try start(&world)
    let watch = try Self.watch(world)
    let scratch = try Scratch()
    let tail = try RelayProcess(
      ["tail", Self.name, "--json", "--spool", spool], logPath: scratch.file("tail"))
    try world.run("it is shown") { _ in
      #expect(watch.send(Self.heartbeat))
      _ = watch.receive(milliseconds: 1_000)
      return tail.log.contains("\n")
    }
    let lines = tail.log.split(separator: "\n")
    let first = try Operator.object(String(try #require(lines.first)))
    #expect(first["device"] as? String == Self.name)
    #expect(first["protocol"] as? String == "watch")
    #expect(["in", "out"].contains(first["direction"] as? String))
    #expect(
      first["bytes"] as? String == Self.heartbeat.map { String(format: "%02x", $0) }.joined())
    let stranger = try RelayProcess(
      ["tail", "nobody", "--spool", spool], logPath: scratch.file("stranger"))
    // More than the socket and the relay keep for one who does not read.
    let sleeper = try ControlConnection(spool + "/control.sock")
    sleeper.send("tail\t\t\n")
    // Only who follows is owed what he misses.
    var told = ""
    try world.run("the sleeper follows") { _ in
      #expect(watch.send(Self.heartbeat))
      _ = watch.receive(milliseconds: 1_000)
      told += sleeper.receive()
      return told.contains("\n")
    }
    for _ in 0..<4_000 { #expect(watch.send(Self.position)) }
    try world.run("all are stored") { _ in
      try Operator.ask(["status", "--json"], spool)["frames_stored"] as? Int ?? 0 >= 4_000
    }
    try world.run("the loss is told") { _ in
      told += sleeper.receive()
      _ = watch.send(Self.heartbeat)
      // The whole of its line.
      return told.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        .contains { $0.hasPrefix("lost:") }
    }
    let records = told.split(separator: "\n")
    let lost = try #require(
      records.first { $0.hasPrefix("lost:") }.flatMap { Int($0.dropFirst(5)) })
    #expect(lost > 0)
    #expect(records.filter { $0.contains("kind=position") }.count + lost >= 4_000)
    #expect(stranger.log.isEmpty)
    // Those who follow are few, and leave room for those who ask.
    var followers: [ControlConnection] = []
    for _ in 0..<8 {
      let follower = try ControlConnection(spool + "/control.sock")
      follower.send("tail\t\t\n")
      followers.append(follower)
    }
    let busy = try Operator.run(["tail", "--spool", spool])
    #expect(busy.code == 69)
    #expect(try Operator.run(["status", "--spool", spool]).code == 0)
    followers.removeAll()
    let code = try world.stopRelay()
    #expect(code == 0)
    #expect(try tail.exitCode() == 69)
    world.close()
  }

  @Test("A reload says what came of it, and a report has everything")
  func reloadAndDump() throws {
    let scratch = try Scratch()
    let file = scratch.file("edgerelay.toml")
    let spool = scratch.file("spool")
    func write(_ rest: String) throws {
      try """
      [upstream.main]
      address = "127.0.0.1:9"
      [listener.main]
      address = "127.0.0.1:0"
      [spool]
      directory = "\(spool)"
      \(rest)
      """.write(toFile: file, atomically: true, encoding: .utf8)
    }
    try write("size = \"8MiB\"")
    let relay = try RelayProcess(["run", "--config", file], logPath: scratch.file("log"))
    let deadline = Date(timeIntervalSinceNow: World.patience)
    while try Operator.run(["status", "--spool", spool]).code != 0, Date() < deadline {}
    let same = try Operator.run(["reload", "--spool", spool])
    #expect(same.code == 0)
    #expect(same.output == "reloaded\n")
    try write("size = \"8MiB\"\ncolour = 1\n[tabel]")
    let unknown = try Operator.run(["reload", "--spool", spool])
    #expect(unknown.code == 0)
    #expect(
      unknown.output == "reloaded; not understood, without effect: "
        + "\"colour\" (\(file):8:1),\"tabel\" (\(file):9:1)\n")
    try write("size = \"16MiB\"\n[log]\nlevel = \"warning\"")
    let changed = try Operator.run(["reload", "--spool", spool])
    #expect(changed.code == 0)
    #expect(
      changed.output == "reloaded; changed: log.level; restart needed for: spool.size\n")
    try write("size = \"huge\"")
    let refused = try Operator.run(["reload", "--spool", spool])
    #expect(refused.code == 78)
    #expect(refused.output.hasPrefix("refused, everything stays as it was: \(file):7:8: "))
    let dump = try Operator.ask(["dump"], spool)
    let configuration = try #require(dump["configuration"] as? [[String: Any]])
    func value(_ key: String) -> String? {
      configuration.first { $0["key"] as? String == key }?["value"] as? String
    }
    // The size waits for a restart, the level does not.
    #expect(value("spool.size") == "8MiB")
    #expect(value("log.level") == "warning")
    #expect((dump["status"] as? [String: Any])?["version"] as? String == "\(Version.text)")
    for part in ["devices", "ledger", "unknown"] { #expect(dump[part] is [Any]) }
    relay.terminate()
    #expect(try relay.exitCode() == 0)
  }

  // MARK: The stage

  private func start(_ world: inout World) throws -> String {
    try world.startRelay()
    let spool = world.scratch.file("spool")
    try world.run("the relay answers") { _ in
      try Operator.run(["status", "--spool", spool]).code == 0
    }
    return spool
  }

  private func offline(_ world: inout World, _ spool: String) throws {
    try world.run("the device is offline") { _ in
      try Operator.list(["devices", Self.name], spool)[0]["transport"] as? String == "offline"
    }
  }

  /// A watch that has said hello and was answered.
  private static func watch(_ world: borrowing World) throws -> TestSocket {
    let socket = try TestSocket.connection(to: world.relayPort)
    #expect(socket.send(heartbeat))
    #expect(socket.receive(milliseconds: 30_000) == .bytes(heartbeat))
    return socket
  }
}
