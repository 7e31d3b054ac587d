// Broken configurations, each with the exact words the operator reads.

import Testing

@testable import Configuration

/// A file that cannot be used.
struct Broken: CustomTestStringConvertible, Sendable {
  var file: String
  var message: String
  init(_ file: String, _ message: String) {
    self.file = file
    self.message = message
  }
  var testDescription: String { "\(file.debugDescription)" }
}

@Suite("A broken configuration is refused where it is broken")
struct BrokenTests {
  private static let value =
    "expected a \"string\", a whole number, true, false or [\"a\", \"list\"]"
  private static let number = "expected a whole number such as 30, or a \"string\""
  private static let name = "expected a name of letters, digits, - and _, or one in quotes"
  private static let size = "expected a size from \"4MiB\" to \"16GiB\""
  private static let listen =
    "expected \"ADDRESS:PORT\", such as \"0.0.0.0:8888\" or \"[::]:8888\""
  private static let networks =
    "expected a list of networks, such as [\"10.0.0.0/8\", \"2001:db8::/32\"]"
  private static let remote = "expected \"HOST:PORT\", such as \"d.example.com:8888\""
  private static let chosen =
    "expected a name of 1 to 32 letters, digits, - and _; a device's has no blanks"

  static let files: [Broken] = [
    // Lines.
    Broken("spool", "f:1:6: expected = behind the key"),
    Broken("size = 1", "f:1:1: expected a [table] before the first key"),
    Broken("[spool]\nsize", "f:2:5: expected = behind the key"),
    Broken("[spool]\nsize \"8MiB\"", "f:2:6: expected = behind the key"),
    Broken("[spool]\nsize: 8", "f:2:5: expected = behind the key"),
    Broken("[spool]\na.b = 1", "f:2:2: expected = behind the key"),
    Broken("[spool]\n\"size\" = 1", "f:2:1: expected a key, a [table] or a # comment"),
    Broken("[spool]\n= 1", "f:2:1: expected a key, a [table] or a # comment"),
    Broken("[spool]\n  ; note", "f:2:3: expected a key, a [table] or a # comment"),
    Broken("// note", "f:1:1: expected a key, a [table] or a # comment"),
    Broken("[spool]\nsize = \"8MiB\" directory = \"/a\"", "f:2:15: expected the end of the line"),
    Broken("[spool] size = 1", "f:1:9: expected the end of the line"),
    Broken("[spool]]", "f:1:8: expected the end of the line"),
    // Tables.
    Broken("[[listener]]", "f:1:2: expected one bracket, as in [listener.NAME]"),
    Broken("[", "f:1:2: \(name)"),
    Broken("[]", "f:1:2: \(name)"),
    Broken("[ spool ]", "f:1:2: \(name)"),
    Broken("[spool", "f:1:7: expected ] or . behind the name"),
    Broken("[upstream.", "f:1:11: \(name)"),
    Broken("[upstream.a.b]", "f:1:12: expected ] behind the name"),
    Broken("[upstream.'a']", "f:1:11: \(name)"),
    Broken("[spool]\n[spool]", "f:2:1: expected each table once; this one begins in line 1"),
    Broken("[spool.x]", "f:1:1: expected [spool]"),
    Broken("[listener]", "f:1:1: expected [listener.NAME]"),
    Broken("[protocol]", "f:1:1: expected [protocol.NAME]"),
    Broken("[listener.\"a b\"]", "f:1:1: \(chosen)"),
    Broken("[device.\"1 2\"]", "f:1:1: \(chosen)"),
    Broken("[device.\"\"]", "f:1:1: \(chosen)"),
    Broken("[listener.\(String(repeating: "n", count: 33))]", "f:1:1: \(chosen)"),
    Broken("[upstream.a]\n", "f:1:1: expected a key in [upstream.a]: address"),
    Broken("[upstream.a]\nadress = \"a:1\"", "f:1:1: expected a key in [upstream.a]: address"),
    Broken("[device.\"12\"]\n[spool]", "f:1:1: expected a key in [device.12]: replies"),
    Broken(
      "[upstream.a]\naddress = \"a:1\"\n[upstream.b]\naddress = \"b:1\"",
      "f:4:1: expected no more than 1 [upstream.NAME]"),
    Broken(
      (1...5).map { "[listener.l\($0)]\naddress = \"127.0.0.1:\($0)\"\n" }.joined(),
      "f:10:1: expected no more than 4 [listener.NAME]"),
    Broken(
      "[listener.a]\naddress = \"[::]:1\"\n[listener.b]\naddress = \"[::]:1\"",
      "f:4:1: expected an address that is not taken by [listener.a]"),
    Broken(
      "[policy]\nreplies = \"minimal\"\n[policy.replies]\n",
      "f:3:1: expected another name; as a key and as a table it stands in line 2"),
    Broken(
      "[policy.replies]\n[policy]\nreplies = \"minimal\"",
      "f:3:1: expected another name; as a key and as a table it stands in line 1"),
    // Keys.
    Broken(
      "[spool]\nsize = \"8MiB\"\nsize = \"9MiB\"",
      "f:3:1: expected each key once in a table; this one is set in line 2"),
    // Values.
    Broken("[spool]\nsize =", "f:2:7: \(value)"),
    Broken("[spool]\nsize = # later", "f:2:8: \(value)"),
    Broken("[spool]\nsize = yes", "f:2:8: \(value)"),
    Broken("[spool]\nsize = True", "f:2:8: \(value)"),
    Broken("[spool]\nsize = trues", "f:2:8: \(value)"),
    Broken("[spool]\nsize = { a = 1 }", "f:2:8: \(value)"),
    Broken("[spool]\nsize = '8MiB'", "f:2:8: expected a string in double quotes"),
    Broken("[spool]\nsize = \"\"\"8MiB\"\"\"", "f:2:8: expected a string in one line"),
    Broken("[spool]\nsize = \"8MiB", "f:2:13: expected \" at the end of the string"),
    Broken("[spool]\nsize = \"8MiB\n\"", "f:2:13: expected \" at the end of the string"),
    Broken(
      "[spool]\ndirectory = \"C:\\spool\"", "f:2:17: expected \", \\, n or t behind the backslash"),
    Broken("[spool]\nsize = 8MiB", "f:2:8: \(number)"),
    Broken("[spool]\nsize = 08", "f:2:8: \(number)"),
    Broken("[spool]\nsize = 1.5", "f:2:8: \(number)"),
    Broken("[spool]\nsize = 2026-11-21", "f:2:8: \(number)"),
    Broken("[spool]\nsize = -", "f:2:8: \(number)"),
    Broken("[spool]\nsize = 9223372036854775808", "f:2:8: expected a number of 64 bits"),
    Broken("[spool]\nsize = [1, 2]", "f:2:9: expected a \"string\" or ]"),
    Broken("[spool]\nsize = [\"a\" \"b\"]", "f:2:13: expected , or ] in the same line"),
    Broken("[spool]\nsize = [\"a\",\n\"b\"]", "f:2:13: expected a \"string\" or ]"),
    // Values of the wrong kind.
    Broken("[spool]\nsize = 8", "f:2:8: \(size)"),
    Broken("[spool]\nsize = \"8 MiB\"", "f:2:8: \(size)"),
    Broken("[spool]\nsize = \"3MiB\"", "f:2:8: \(size)"),
    Broken("[spool]\nsize = \"17GiB\"", "f:2:8: \(size)"),
    Broken("[spool]\nsize = \"8iB\"", "f:2:8: \(size)"),
    Broken("[spool]\nsize = [\"8MiB\"]", "f:2:8: \(size)"),
    Broken(
      "[spool]\ndirectory = \"\"", "f:2:13: expected a path, such as \"/var/lib/edgerelay\""),
    Broken("[listener.a]\naddress = \"8888\"", "f:2:11: \(listen)"),
    Broken("[listener.a]\naddress = \"::1:8888\"", "f:2:11: \(listen)"),
    Broken("[listener.a]\naddress = \"0.0.0.0:65536\"", "f:2:11: \(listen)"),
    Broken("[listener.a]\naddress = 8888", "f:2:11: \(listen)"),
    Broken("[upstream.a]\naddress = \"d.example.com\"", "f:2:11: \(remote)"),
    Broken("[upstream.a]\naddress = \"d.example.com:0\"", "f:2:11: \(remote)"),
    Broken("[upstream.a]\naddress = \"d .example.com:1\"", "f:2:11: \(remote)"),
    Broken("[policy]\npass_unknown = \"true\"", "f:2:16: expected true or false"),
    Broken("[policy]\npass_unknown = 1", "f:2:16: expected true or false"),
    Broken(
      "[policy]\nreplies = \"loud\"",
      "f:2:11: expected \"recommended\", \"minimal\" or \"generous\""),
    Broken(
      "[protocol.gt06]\nreplies = \"recommended\"", "f:2:11: expected \"minimal\" or \"generous\""),
    Broken("[limits]\nsessions = 0", "f:2:12: expected a whole number from 1 to 16384"),
    Broken("[limits]\nsessions = \"10\"", "f:2:12: expected a whole number from 1 to 16384"),
    Broken("[log]\nlevel = \"debug\"", "f:2:9: expected \"warning\" or \"info\""),
    Broken("[access]\nnetworks = [\"10.0.0.0/8\", \"d.example.com\"]", "f:2:12: \(networks)"),
    Broken("[access]\nnetworks = [\"10/8\"]", "f:2:12: \(networks)"),
    Broken("[access]\nnetworks = [\"10.0.0.0/129\"]", "f:2:12: \(networks)"),
    Broken("[access]\nnetworks = [\"010.0.0.0\"]", "f:2:12: \(networks)"),
    Broken("[access]\nallow = [\"\"]", "f:2:10: expected a \"string\" without blanks"),
    Broken(
      "[access]\nallow = [\"\(String(repeating: "1", count: 33))\"]",
      "f:2:9: expected a list of devices, such as [\"358911020012345\"]; longer ones belong in a file"
    ),
    // Characters.
    Broken("[spool]\r\n# \u{1}", "f:2:3: expected text; this is a control character"),
    Broken("[spool]\r", "f:1:8: expected text; this is a control character"),
    Broken("\u{FEFF}[spool]", "f:1:1: expected a file without a byte order mark"),
    Broken("# Größe\n[spool]\nsize = \"ß", "f:3:10: expected \" at the end of the string"),
  ]

  @Test("Every mistake has its line, its column and what was expected", arguments: files)
  func says(_ broken: Broken) {
    #expect(message(Array(broken.file.utf8)) == broken.message)
  }

  @Test("There are 60 of them at least")
  func areMany() { #expect(Self.files.count >= 60) }

  @Test(
    "What is no UTF-8 is refused",
    arguments: [
      [0x80], [0xC0, 0x80], [0xC3], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80],
      [0xF4, 0x90, 0x80, 0x80],
      [0xF8, 0x88, 0x80, 0x80], [0xE2, 0x82], [0xF0, 0x9F, 0x98, 0x2E],
    ] as [[UInt8]])
  func badUTF8(_ bytes: [UInt8]) {
    #expect(message(Array("# ".utf8) + bytes) == "f:1:3: expected UTF-8 text; this byte is not")
  }

  @Test("Files without end are refused")
  func bounded() {
    let keys = "[x]\n" + (0...4_096).map { "k\($0) = 1\n" }.joined()
    #expect(message(Array(keys.utf8)) == "f:4098:1: expected no more than 4096 keys in a file")
    let tables = (0...2_048).map { "[t\($0)]\n" }.joined()
    #expect(message(Array(tables.utf8)) == "f:2049:1: expected no more than 2048 tables in a file")
    let devices = (0...1_024).map { "[device.d\($0)]\nreplies = \"minimal\"\n" }.joined()
    #expect(message(Array(devices.utf8)) == "f:2050:1: expected no more than 1024 [device.NAME]")
  }

  private func message(_ file: [UInt8]) -> String? {
    var settings = Settings()
    do throws(ConfigurationError) {
      try settings.addFile(file, name: Array("f".utf8))
      try settings.finish()
      return nil
    } catch {
      return String(decoding: error.message.bytes, as: UTF8.self)
    }
  }
}
