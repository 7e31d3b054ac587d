// Configurations and the running relay: what a start refuses, what a reload changes, what systemd
// is told.

import Foundation
import Relay
import Testing

@testable import EdgeRelay

@Suite("The relay and its configuration")
struct ConfiguredTests {
  /// A site with a configuration file instead of options.
  private struct Site {
    let scratch: Scratch
    let port: UInt16

    init() throws {
      var random = DemoRandom(seed: UInt64.random(in: 0 ... .max))
      guard let port = Loopback.freePort(&random) else { throw Trouble("no free port") }
      self.port = port
      scratch = try Scratch()
      try FileManager.default.createDirectory(
        atPath: scratch.file("conf.d"), withIntermediateDirectories: false)
    }

    var main: String {
      """
      [listener.a]
      address = "127.0.0.1:\(port)"
      [upstream.a]
      address = "127.0.0.1:9"
      [spool]
      directory = "\(scratch.file("spool"))"
      size = "4MiB"

      """
    }

    func write(_ text: String, to name: String = "edgerelay.toml") throws {
      try Data(text.utf8).write(to: URL(fileURLWithPath: scratch.file(name)))
    }

    func start(
      _ words: [String]? = nil, _ variables: [String: String] = [:]
    ) throws -> RelayProcess {
      try RelayProcess(
        words ?? ["run", "--config", scratch.file("edgerelay.toml")],
        logPath: scratch.file("log-\(UUID().uuidString)"), variables: variables)
    }

    /// The exit code and output of a run to its end.
    func run(
      _ words: [String]? = nil, _ variables: [String: String] = [:]
    ) throws -> (code: Int, output: String) {
      let process = try start(words, variables)
      let code = try process.exitCode()
      return (code, process.log)
    }
  }

  @Test("A broken file ends with 78 before the spool is touched")
  func broken() throws {
    let site = try Site()
    try site.write(site.main + "size = \"5MiB\"\n")
    let (code, output) = try site.run()
    #expect(code == 78)
    #expect(output.contains("edgerelay.toml:8:1: expected each key once in a table"))
    #expect(!FileManager.default.fileExists(atPath: site.scratch.file("spool")))
    try site.write(site.main)
    try site.write("[upstream.b]\naddress = \"127.0.0.1:10\"\n", to: "conf.d/50-site.toml")
    #expect(try site.run().output.contains("conf.d/50-site.toml:2:1: expected no more than 1"))
    try site.write("[listener.a]\naddress = \"localhost:1\"\n", to: "conf.d/50-site.toml")
    #expect(try site.run().output.contains("conf.d/50-site.toml:2:1: expected \"ADDRESS:PORT\""))
    #expect(try site.run(["run", "--config", site.scratch.file("none")]).code == 78)
    let variable = try site.run(nil, ["EDGERELAY_SPOOL__SIZE": "1"])
    #expect(variable.code == 78)
    #expect(variable.output.contains("EDGERELAY_SPOOL__SIZE: expected a size"))
    #expect(!FileManager.default.fileExists(atPath: site.scratch.file("spool")))
  }

  @Test("check-config says what holds, and is strict when asked to be")
  func check() throws {
    let site = try Site()
    let file = site.scratch.file("edgerelay.toml")
    try site.write(site.main)
    try site.write("[log]\nlevel = \"warning\"\n[logs]\n", to: "conf.d/50.toml")
    try site.write("[log]\nlevel = \"info\"\n", to: "conf.d/51.toml.off")
    let good = try site.run(["check-config", file])
    #expect(good.code == 0)
    #expect(good.output.contains("50.toml:3:1: unknown table \"logs\""))
    #expect(try site.run(["check-config", "--strict", file]).code == 78)
    let shown = try site.run(
      ["check-config", "--show", file], ["EDGERELAY_LIMITS__SESSIONS": "7"]
    ).output
    #expect(shown.contains("size = \"4MiB\"  # \(file):7:1\n"))
    #expect(shown.contains("level = \"warning\"  # \(site.scratch.file("conf.d"))/50.toml:2:1\n"))
    #expect(shown.contains("sessions = 7  # EDGERELAY_LIMITS__SESSIONS\n"))
    #expect(shown.contains("pass_unknown = false  # default\n"))
    try site.write("")
    #expect(try site.run(["check-config", "--strict", file]).code == 78)
    try FileManager.default.removeItem(atPath: site.scratch.file("conf.d/50.toml"))
    #expect(try site.run(["check-config", "--strict", file]).output.contains("would idle"))
  }

  @Test("default-config prints a configuration that changes nothing")
  func defaultFile() throws {
    let site = try Site()
    let (code, output) = try site.run(["default-config"])
    #expect(code == 0)
    try site.write(output)
    let checked = try site.run(
      ["check-config", "--strict", site.scratch.file("edgerelay.toml")])
    #expect(checked.code == 0)
  }

  @Test("Without a platform the relay idles; a reload that names one starts it")
  func idle() throws {
    let site = try Site()
    let manager = try ManagerSocket(site.scratch.file("notify"))
    try site.write("")
    let process = try site.start(nil, ["NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "800000"])
    #expect(try manager.wait(for: "READY=1").contains("STATUS=not configured"))
    for _ in 0..<3 {
      let asked = Date()
      #expect(try manager.wait(for: "WATCHDOG=1") == "WATCHDOG=1")
      #expect(asked.timeIntervalSinceNow > -0.8)
    }
    try site.write("what\n")
    process.hangUp()
    #expect(try manager.wait(for: "READY=1").contains("STATUS=not configured"))
    #expect(process.log.contains("edgerelay.toml:1:5: expected ="))
    try site.write(site.main)
    process.hangUp()
    #expect(try manager.wait(for: "READY=1").contains("STATUS=0 of 0 devices online"))
    _ = try TestSocket.connection(to: site.port)
    process.terminate()
    #expect(try manager.wait(for: "STOPPING=1").contains("STATUS="))
    #expect(try process.exitCode() == 0)
  }

  @Test("The watchdog is fed within its limit by a relay that has nothing else to do")
  func watchdog() throws {
    let site = try Site()
    let manager = try ManagerSocket(site.scratch.file("notify"))
    try site.write(site.main)
    let process = try site.start(nil, ["NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "1000000"])
    _ = try manager.wait(for: "READY=1")
    var last = Date()
    for _ in 0..<4 {
      _ = try manager.wait(for: "WATCHDOG=1")
      #expect(last.timeIntervalSinceNow > -1)
      last = Date()
    }
    process.terminate()
    #expect(try process.exitCode() == 0)
    // Somebody else's watchdog is not fed.
    let stranger = try site.start(
      nil,
      ["NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "200000", "WATCHDOG_PID": "1"])
    _ = try manager.wait(for: "READY=1")
    stranger.terminate()
    #expect(try stranger.exitCode() == 0)
    #expect(!(try manager.everything().contains("WATCHDOG=1")))
  }

  @Test("Lines begin with their priority when standard error is the journal, and only then")
  func priorities() throws {
    let site = try Site()
    try site.write("[log]\nlevels = 1\nlevel = \"info\"\n[upstream.a]\naddress = 1\n")
    let log = site.scratch.file("journal")
    try Data().write(to: URL(fileURLWithPath: log))
    var status = stat()
    #expect(stat(log, &status) == 0)
    for isJournal in [true, false] {
      let stream = "\(status.st_dev):\(status.st_ino + (isJournal ? 0 : 1))"
      let process = try RelayProcess(
        ["run", "--config", site.scratch.file("edgerelay.toml")], logPath: log,
        variables: ["JOURNAL_STREAM": stream])
      #expect(try process.exitCode() == 78)
      let line = try #require(process.log.split(separator: "\n").last)
      #expect(line.hasPrefix(isJournal ? "<3>" : "edgerelay: "), "\(line)")
    }
    try site.write("[log]\nlevels = 1\nlevel = \"info\"\n")
    let warned = try RelayProcess(
      ["check-config", site.scratch.file("edgerelay.toml")], logPath: log,
      variables: ["JOURNAL_STREAM": "\(status.st_dev):\(status.st_ino)"])
    #expect(try warned.exitCode() == 0)
    #expect(warned.log.contains("\n<4>"))
  }

  @Test("A reload under load drops no session; a broken one changes nothing")
  func reload() throws {
    var world = try World()
    let file = world.scratch.file("edgerelay.toml")
    func write(_ text: String) throws {
      try Data(text.utf8).write(to: URL(fileURLWithPath: file))
    }
    try write("[log]\nlevel = \"info\"\n")
    try world.startRelay(["--config", file])
    world.addTrackers(8, seed: 11)
    try world.run("all are known") { $0.areAllKnown }
    let connections = world.stage.platform.connectionCount
    for round in 0..<20 {
      let broken = round % 4 == 3
      let policy = round % 2 == 0 ? "generous" : "minimal"
      try write(
        broken
          ? "[policy]\nreplies = \"\(policy)\"\nreplies = 1\n"
          : "[policy]\nreplies = \"\(policy)\"\n[spool]\nsize = \"64MiB\"\n[protocol.gt06]\n"
            + "replies = \"minimal\"\n[limits]\nsessions = \(100 + round)\n")
      world.hangUp()
      try world.run(milliseconds: 100)
    }
    let areAllKnown = world.areAllKnown
    #expect(areAllKnown)
    let connectionsAfter = world.stage.platform.connectionCount
    #expect(connectionsAfter == connections)
    let log = world.log
    #expect(log.contains("reloaded changed=policy.replies,protocol.gt06.replies"))
    // The size stands on the command line too, which wins.
    #expect(log.contains("restart needed for limits.sessions"))
    #expect(log.contains("reload refused, everything stays as it was"))
    #expect(log.contains("edgerelay.toml:3:1: expected each key once in a table"))
    try world.finish()
    try world.expectCleanEnd()
  }
}
