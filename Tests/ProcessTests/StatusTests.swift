// What the running relay says of itself, compared with both ends.

import CLinux
import Foundation
import Testing

@testable import EdgeRelay

@Suite("Status and devices")
struct StatusTests {
  @Test("What is said of devices and frames is what both ends know")
  func figures() throws {
    var world = try World()
    try world.startRelay()
    world.addTrackers(8, seed: 21)
    try world.run("all are known") { $0.areAllKnown }
    let spool = world.scratch.file("spool")
    let busy = try Operator.ask(["status", "--json"], spool)
    #expect(busy["devices"] as? Int == 8)
    #expect(busy["devices_online"] as? Int == 8)
    #expect(busy["sessions"] as? Int == 8)
    #expect(busy["version"] as? String == "0.1.0")
    try world.finish()
    try world.run("nothing waits", within: 60) { _ in
      try Operator.ask(["status", "--json"], spool)["frames_waiting"] as? Int == 0
    }
    let quiet = try Operator.ask(["status", "--json"], spool)
    let code = try world.stopRelay()
    #expect(code == 0)
    // The last line of the log is the ledger at the end; nothing has happened since the question.
    let log = world.log
    for (name, word) in [
      ("frames_received", "received"), ("frames_stored", "stored"), ("frames_dropped", "dropped"),
      ("frames_delivered", "delivered"), ("frames_resent", "resent"), ("frames_expired", "expired"),
    ] {
      let number = try #require(quiet[name] as? Int)
      #expect(log.contains(" \(word)=\(number)"), "\(name) \(number)\n\(log.suffix(300))")
    }
    #expect((quiet["frames_received"] as? Int ?? 0) > 16)
    world.close()
  }

  @Test("Every figure of the status but the names is a metric with help and type")
  func metrics() throws {
    var world = try World()
    try world.startRelay()
    world.addTrackers(2, seed: 24)
    try world.run("all are known") { $0.areAllKnown }
    try world.finish()
    let spool = world.scratch.file("spool")
    let status = try Operator.ask(["status", "--json"], spool)
    let text = try Operator.run(["metrics", "--spool", spool]).output
    var values: [String: String] = [:]
    var announced: [String] = []
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ")
      if words[0] == "#" {
        announced.append("\(words[1]) \(words[2])")
      } else {
        let name = words[0].prefix { $0 != "{" }
        #expect(announced.suffix(2) == ["HELP \(name)", "TYPE \(name)"])
        values[String(name)] = String(words[1])
      }
    }
    #expect(values["edgerelay_build_info"] == "1")
    let figures = status.values.count { $0 is Int }
    #expect(values.count == figures + 1, "\(text)")
    #expect(values["edgerelay_devices_online"] == "2")
    #expect(values["edgerelay_frames_stored_total"] == "\(status["frames_stored"] as? Int ?? -1)")
    try world.expectCleanEnd()
  }

  @Test("The time is told when the kernel speaks for it, or the operator")
  func clock() throws {
    var world = try World()
    let file = world.scratch.file("edgerelay.toml")
    let spool = world.scratch.file("spool")
    try Data().write(to: URL(fileURLWithPath: file))
    try world.startRelay(
      ["--config", file], variables: ["EDGERELAY_POLICY__CLOCK": "synchronised"])
    try world.run("the relay serves") { $0.log.contains("listening") }
    let battery = try? String(contentsOfFile: "/sys/class/rtc/rtc0/hctosys", encoding: .utf8)
    let kernel = clinux_clock_is_synchronised()
    let isBelieved = kernel != 0 || battery?.first == "1"
    try world.run("it has looked at the clock") { _ in
      try Operator.ask(["status", "--json"], spool)["clock_believed"] as? Int
        == (isBelieved ? 1 : 0)
    }
    let status = try Operator.ask(["status", "--json"], spool)
    #expect(status["clock_synchronised"] as? Int == (kernel == 1 ? 1 : 0))
    let device = try TestSocket.connection(to: world.relayPort)
    let request = GT06Wire.frame(0x8A, [], serial: 2)
    #expect(device.send(GT06Wire.loginFrame(5, serial: 1) + request))
    let login = GT06Wire.answer(to: GT06Wire.login, serial: 1)
    var answer: [UInt8] = []
    try world.run("the login is answered") { _ in
      if case .bytes(let bytes) = device.receive(milliseconds: 0) { answer += bytes }
      return answer.count >= login.count
    }
    // One frame behind it: what is answered is answered in the order of the frames.
    #expect(device.send(GT06Wire.loginFrame(5, serial: 3)))
    try world.run("so is the next") { _ in
      if case .bytes(let bytes) = device.receive(milliseconds: 0) { answer += bytes }
      return answer.count >= 2 * login.count
    }
    #expect((answer.count > 2 * login.count) == isBelieved)
    // Frames are shown with that time, or with the seconds since the start, so that they can be put in order.
    let follower = try ControlConnection(spool + "/control.sock")
    follower.send("tail\t\t\n")
    var shown = ""
    try world.run("a frame is shown") { _ in
      _ = device.send(GT06Wire.loginFrame(5, serial: 4))
      shown += follower.receive()
      return shown.contains("\n")
    }
    #expect(shown.hasPrefix(isBelieved ? "time=20" : "time=+"))
    if !isBelieved {
      let seconds = shown.dropFirst(6).prefix { $0 != "\t" }
      #expect(Double(seconds).map { $0 > 0 && $0 < 600 } == true)
    }
    #expect(world.log.contains("the clock is not synchronised") == !isBelieved)
    let code = try world.stopRelay()
    #expect(code == 0)
    world.close()
  }

  @Test("Figures are written to a file at once, or not at all")
  func metricsFile() throws {
    var world = try World()
    try world.startRelay()
    try world.run("the relay serves") { $0.log.contains("listening") }
    let spool = world.scratch.file("spool")
    let file = world.scratch.file("edgerelay.prom")
    #expect(try Operator.run(["metrics", "--spool", spool, "--write", file]).output == "")
    let text = try String(contentsOfFile: file, encoding: .utf8)
    #expect(text.hasPrefix("# HELP edgerelay_build_info"))
    #expect(text.hasSuffix("\n"))
    let attributes = try FileManager.default.attributesOfItem(atPath: file)
    #expect(attributes[.posixPermissions] as? Int == 0o644)
    #expect(!FileManager.default.fileExists(atPath: file + ".tmp"))
    let nowhere = try Operator.run(["metrics", "--spool", spool, "--write", file + "/x"])
    #expect(nowhere.code == 73)
    #expect(nowhere.output.contains("cannot write \(file)/x: "))
    #expect(try Operator.run(["status", "--write", file, "--spool", spool]).code == 64)
    let code = try world.stopRelay()
    #expect(code == 0)
    world.close()
    #expect(try Operator.run(["metrics", "--spool", spool, "--write", file]).code == 69)
    #expect(try String(contentsOfFile: file, encoding: .utf8) == text)
  }

  @Test("Prometheus fetches the figures over HTTP; who is slow or confused hurts nobody")
  func metricsServer() throws {
    var world = try World()
    var random = DemoRandom(seed: UInt64.random(in: 0 ... .max))
    let port = try #require(Loopback.freePort(&random))
    let file = world.scratch.file("edgerelay.toml")
    let text = "[metrics]\nlisten = \"127.0.0.1:\(port)\"\n[log]\nsummary_seconds = 1\n"
    try Data(text.utf8).write(to: URL(fileURLWithPath: file))
    try world.startRelay(["--config", file])
    world.addTrackers(2, seed: 31)
    try world.run("all are known") { $0.areAllKnown }
    func connect() throws -> TestSocket { try TestSocket.connection(to: port) }
    func answer(_ socket: TestSocket) throws -> String {
      var text = ""
      try world.run("the exchange has ended") { _ in
        switch socket.receive(milliseconds: 0) {
        case .bytes(let bytes): text += String(decoding: bytes, as: UTF8.self)
        case .nothing: break
        case .ended: return true
        }
        return false
      }
      return text
    }
    func exchange(_ request: String) throws -> String {
      let socket = try connect()
      #expect(socket.send(Array(request.utf8)))
      return try answer(socket)
    }
    // More clients than there is room for, none of whom goes on.
    var slow: [TestSocket] = []
    for _ in 0..<20 {
      slow.append(try connect())
      #expect(slow[slow.count - 1].send(Array("GET /met".utf8)))
    }
    let whole = try exchange("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    #expect(whole.hasPrefix("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4"))
    let body = try #require(whole.range(of: "\r\n\r\n").map { String(whole[$0.upperBound...]) })
    #expect(whole.contains("\r\nContent-Length: \(body.utf8.count)\r\n"))
    #expect(body.contains("\nedgerelay_devices_online 2\n"))
    #expect(try exchange("POST /metrics HTTP/1.0\n\n").hasPrefix("HTTP/1.1 405 "))
    #expect(try exchange("GET / HTTP/1.0\r\n\r\n").hasPrefix("HTTP/1.1 404 "))
    #expect(try exchange("\r\n\r\n").hasPrefix("HTTP/1.1 400 "))
    let long = "GET /metrics HTTP/1.1\r\nX: " + String(repeating: "x", count: 4_096)
    #expect(try exchange(long).hasPrefix("HTTP/1.1 431 "))
    for socket in slow { #expect(try answer(socket) == "") }
    try world.run("a summary is written") { world in
      world.log.contains { $0 == "\n" }
        && world.log.contains("summary sessions=2 online=2 devices=2")
        && world.log.contains(" platform_sessions=2 platform=up")
    }
    try world.finish()
    try world.expectCleanEnd()
  }

  @Test("Who sends what nobody understands is shown with the nearest protocols")
  func unknown() throws {
    var world = try World()
    try world.startRelay()
    try world.run("the relay answers") { $0.relay?.log.contains("listening") == true }
    let spool = world.scratch.file("spool")
    #expect(try Operator.run(["unknown", "--spool", spool]).output == "no unknown traffic yet\n")
    for _ in 0..<3 {
      let stranger = try TestSocket.connection(to: world.relayPort)
      #expect(stranger.send(Array("[3G-88\"00!".utf8)))
      while stranger.receive(milliseconds: 100) == .nothing {}
    }
    let source = try Operator.ask(["unknown", "--json"], spool)
    #expect(source["source"] as? String == "127.0.0.1")
    #expect(source["count"] as? Int == 3)
    #expect((source["near"] as? String)?.hasPrefix("watch:") == true)
    #expect(source["text"] as? String == "[3G-88.00!")
    #expect(source["bytes"] as? String == "5b33472d383822303021")
    try world.expectCleanEnd()
  }

  @Test("Every device has its line, online or not")
  func devices() throws {
    var world = try World()
    try world.startRelay()
    world.addTrackers(4, seed: 22)
    try world.run("all are known") { $0.areAllKnown }
    let spool = world.scratch.file("spool")
    let lines = try Operator.run(["devices", "--json", "--spool", spool]).output.split(
      separator: "\n")
    #expect(lines.count == 4)
    for line in lines {
      let device = try Operator.object(String(line))
      #expect(device["protocol"] as? String == "gt06")
      #expect((device["device"] as? String)?.count == 15)
      #expect(["tcp", "udp"].contains(device["transport"] as? String))
      #expect((device["source"] as? String)?.hasPrefix("127.0.0.1:") == true)
    }
    var absent: TestSocket? = try TestSocket.connection(to: world.relayPort)
    #expect(absent?.send(Self.login) == true)
    #expect(absent?.receive(milliseconds: 30_000) != .nothing)
    absent = nil
    try world.run("five are known, and one is offline") { _ in
      let lines = try Operator.run(["devices", "--json", "--spool", spool]).output.split(
        separator: "\n")
      guard lines.count == 5, let last = lines.last else { return false }
      let device = try Operator.object(String(last))
      return device["transport"] as? String == "offline" && device["source"] is NSNull
        && (device["last_seconds"] as? Int ?? 99) < 90
        && device["device"] as? String == "123456789012345"
    }
    let table = try Operator.run(["devices", "--spool", spool]).output
    #expect(table.hasPrefix("device"))
    #expect(table.split(separator: "\n").count == 6)
    // Clients that say nothing or nonsense keep nobody from asking.
    var silent: [ControlConnection] = []
    for i in 0..<20 {
      let connection = try ControlConnection(spool + "/control.sock")
      if i % 2 == 1 { connection.send("what is this?\n") }
      silent.append(connection)
      #expect(try Operator.run(["devices", "--spool", spool]).code == 0)
    }
    silent.removeAll()
    try world.finish()
    // The platform may have heard of the fifth device, which is no tracker of ours.
    let code = try world.stopRelay()
    #expect(code == 0)
    #expect(world.tally.total.lost == 0, "\(world.summary)")
    world.close()
    let gone = try Operator.run(["devices", "--spool", spool])
    #expect(gone.code == 69)
    #expect(gone.output.contains("no relay is at work on the spool \(spool)"))
    #expect(!FileManager.default.fileExists(atPath: spool + "/control.sock"))
  }

  @Test("A socket that a killed relay left is nobody's")
  func stale() throws {
    var world = try World()
    try world.startRelay()
    world.addTrackers(1, seed: 23)
    try world.run("it is known") { $0.areAllKnown }
    world.killRelay()
    let spool = world.scratch.file("spool")
    let gone = try Operator.run(["status", "--spool", spool])
    #expect(gone.code == 69)
    #expect(gone.output.contains("no relay is at work"))
    try world.startRelay()
    try world.run("it answers again") { _ in
      try Operator.run(["status", "--spool", spool]).output.hasPrefix("version")
    }
    try world.finish()
    try world.expectCleanEnd()
  }

  private static let login: [UInt8] = [
    0x78, 0x78, 0x0D, 0x01, 0x01, 0x23, 0x45, 0x67, 0x89, 0x01, 0x23, 0x45, 0x00, 0x01, 0x8C, 0xDD,
    0x0D, 0x0A,
  ]
}
