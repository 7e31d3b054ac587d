// The promises that need a real process: kill -9, TERM, and both directions over real sockets.

import Foundation
import Queue
import Relay
import Testing

@testable import EdgeRelay

@Suite("A relay process delivers")
struct DeliveryTests {
  /// EDGERELAY_SEED repeats the random moments of a run, as far as a real machine can.
  private static let seed =
    ProcessInfo.processInfo.environment["EDGERELAY_SEED"].flatMap(UInt64.init)
    ?? UInt64.random(in: 0..<1_000_000)

  /// EDGERELAY_KILLS kills another number of times than twenty.
  private static let killCount =
    ProcessInfo.processInfo.environment["EDGERELAY_KILLS"].flatMap(Int.init) ?? 20

  @Test("Every answered frame survives twenty kills around an outage of the platform")
  func kills() throws {
    print("seed of the kill test: \(Self.seed)")
    let killCount = Self.killCount
    var random = DemoRandom(seed: Self.seed)
    var pace = TrackerPace()
    pace.alarm = 400
    pace.heartbeat = 700
    pace.reconnectMax = 400
    var world = try World()
    try world.startRelay()
    world.addCast(2 * Cast.count, pace, seed: Self.seed)
    try world.run("all trackers are online and known") { $0.areAllKnown }
    for kill in 0..<killCount {
      if kill == killCount / 4 { world.stage.cutPlatform() }
      if kill == killCount * 7 / 10 { try world.stage.restorePlatform() }
      try world.run(milliseconds: random.number(in: 50..<1_500))
      world.killRelay()
      if random.number(in: 0..<2) == 0 {
        try world.run(milliseconds: random.number(in: 1..<200))
      }
      try world.startRelay(["--quiet"])
    }
    try world.finish()
    let tally = world.tally
    print(
      "kill test: sent \(tally.total.sent), answered \(tally.total.answered), delivered "
        + "\(tally.total.delivered), duplicates \(tally.total.duplicates), unanswered and not "
        + "delivered \(tally.total.unpromised), lost \(tally.total.lost)")
    #expect(tally.total.answered > 500, "too few answers for this to mean anything")
    #expect(tally.positions.unpromised < tally.positions.sent / 2)
    // Without a kill or a cut nothing is delivered twice; a window of 32 frames may be with each.
    #expect(tally.total.duplicates < killCount * 2 * Cast.count * 32)
    try world.expectCleanEnd()
  }

  @Test("TERM ends with exit code 0 and everything answered durable")
  func terminate() throws {
    var world = try World()
    world.stage.cutPlatform()
    try world.startRelay()
    world.addTrackers(12, seed: 5)
    try world.run("some alarms are answered") {
      $0.stage.onlineCount == 12 && $0.tally.alarms.answered >= 20
    }
    let code = try world.stopRelay()
    #expect(code == 0, "\(world.summary)")
    let answered = world.tally.alarms.answered
    try world.stage.restorePlatform()
    try world.startRelay()
    try world.run("everything answered before the stop is delivered") {
      $0.tally.alarms.delivered >= answered && $0.tally.total.lost == 0
    }
    try world.finish()
    try world.expectCleanEnd()
  }

  @Test("A stop while everything works keeps what was answered")
  func terminateInGoodWeather() throws {
    var world = try World()
    try world.startRelay()
    world.addTrackers(12, seed: 6)
    try world.run("all trackers are online and known") { $0.areAllKnown }
    try world.run("some alarms are answered") { $0.tally.alarms.answered >= 20 }
    let code = try world.stopRelay()
    #expect(code == 0, "\(world.summary)")
    try world.startRelay()
    try world.finish()
    try world.expectCleanEnd()
  }

  @Test("A command reaches the live device and its reply goes up")
  func command() throws {
    var world = try World()
    try world.startRelay()
    world.addTrackers(2, seed: 7)
    try world.run("all trackers are online and known") { $0.areAllKnown }
    for (number, flag) in [(0, UInt32(0x0001_A958)), (1, 0xFFFF_FFFF)] {
      let wasSent = world.stage.sendCommand(to: number, flag: flag)
      #expect(wasSent)
      try world.run("the reply has come") {
        $0.stage.platform.record(of: number)?.commandReplies == [flag]
      }
      let carriedOut = world.stage.trackers[number].commands
      #expect(carriedOut == [flag])
    }
    try world.finish()
    try world.expectCleanEnd()
  }

  @Test(
    "A UDP device is answered from the address it sent to, and delivered over TCP",
    arguments: ["0.0.0.0", "[::]", "127.0.0.2"])
  func datagrams(_ listen: String) throws {
    // A connected datagram socket takes datagrams from the one address it is connected to. This is
    // not the one the kernel would choose for an answer.
    var world = try World(listen: listen, trackersReach: [127, 0, 0, 2])
    try world.startRelay()
    for i in 0..<3 { world.stage.addTracker(.udp, pace: TrackerPace(), seed: UInt64(i)) }
    try world.run("alarms are answered and delivered") {
      $0.areAllKnown && $0.tally.alarms.answered >= 6 && $0.tally.alarms.delivered >= 6
    }
    try world.finish()
    let positions = world.tally.positions
    #expect(positions.delivered == positions.sent, "nothing loses a datagram here")
    try world.expectCleanEnd()
  }

  @Test("A platform that answers positions and repeats one serial number loses nothing")
  func oddPlatform() throws {
    var world = try World()
    world.stage.platform.manners = PlatformManners(answers: .generous, serials: .fixed)
    try world.startRelay(["--replies", "generous"])
    world.addTrackers(8, seed: 8)
    try world.run("all trackers are online and known") { $0.areAllKnown }
    try world.run("some alarms are answered") { $0.tally.alarms.answered >= 16 }
    world.stage.cutPlatform()
    try world.run("a backlog has grown") { $0.stage.underwayCount >= 40 }
    try world.stage.restorePlatform()
    try world.finish()
    try world.expectCleanEnd()
  }

  @Test("A platform that never answers gets nothing but logins, and everything later")
  func silentPlatform() throws {
    var world = try World()
    world.stage.platform.manners.answers = .never
    try world.startRelay()
    world.addTrackers(4, seed: 9)
    try world.run("every login has come and alarms are answered") {
      $0.areAllKnown && $0.tally.alarms.answered >= 8
    }
    let delivered = world.stage.platform.deliveredCount
    #expect(delivered == 0, "a platform that does not know a device must not be given its frames")
    world.stage.platform.manners.answers = .owed
    // What waits for the answer of an old login breaks now; the next login is answered.
    world.stage.cutPlatform()
    try world.stage.restorePlatform()
    try world.finish()
    try world.expectCleanEnd()
  }

  @Test("The demonstration ends with exit code 0")
  func demonstration() throws {
    let scratch = try Scratch()
    let demo = try RelayProcess(
      ["demo", "--seconds", "6"], logPath: scratch.file("log"))
    let code = try demo.exitCode(within: 300)
    #expect(code == 0, "\(demo.log)")
    #expect(demo.log.contains("lost 0"), "\(demo.log)")
  }

  @Test("An interrupted demonstration leaves neither a process nor files")
  func interruptedDemonstration() throws {
    let scratch = try Scratch()
    let demo = try RelayProcess(
      ["demo", "--verbose"], logPath: scratch.file("log"), temporary: scratch.path)
    while !demo.log.contains("all trackers are online"), demo.isRunning {
      if let code = demo.takeExitCode() { throw Trouble("it ended with \(code)\n\(demo.log)") }
      usleep(20_000)
    }
    demo.terminate()
    let code = try demo.exitCode()
    #expect(code == 1)
    let left = try FileManager.default.contentsOfDirectory(atPath: scratch.path)
    #expect(left == ["log"])
  }
}
