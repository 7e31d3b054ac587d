// What cannot start says so: exit codes of sysexits.h and a message for the operator.

import Foundation
import Relay
import Testing

@testable import EdgeRelay

@Suite("A relay that cannot start says why")
struct StartTests {
  @Test("A second instance on the same spool ends with 75")
  func spoolInUse() throws {
    var world = try World()
    try world.startRelay()
    world.addTrackers(1, seed: 1)
    try world.run("the first instance works") { $0.areAllKnown }
    let spool = world.scratch.file("spool")
    let second = try start([
      "run", "--listen", "127.0.0.1:0", "--upstream", "127.0.0.1:1", "--spool", spool,
    ])
    #expect(second.code == 75)
    #expect(second.output.contains(spool))
    #expect(second.output.contains("another instance"))
    // The first one does not notice.
    try world.finish()
    try world.expectCleanEnd()
  }

  @Test("A port that is taken ends with 69")
  func portTaken() throws {
    var world = try World()
    try world.startRelay()
    world.addTrackers(1, seed: 2)
    try world.run("the first instance works") { $0.areAllKnown }
    let address = "127.0.0.1:\(world.relayPort)"
    let second = try start([
      "run", "--listen", address, "--upstream", "127.0.0.1:1", "--spool",
      world.scratch.file("other"), "--spool-size", "4M",
    ])
    #expect(second.code == 69)
    #expect(second.output.contains(address))
    #expect(second.output.contains("in use"))
    try world.finish()
    try world.expectCleanEnd()
  }

  @Test("A spool directory that cannot be made ends with 73")
  func unwritableDirectory() throws {
    let scratch = try Scratch()
    try Data().write(to: URL(fileURLWithPath: scratch.file("plain-file")))
    // Not even root may make a directory inside a file, or one without its parent.
    for path in [scratch.file("plain-file/spool"), scratch.file("missing/spool")] {
      let result = try start([
        "run", "--listen", "127.0.0.1:0", "--upstream", "127.0.0.1:1", "--spool", path,
      ])
      #expect(result.code == 73)
      #expect(result.output.contains(path))
    }
    guard geteuid() != 0 else { return }
    let readOnly = scratch.file("read-only")
    try FileManager.default.createDirectory(
      atPath: readOnly, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o500])
    let result = try start([
      "run", "--listen", "127.0.0.1:0", "--upstream", "127.0.0.1:1", "--spool", readOnly,
    ])
    #expect(result.code == 73)
  }

  @Test(
    "A wrong command line ends with 64 and names the word it is about",
    arguments: [
      (["fly"], "fly"), (["run"], "--upstream"), (["run", "--upstream"], "--upstream"),
      (["run", "--upstream", "nowhere"], "nowhere"),
      (["run", "--upstream", "a:1", "--listen", "8888"], "8888"),
      (["run", "--upstream", "a:1", "--spool-size", "tiny"], "tiny"),
      (["run", "--upstream", "a:1", "--replies", "loud"], "loud"),
      (["run", "--upstream", "a:1", "--quiet=yes"], "--quiet"),
      (["run", "--upstream", "a:1", "--colour"], "--colour"),
      (["demo", "--trackers", "many"], "many"), (["demo", "--seconds", "1"], "1"),
      (["demo", "--loop"], "--loop"),
    ])
  func wrongCommandLine(_ words: [String], _ named: String) throws {
    let result = try start(words)
    #expect(result.code == 64)
    #expect(result.output.contains(named), "\(result.output)")
  }

  /// Runs the binary to its end.
  private func start(_ words: [String]) throws -> (code: Int, output: String) {
    let scratch = try Scratch()
    let process = try RelayProcess(words, logPath: scratch.file("log"))
    let code = try process.exitCode()
    return (code, process.log)
  }
}
