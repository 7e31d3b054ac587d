// What comes down from the platform: its answers are swallowed, everything else reaches the device.

import Testing

@testable import Relay

@Suite struct DownlinkTests {
  @Test(arguments: [
    ("right", Wire.alarm(2).answer()),
    ("wrong serial", Wire.alarm(2).answer(serial: 77)),
    ("wrong type", Wire.alarm(2).answer(type: 0x12)),
    ("wrong checksum", Wire(bytes: [0x78, 0x78, 5, 0x16, 0, 2, 0xAA, 0xBB, 0x0D, 0x0A])),
    ("always a login's", Wire(bytes: [0x78, 0x78, 5, 0x01, 0, 1, 0xD9, 0xDC, 0x0D, 0x0A])),
    ("long form", Wire.gt06(0x41, serial: 2, isLong: true)),
  ])
  func `the platform's answer is swallowed and proves the alarm`(name: String, answer: Wire) {
    let world = World()
    world.respond = { $0.type == 0x01 ? $0.answer().bytes : [] }
    let tracker = world.tracker(1)
    tracker.send(.alarm(2))
    world.advance(100)
    #expect(tracker.take() == [Wire.alarm(2).answer()])
    world.say(answer.bytes)
    #expect(tracker.take() == [])
    #expect(world.ledger.deliveredFrameCount == 1, "\(name)")
  }

  @Test func `an answer to nothing is swallowed and counted`() {
    let world = World()
    let tracker = world.tracker(1)
    world.say(Wire.position(9).answer().bytes)
    #expect(tracker.take() == [])
    #expect(world.ledger.strayAnswerCount == 1)
  }

  @Test func `a command goes down whole and the device's reply goes up`() {
    let world = World()
    let tracker = world.tracker(1)
    tracker.writes = []
    let command = Wire.command("DYD,000000#")
    for byte in command.bytes { world.say([byte]) }
    #expect(tracker.writes == [command.bytes])
    let short = Wire.gt06(0x15, [5, 0, 1, 2, 3, 0x4F], serial: 2)
    let long = Wire.gt06(0x21, [0, 1, 2, 3, 1, 0x4F, 0x4B], serial: 3, isLong: true)
    tracker.send(short, long)
    #expect(world.delivered.suffix(2) == [short, long])
    _ = tracker.take()
    world.advance(1_000)
    #expect(tracker.take() == [])
  }

  @Test func `a command glued to answers reaches the device alone`() {
    let world = World()
    let tracker = world.tracker(1)
    let command = Wire.command("WHERE#")
    world.say(Wire.heartbeat(1).answer().bytes + command.bytes + Wire.heartbeat(2).answer().bytes)
    #expect(tracker.take() == [command])
  }

  /// A device that has gone, with a platform session that still waits for an answer.
  private func absence(_ world: World) {
    world.respond = { $0.type == 0x01 ? $0.answer().bytes : [] }
    let tracker = world.tracker(1)
    tracker.send(.alarm(2))
    tracker.hangUp()
  }

  @Test func `commands for a device that has gone wait for its next frame, in order, and go once`()
  {
    let world = World()
    absence(world)
    world.say(Wire.command("WHERE#").bytes)
    world.say(Wire.command("RESET#").bytes)
    #expect(world.ledger.commandCount == 0)
    world.advance(20_000)
    let again = world.connection(1)
    #expect(again.take() == [])
    again.send(.login(1, serial: 1))
    #expect(
      again.take()
        == [Wire.login(1, serial: 1).answer(), .command("WHERE#"), .command("RESET#")])
    #expect(world.ledger.commandCount == 2)
    again.hangUp()
    let third = world.tracker(1)
    third.send(.heartbeat(2))
    #expect(third.take() == [Wire.heartbeat(2).answer()])
    world.advance(RelayLimits.commandExpiry)
    #expect(world.ledger.commandCount == 2)
    #expect(world.ledger.droppedCommandCount == 0)
  }

  @Test func `a command that nobody took in time is dropped, and never carried out late`() {
    let world = World()
    absence(world)
    world.say(Wire.command("RESET#").bytes)
    world.advance(RelayLimits.commandExpiry - 1)
    #expect(world.ledger.droppedCommandCount == 0)
    world.advance(1)
    #expect(world.ledger.droppedCommandCount == 1)
    _ = world.tracker(1)
    #expect(world.ledger.commandCount == 0)
  }

  @Test func `kept commands take bounded memory`() {
    let world = World()
    absence(world)
    for _ in 0...RelayLimits.heldCommandCountMax { world.say(Wire.command("A").bytes) }
    #expect(world.ledger.droppedCommandCount == 1)
    #expect(world.engine.heldCommands.count == RelayLimits.heldCommandCountMax)
  }

  @Test func `a command for a silent UDP source waits until its address translation is open`() {
    let world = World()
    let source = world.source(1)
    source.send(.login(1))
    world.advance(RelayLimits.datagramReachInterval)
    _ = source.take()
    world.say(Wire.command("FIRST#").bytes)
    #expect(source.take() == [.command("FIRST#")])
    world.advance(1)
    world.say(Wire.command("SECOND#").bytes)
    #expect(source.take() == [])
    source.send(.heartbeat(2))
    #expect(source.take() == [Wire.heartbeat(2).answer(), .command("SECOND#")])
  }

  @Test func `the commands of one device do not reach another`() {
    let world = World()
    absence(world)
    world.say(Wire.command("WHERE#").bytes)
    let other = world.tracker(2)
    other.send(.heartbeat(2))
    #expect(other.take() == [Wire.heartbeat(2).answer()])
    #expect(world.engine.heldCommands.count == 1)
  }

  @Test func `an address text with a two-byte length passes`() {
    let world = World()
    let tracker = world.tracker(1)
    let content: [UInt8] = [0, 0xE2, 0, 0, 0, 1] + [UInt8](repeating: 0x41, count: 222)
    let body: [UInt8] = [0x00, 0xE9, 0x97] + content + [0x00, 0x01]
    let checksum = Wire.crc(body)
    let text = [0x78, 0x78] + body + [UInt8(checksum >> 8), UInt8(checksum & 0xFF), 0x0D, 0x0A]
    #expect(text.count == 239)
    world.say(Array(text[..<100]))
    #expect(tracker.inbox == [])
    world.say(Array(text[100...]))
    #expect(tracker.inbox == text)
  }

  @Test func `bytes that are no frame reach a connected device`() {
    let world = World()
    let tracker = world.tracker(1)
    world.say(Array("hello".utf8))
    #expect(tracker.inbox == Array("hello".utf8))
  }

  @Test func `half a frame from the platform is forgotten with its connection`() {
    let world = World()
    let tracker = world.tracker(1)
    world.say(Array(Wire.command("WHERE#").bytes[..<6]))
    world.cut()
    world.advance(5_000)
    world.say(Wire.command("RESET#").bytes)
    #expect(tracker.take() == [.command("RESET#")])
  }
}
