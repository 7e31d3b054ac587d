// A relay process between simulated trackers and the stand-in platform.
//
// Everything on the stage happens inside `run`, which watches the relay too: one that ends by itself
// fails the test at once.

import Foundation
import Queue
import Relay
import Testing

@testable import EdgeRelay

/// One site under test.
struct World: ~Copyable {
  /// Far beyond what a slow, busy machine needs for anything.
  static let patience = 90.0

  let scratch: Scratch
  let relayPort: UInt16
  private let listen: String
  private let platformPort: UInt16
  private(set) var relay: RelayProcess?
  var stage: Stage

  /// A platform and no tracker; the relay is not started yet.
  ///
  /// `host` is where the relay listens, `tracker` the address trackers send to.
  init(listen host: String = "127.0.0.1", trackersReach tracker: [UInt8] = [127, 0, 0, 1]) throws {
    var random = DemoRandom(seed: UInt64.random(in: 0 ... .max))
    guard let relay = Loopback.freePort(&random), let platform = Loopback.freePort(&random) else {
      throw Trouble("no free ports on 127.0.0.1")
    }
    var address = Loopback.address(port: relay)
    for i in 0..<4 { address[4 + i] = tracker[i] }
    let scratch = try Scratch()
    let stage = try Stage(relay: address, platform: Loopback.address(port: platform))
    self.scratch = scratch
    relayPort = relay
    platformPort = platform
    listen = "\(host):\(relay)"
    self.stage = stage
  }

  // MARK: The relay

  mutating func startRelay(_ extra: [String] = [], variables: [String: String] = [:]) throws {
    let arguments = [
      "run", "--listen", listen, "--upstream", "127.0.0.1:\(platformPort)",
      "--spool", scratch.file("spool"), "--spool-size", "32M",
    ]
    relay = try RelayProcess(
      arguments + extra, logPath: scratch.file("log"), variables: variables)
  }

  func killRelay() { relay?.kill() }

  /// Makes the relay read its configuration again.
  func hangUp() { relay?.hangUp() }

  /// Asks the relay to stop and returns its exit code; trackers and platform go on meanwhile.
  mutating func stopRelay() throws -> Int {
    relay?.terminate()
    var code: Int?
    try run("the relay stops", watchesRelay: false) { (world) throws in
      code = world.relay?.takeExitCode()
      return code != nil
    }
    return code ?? -1
  }

  var log: String { relay?.log ?? "" }

  var residentKiB: Int { relay?.residentKiB ?? 0 }

  // MARK: Time

  /// Lets everybody act until `condition` holds.
  mutating func run(
    _ what: String, within seconds: Double = patience, watchesRelay: Bool = true,
    until condition: (inout World) throws -> Bool
  ) throws {
    let deadline = Date(timeIntervalSinceNow: seconds)
    while try !condition(&self) {
      if Date() >= deadline {
        throw Trouble("waited \(seconds) s in vain until \(what)\n\(summary)")
      }
      try stage.turn()
      if watchesRelay, let code = relay?.takeExitCode() {
        throw Trouble("the relay ended with \(code) before \(what)\n\(summary)")
      }
    }
  }

  /// Lets everybody act for a while.
  mutating func run(milliseconds: Int) throws {
    let end = stage.now.advanced(by: milliseconds)
    try run("\(milliseconds) ms are over") { $0.stage.now >= end }
  }

  /// Lets every tracker come to its end and everything promised come to the platform.
  mutating func finish() throws {
    stage.finishTrackers()
    try run("every last alarm is answered") { $0.stage.areTrackersFinished }
    stage.noteEnd()
    let ends = stage.sequenceEnds
    try run("everything promised is delivered") { $0.stage.hasDelivered(below: ends) }
  }

  mutating func addTrackers(_ count: Int, _ pace: TrackerPace = TrackerPace(), seed: UInt64) {
    for i in 0..<count { stage.addTracker(i % 4 == 3 ? .udp : .tcp, pace: pace, seed: seed) }
  }

  /// Trackers of every protocol, on TCP and UDP.
  mutating func addCast(_ count: Int, _ pace: TrackerPace = TrackerPace(), seed: UInt64) {
    for i in 0..<count {
      let role = Cast.role(i)
      stage.addTracker(role.transport, role.speech, pace: pace, seed: seed)
    }
  }

  mutating func close() {
    relay?.kill()
    stage.close()
  }

  // MARK: Queries

  var areAllKnown: Bool {
    stage.onlineCount == stage.trackers.count
      && stage.platform.records.count == stage.trackers.count
  }

  var tally: Tally { Judge.tally(stage.trackers, stage.platform) }

  /// What a failure should say.
  var summary: String {
    var text = Text()
    tally.write(to: &text)
    tally.writeFaults(to: &text)
    let phases = stage.trackers.map { "\($0.phase)" }.joined(separator: " ")
    let short = stage.trackers.compactMap { tracker -> String? in
      let lost = Judge.tally([tracker], stage.platform).total.lost
      return lost == 0
        ? nil : "\(tracker.number) \(tracker.speech.name) \(tracker.transport): \(lost)"
    }
    return """
      \(String(decoding: text.bytes, as: UTF8.self))trackers: \(phases)
      lost by: \(short.joined(separator: ", "))
      platform connections: \(stage.platform.connectionCount)
      relay's log, the last lines:
      \(log.split(separator: "\n").suffix(40).joined(separator: "\n"))
      """
  }

  /// Stops the relay, closes everything, and expects that nothing is off.
  mutating func expectCleanEnd() throws {
    let code = try stopRelay()
    let tally = tally
    let summary = summary
    #expect(code == 0, "\(summary)")
    #expect(tally.isClean, "\(summary)")
    close()
  }
}
