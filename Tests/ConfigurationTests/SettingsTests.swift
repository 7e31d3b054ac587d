// Layers, meanings and differences of configurations that are good.

import Detect
import Testing

@testable import Configuration

@Suite("Settings")
struct SettingsTests {
  private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
  private func string(_ text: Text) -> String { String(decoding: text.bytes, as: UTF8.self) }

  private func settings(
    _ files: String..., variables: [(String, String)] = [], options: [Setting] = []
  ) throws -> Settings {
    var settings = Settings()
    for (i, file) in files.enumerated() { try settings.addFile(bytes(file), name: bytes("f\(i)")) }
    for (name, text) in variables { try settings.addVariable(bytes(name), bytes(text)) }
    for option in options { settings.addOption(option) }
    try settings.finish()
    return settings
  }

  private func option(_ key: Key, _ name: String, _ text: String) -> Setting {
    Setting(key, bytes(name), bytes(text), bytes("--option"))!
  }

  private func show(_ settings: Settings) -> String {
    var text = Text()
    settings.write(to: &text)
    return string(text)
  }

  @Test("Nothing set means the defaults of the key table")
  func defaults() throws {
    let settings = try settings("")
    #expect(settings.path(.spoolDirectory) == bytes("/var/lib/edgerelay"))
    #expect(settings.number(.spoolSize) == 256 << 20)
    #expect(settings.number(.limitSessions) == 16_384)
    #expect(!settings.isTrue(.policyPassUnknown))
    #expect(settings.all(.upstreamAddress).isEmpty)
    #expect(settings.policies.policy(for: .gt06) == ProtocolID.gt06.row.defaultPolicy)
  }

  @Test("Every default is a value of its key's kind", arguments: Key.allCases)
  func defaultsAreGood(_ key: Key) {
    let hasStandard = !key.row.standard.isEmpty
    #expect((key.standard != nil) == hasStandard)
    #expect(hasStandard != !key.row.example.isEmpty)
  }

  @Test("A file comes before the defaults, a later file, a variable, an option before the former")
  func layers() throws {
    let first = "[spool]\nsize = \"8MiB\"\ndirectory = \"/a\"\n[limits]\nsessions = 5\n"
    let second = "[spool]\nsize = \"16MiB\"\n"
    let variables = [("EDGERELAY_SPOOL__SIZE", "32M"), ("EDGERELAY_LIMITS__SESSIONS", "6")]
    let last = option(.spoolSize, "", "64M")
    #expect(try settings(first).number(.spoolSize) == 8 << 20)
    #expect(try settings(first, second).number(.spoolSize) == 16 << 20)
    #expect(try settings(first, second, variables: variables).number(.spoolSize) == 32 << 20)
    let all = try settings(first, second, variables: variables, options: [last])
    #expect(all.number(.spoolSize) == 64 << 20)
    #expect(all.number(.limitSessions) == 6)
    #expect(all.path(.spoolDirectory) == bytes("/a"))
    #expect(
      show(all) == """
        [spool]
        directory = "/a"  # f0:3:1
        size = "64MiB"  # --option
        when_full = "drop-oldest"  # default
        hold_ms = 250  # default

        [policy]
        replies = "recommended"  # default
        pass_unknown = false  # default
        clock = "synchronised"  # default

        [access]

        [limits]
        sessions = 6  # EDGERELAY_LIMITS__SESSIONS
        sessions_per_source = 4096  # default
        unnamed_per_source = 256  # default

        [log]
        level = "info"  # default
        summary_seconds = 60  # default

        [metrics]

        """)
  }

  @Test("A drop-in changes one key of a table with a name")
  func merges() throws {
    let merged = try settings(
      "[upstream.main]\naddress = \"a:1\"\n", "[upstream.main]\naddress = \"[fe80::1]:2\"\n")
    #expect(merged.all(.upstreamAddress).map(\.endpoint) == [HostAndPort(bytes("[fe80::1]:2"))])
  }

  @Test("Listeners of the command line replace those of files and variables")
  func replacement() throws {
    let file = "[listener.a]\naddress = \"[::]:1\"\n[listener.b]\naddress = \"[::]:2\"\n"
    let options = (3...4).map {
      option(.listenerAddress, "option\($0)", "[::]:\($0)")
    }
    let all = try settings(
      file, variables: [("EDGERELAY_LISTENER__C__ADDRESS", "[::]:5")], options: options)
    #expect(all.all(.listenerAddress).map(\.endpoint?.port) == [3, 4])
    let none = try settings(file, variables: [("EDGERELAY_LISTENER__A__ADDRESS", "[::]:5")])
    #expect(none.all(.listenerAddress).map(\.endpoint?.port) == [5, 2])
  }

  @Test(
    "Variables that mean nothing here are left alone; those that nearly do are warned about",
    arguments: [
      ("PATH", 0), ("EDGERELAY_BINARY", 0), ("EDGERELAY_", 0), ("EDGERELAY_A__B__C__D", 0),
      ("EDGERELAY_SPOL__SIZE", 1), ("EDGERELAY_SPOOL__SIZEE", 1),
      ("EDGERELAY_PROTOCOL__GT60__REPLIES", 1),
    ])
  func strangeVariables(_ name: String, _ count: Int) throws {
    #expect(try settings("", variables: [(name, "x")]).warnings.count == count)
  }

  @Test(
    "A variable with a wrong value or a wrong shape is a mistake",
    arguments: [
      ("EDGERELAY_SPOOL__SIZE", "1", "expected a size from \"4MiB\" to \"16GiB\", not \"1\""),
      ("EDGERELAY_LIMITS__SESSIONS", "-1", "expected a whole number from 1 to 16384, not \"-1\""),
      ("EDGERELAY_POLICY__PASS_UNKNOWN", "yes", "expected true or false, not \"yes\""),
      ("EDGERELAY_UPSTREAM__ADDRESS", "a:1", "expected [upstream.NAME]"),
      ("EDGERELAY_SPOOL__A__SIZE", "8M", "expected [spool]"),
    ])
  func wrongVariables(_ name: String, _ text: String, _ message: String) throws {
    var settings = Settings()
    let error = #expect(throws: ConfigurationError.self) {
      try settings.addVariable(bytes(name), bytes(text))
    }
    #expect(error.map { string($0.message) } == "\(name): \(message)")
  }

  @Test(
    "What is not known is warned about and has no effect, whatever its value",
    arguments: [
      (
        "[spool]\nsizes = [\"a\", \"b\",]",
        "f0:2:1: unknown key \"sizes\" in [spool]; known are directory, size, when_full, hold_ms"
      ),
      (
        "[spool]\nrate = -5",
        "f0:2:1: unknown key \"rate\" in [spool]; known are directory, size, when_full, hold_ms"
      ),
      (
        "[status]\nport = 1\n[spool]\nsize = \"8MiB\"",
        "f0:1:1: unknown table \"status\"; known are listener, upstream, spool, policy, access, protocol, device, limits, log, metrics"
      ),
      (
        "[protocol.gt60]\nreplies = \"minimal\"",
        "f0:1:1: unknown protocol \"gt60\"; 'edgerelay protocols' lists those that are known"
      ),
    ])
  func unknown(_ file: String, _ warning: String) throws {
    let settings = try settings(file)
    #expect(settings.warnings.map(string) == [warning])
  }

  @Test("A warning quotes no control characters and no more than a line of them")
  func harmlessWarnings() throws {
    let name = String(repeating: "ü\\n", count: 100)
    let warnings = try settings("[\"\(name)\"]").warnings
    #expect(warnings.count == 1)
    #expect(warnings[0].bytes.allSatisfy { $0 >= 0x20 && $0 < 0x7F })
    #expect(warnings[0].count < 200)
  }

  @Test("The name of a file or a variable cannot forge a line of the log")
  func harmlessPlaces() {
    for name in ["f\n<3>all is lost", "EDGERELAY_SPOOL__SI\u{1B}ZE\n"] {
      var settings = Settings()
      let error = #expect(throws: ConfigurationError.self) {
        try settings.addFile(bytes("x"), name: bytes(name))
      }
      #expect(error?.message.bytes.contains { $0 < 0x20 } == false)
      try? settings.addVariable(bytes(name), bytes("1"))
      #expect(!settings.warnings.contains { $0.bytes.contains { $0 < 0x20 } })
    }
  }

  @Test("A device comes before its protocol, a protocol before all")
  func policies() throws {
    let file = """
      [policy]
      replies = "generous"
      [protocol.gt06]
      replies = "minimal"
      [device."7"]
      replies = "generous"
      """
    let policies = try settings(file).policies
    #expect(policies.policy(for: .h02) == .generous)
    #expect(policies.policy(for: .gt06) == .minimal)
    let names: [UInt8] = [0x37, 0x38]
    let found = (0..<2).map { place in
      DeviceIdentity(.gt06, .ascii, names.span, at: place, count: 1).map {
        policies.policy(for: $0)
      }
    }
    #expect(found == [.generous, .minimal])
  }

  @Test("Differences name every key that changed, by when it takes effect")
  func differences() throws {
    let old = try settings(
      "[upstream.a]\naddress = \"a:1\"\n[device.1]\nreplies = \"minimal\"\n"
        + "[device.2]\nreplies = \"minimal\"\n[spool]\nsize = \"256MiB\"\n")
    let new = try settings(
      "[upstream.a]\naddress = \"b:1\"\n[device.2]\nreplies = \"generous\"\n"
        + "[device.3]\nreplies = \"minimal\"\n[log]\nlevel = \"warning\"\n")
    #expect(
      new.differences(from: old, .reload).map(string)
        == ["device.2.replies", "device.3.replies", "log.level", "device.1.replies"])
    #expect(new.differences(from: old, .restart).map(string) == ["upstream.a.address"])
    #expect(old.differences(from: old, .restart).isEmpty)
    #expect(new.differences(from: new, .reload).isEmpty)
  }

  @Test("What is shown is a configuration that means the same")
  func roundTrip() throws {
    let file = """
      [listener.a]
      address = "[::1]:0"
      [upstream.u-1_X]
      address = "d.example.com:1"
      [spool]
      directory = "/a b/\\"c\\"\\\\ü"
      size = "4097KiB"
      [access]
      networks = ["10.0.0.0/8", "2001:db8::/32"]
      deny = ["a.b", "358911020012345",]
      [device."a.b#c"]
      replies = "generous"
      [protocol.h02]
      replies = "minimal"
      """
    let once = try settings(file)
    let twice = try settings(show(once))
    #expect(twice.warnings.isEmpty)
    #expect(once.settings.count == twice.settings.count - 12)
    for change in [KeyChange.reload, .restart] {
      #expect(twice.differences(from: once, change).isEmpty)
      #expect(once.differences(from: twice, change).isEmpty)
    }
  }

  @Test(
    "Sizes are read as people write them",
    arguments: [
      ("4194304", 4 << 20), ("4096K", 4 << 20), ("4096KiB", 4 << 20), ("8m", 8 << 20),
      ("16G", 16 << 30), ("1GiB", 1 << 30),
    ] as [(String, Int64)])
  func sizes(_ text: String, _ size: Int64) {
    #expect(Key.spoolSize.row.kind.read(bytes(text))?.number == size)
  }

  @Test(
    "What is no size is not read as one",
    arguments: [
      "", "M", "MiB", "8iB", "8MB", "8.5M", "-8M", "8M ", "9999999999999999999G", "8MiBB",
    ])
  func noSizes(_ text: String) {
    #expect(Key.spoolSize.row.kind.read(bytes(text)) == nil)
  }
}
