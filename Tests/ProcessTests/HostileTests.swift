// Peers that are no trackers, or bad ones. Whatever they send, the relay lives, its memory stays within
// bounds, and a good device beside them is served.

import Foundation
import Queue
import Relay
import Testing

@testable import EdgeRelay

@Suite("No peer can hurt the relay")
struct HostileTests {
  /// KiB. The relay alone needs a few MiB; an emulator around it needs some dozens more.
  private static let residentMax = RelayProcess.runner.isEmpty ? 64 * 1_024 : 192 * 1_024

  @Test("A thousand idle connections are closed in time, and nobody else notices them")
  func idle() throws {
    var world = try World()
    let file = world.scratch.file("edgerelay.toml")
    try Data("[limits]\nunnamed_per_source = 0\n".utf8).write(to: URL(fileURLWithPath: file))
    try world.startRelay(["--quiet", "--config", file])
    world.addTrackers(4, seed: 21)
    try world.run("all trackers are online and known") { $0.areAllKnown }
    let start = world.stage.now
    var idle: [TestSocket] = []
    for _ in 0..<1_000 {
      idle.append(try TestSocket.connection(to: world.relayPort))
      if idle.count % 50 == 0 { try world.run(milliseconds: 1) }
    }
    let resident = world.residentKiB
    #expect(resident < Self.residentMax)
    let alarms = world.tally.alarms.answered
    try world.run("good devices are served meanwhile") {
      $0.tally.alarms.answered >= alarms + 8 && $0.tally.alarms.delivered >= alarms + 8
    }
    try world.run("every idle connection is closed") { _ in
      idle.removeAll { $0.receive(milliseconds: 0) == .ended }
      return idle.isEmpty
    }
    #expect(world.stage.now.since(start) >= 25_000, "a device may take its time to speak")
    try world.finish()
    try world.expectCleanEnd()
  }

  @Test("Without descriptors the relay waits for some, idle, and then takes who has waited")
  func noDescriptors() throws {
    var world = try World()
    try world.startRelay()
    world.addTrackers(1, seed: 29)
    try world.run("the relay serves") { $0.areAllKnown }
    guard let relay = world.relay else { throw Trouble("no relay") }
    try relay.setDescriptorLimit(8)
    // Whoever asks for the status waits alone first, then beside a device.
    let question = try RelayProcess(
      ["status", "--spool", world.scratch.file("spool")], logPath: world.scratch.file("status"))
    var ticks = relay.processorTicks
    try world.run(milliseconds: 3_000)
    let alone = relay.processorTicks - ticks
    #expect(alone < 50, "\(alone) hundredths of a second in 3 s")
    try world.run("it says so") { $0.log.contains("cannot take connections, they wait error=") }
    let waiting = try TestSocket.connection(to: world.relayPort)
    #expect(waiting.send(GT06Wire.loginFrame(77, serial: 1)))
    ticks = relay.processorTicks
    try world.run(milliseconds: 3_000)
    let used = relay.processorTicks - ticks
    #expect(used < 50, "\(used) hundredths of a second in 3 s")
    #expect(waiting.receive(milliseconds: 0) == .nothing)
    try relay.setDescriptorLimit(1_024)
    try world.run("the one that waited is served") { _ in
      waiting.receive(milliseconds: 0) == .bytes(GT06Wire.answer(to: GT06Wire.login, serial: 1))
    }
    #expect(try question.exitCode() == 0)
    try world.finish()
    let code = try world.stopRelay()
    #expect(code == 0)
    world.close()
  }

  @Test("A source has as many sessions as it may have, and the log says who had more")
  func sourceLimits() throws {
    var world = try World()
    let file = world.scratch.file("edgerelay.toml")
    let limits = "[limits]\nsessions_per_source = 5\nunnamed_per_source = 3\n"
    try Data(limits.utf8).write(to: URL(fileURLWithPath: file))
    try world.startRelay(["--config", file])
    try world.run("the relay listens") { $0.log.contains("listening") }
    func logIn(_ number: Int) throws -> TestSocket {
      let socket = try TestSocket.connection(to: world.relayPort)
      #expect(socket.send(GT06Wire.loginFrame(number, serial: 1)))
      #expect(socket.receive(milliseconds: 60_000) != .nothing)
      return socket
    }
    var sockets = try (1...3).map { try logIn($0) }
    for _ in 0..<2 { sockets.append(try TestSocket.connection(to: world.relayPort)) }
    let sixth = try TestSocket.connection(to: world.relayPort)
    #expect(sixth.receive(milliseconds: 60_000) == .ended)
    try world.run("the log says so") {
      $0.log.contains("connection refused reason=source-limit source=127.0.0.1:")
    }
    for socket in sockets { #expect(socket.receive(milliseconds: 0) == .nothing) }
    sockets.removeAll()
    try world.run("their sessions have ended") { world in
      let socket = try TestSocket.connection(to: world.relayPort)
      return socket.receive(milliseconds: 100) == .nothing
    }
    for _ in 0..<8 { sockets.append(try TestSocket.connection(to: world.relayPort)) }
    try world.run("those too many that say nothing are refused") { world in
      world.log.contains("connection refused reason=unnamed-limit source=127.0.0.1:")
    }
    let code = try world.stopRelay()
    #expect(code == 0)
    world.close()
  }

  @Test("Unknown traffic is logged with its source, a count, what came nearest, hex and text")
  func unknownTraffic() throws {
    var world = try World()
    try world.startRelay()
    world.addTrackers(1, seed: 23)
    try world.run("the relay serves") { $0.areAllKnown }
    for text in ["[AB?", "[AB?", "GET / \"quoted\"\r\n"] {
      let connection = try TestSocket.connection(to: world.relayPort)
      #expect(connection.send(Array(text.utf8)))
      try world.run("the connection is closed") { _ in
        connection.receive(milliseconds: 0) == .ended
      }
    }
    let lines = world.log.split(separator: "\n").filter { $0.contains("unknown traffic") }
    #expect(lines.count == 3)
    #expect(lines[0].contains("reason=unknown-start source=127.0.0.1:"))
    #expect(lines[0].contains(" count=1 near=watch:3 bytes=5b41423f text=\"[AB?\""))
    #expect(lines[1].contains(" count=2 "))
    #expect(lines[2].contains(" count=3 near=xexun:1 "))
    #expect(lines[2].hasSuffix("text=\"GET / .quoted...\""))
    try world.finish()
    try world.expectCleanEnd()
  }

  @Test("Ten megabytes of noise, in every way, do no harm")
  func noise() throws {
    let seed = UInt64.random(in: 0..<1_000_000)
    print("seed of the noise test: \(seed)")
    var random = DemoRandom(seed: seed)
    var world = try World()
    try world.startRelay(["--quiet"])
    world.addTrackers(4, seed: seed)
    try world.run("all trackers are online and known") { $0.areAllKnown }
    let datagrams = try TestSocket.connection(to: world.relayPort, .udp)
    var residentMax = 0
    var byteCount = 0
    var attack = 0
    while byteCount < 10 << 20 {
      attack += 1
      let opening = opening(attack, &random)
      let noise = noise(32_768, &random)
      let connection = try TestSocket.connection(to: world.relayPort)
      // The relay may well close before it has read everything.
      if connection.send(opening) { _ = connection.send(noise, milliseconds: 50) }
      byteCount += opening.count + noise.count
      _ = datagrams.send(opening + noise.prefix(random.number(in: 1..<1_400)))
      try world.run(milliseconds: 1)
      residentMax = max(residentMax, world.residentKiB)
    }
    print("noise test: \(attack) connections, at most \(residentMax) KiB resident")
    #expect(residentMax < Self.residentMax)
    try world.finish()
    let code = try world.stopRelay()
    #expect(code == 0, "\(world.summary)")
    // Noise behind a login is a device's own and goes up, so the platform may have seen odd frames.
    let tally = world.tally
    #expect(tally.total.lost == 0, "\(world.summary)")
    #expect(tally.orderViolations == 0)
    #expect(tally.wrongAnswers == 0)
    // Whatever was sent, nothing looks like a line of the log that the relay has not written.
    for line in world.log.split(separator: "\n") {
      #expect(line.hasPrefix("edgerelay: ") && line.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F })
    }
    world.close()
  }

  @Test("Half a frame is waited for, and closed when it never ends")
  func halfFrames() throws {
    var world = try World()
    try world.startRelay()
    world.addTrackers(1, seed: 23)
    try world.run("the good device is online and known") { $0.areAllKnown }
    let login = GT06Wire.loginFrame(77, serial: 1)
    var halves: [TestSocket] = []
    for count in 1..<login.count {
      let half = try TestSocket.connection(to: world.relayPort)
      #expect(half.send(Array(login[..<count])))
      halves.append(half)
    }
    let patient = try TestSocket.connection(to: world.relayPort)
    #expect(patient.send(Array(login[..<9])))
    #expect(patient.receive(milliseconds: 100) == .nothing)
    #expect(patient.send(Array(login[9...])))
    let answer = GT06Wire.answer(to: GT06Wire.login, serial: 1)
    try world.run("the completed login is answered") { _ in
      switch patient.receive(milliseconds: 0) {
      case .bytes(let bytes):
        #expect(bytes == answer)
        return true
      case .nothing: return false
      case .ended: throw Trouble("the patient device was dropped")
      }
    }
    try world.run("every half frame is closed") { _ in
      halves.removeAll { $0.receive(milliseconds: 0) == .ended }
      return halves.isEmpty
    }
    try world.finish()
    let code = try world.stopRelay()
    #expect(code == 0)
    world.close()
  }

  /// How an attack begins: with nothing, a mark, half a frame, or a login of its own.
  private func opening(_ attack: Int, _ random: inout DemoRandom) -> [UInt8] {
    let login = GT06Wire.loginFrame(
      90_000 + random.number(in: 0..<50), serial: UInt16(attack % 65_536))
    switch attack % 6 {
    case 0: return []
    case 1: return [0x78, 0x78]
    case 2: return [0x79, 0x79, 0xFF, 0xFF]
    case 3: return Array(login.prefix(random.number(in: 1..<login.count)))
    case 4: return Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
    default: return login
    }
  }

  /// Random bytes, now and then with something in them that looks like the start of a frame.
  private func noise(_ count: Int, _ random: inout DemoRandom) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + 8)
    while bytes.count < count {
      let word = random.next()
      for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift * 8))) }
      if word % 97 == 0 { bytes += [0x78, 0x78, UInt8(truncatingIfNeeded: word >> 40)] }
      if word % 89 == 0 { bytes += [0x0D, 0x0A] }
    }
    return bytes
  }
}
