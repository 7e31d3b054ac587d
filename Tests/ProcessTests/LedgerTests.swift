// `edgerelay devices` sorted and filtered, and `edgerelay ledger`, beside what both ends know.

import Foundation
import Queue
import Relay
import Testing

@testable import EdgeRelay

@Suite("Devices in order, and their ledgers")
struct LedgerTests {
  @Test("Devices are sorted and filtered as asked")
  func order() throws {
    var world = try World()
    try world.startRelay()
    world.addTrackers(4, seed: 31)
    try world.run("all are known") { $0.areAllKnown }
    let spool = world.scratch.file("spool")
    let watch = try TestSocket.connection(to: world.relayPort)
    #expect(watch.send(Array("[3G*8800000015*0002*LK]".utf8)))
    #expect(watch.receive(milliseconds: 30_000) == .bytes(Array("[3G*8800000015*0002*LK]".utf8)))
    let names = try Operator.list(["devices", "--sort", "name"], spool).map(Self.name)
    #expect(names.count == 5)
    #expect(names == names.sorted())
    let watches = try Operator.list(["devices", "--protocol", "watch"], spool)
    #expect(watches.map(Self.name) == ["8800000015"])
    #expect(try Operator.list(["devices", names[1]], spool).map(Self.name) == [names[1]])
    world.stage.cutPlatform()
    let position =
      "[3G*8800000015*004E*UD2,220322,055105,A,22.761162,N,114.360192,E,0,0,47,14,100,64,0,0,00000008,0,0]"
    for _ in 0..<500 { #expect(watch.send(Array(position.utf8))) }
    try world.run("the watch has the largest backlog") { _ in
      let first = try Operator.list(["devices", "--sort", "backlog"], spool)[0]
      return Self.name(first) == "8800000015" && first["waiting"] as? Int ?? 0 >= 500
    }
    let waiting = try Operator.list(["devices", "--waiting", "--sort", "oldest"], spool)
    #expect(waiting.allSatisfy { ($0["waiting"] as? Int ?? 0) > 0 })
    let ages = waiting.map { $0["oldest_seconds"] as? Int ?? -1 }
    #expect(ages == ages.sorted(by: >))
    #expect(ages.allSatisfy { (0...300).contains($0) })
    let last = try Operator.list(["devices", "--sort", "last"], spool).map {
      $0["last_seconds"] as? Int ?? Int.max
    }
    #expect(last == last.sorted())
    let nobody = try Operator.run(["devices", "nobody", "--spool", spool])
    #expect(nobody.code == 67)
    #expect(nobody.output.contains("knows no such device: nobody"))
    for words in [["--sort", "age"], ["--protocol", "morse"], ["one", "two"], ["--hex"]] {
      #expect(try Operator.run(["devices"] + words).code == 64)
    }
    world.close()
  }

  @Test("Every frame is in the ledger once, also what the relay found when it started")
  func ledger() throws {
    var world = try World()
    try world.startRelay()
    world.addTrackers(4, seed: 32)
    try world.run("all are known") { $0.areAllKnown }
    let spool = world.scratch.file("spool")
    world.stage.cutPlatform()
    try world.run("something waits for every device") { _ in
      try Operator.list(["devices", "--waiting"], spool).count == 4
    }
    world.killRelay()
    try world.startRelay()
    try world.run("the relay answers") { _ in
      try Operator.run(["status", "--spool", spool]).code == 0
    }
    let before = try #require(try Operator.list(["ledger"], spool).last)
    #expect(before["held_before"] as? Int ?? 0 >= 4)
    try world.stage.restorePlatform()
    try world.finish()
    try world.run("nothing waits", within: 60) { _ in
      try Operator.ask(["status", "--json"], spool)["frames_waiting"] as? Int == 0
    }
    let lines = try Operator.list(["ledger"], spool)
    #expect(lines.count == 5)
    for line in lines {
      #expect(line["even"] as? String == "yes")
      #expect(Self.isEven(line), "\(line)")
    }
    let total = try #require(lines.last)
    #expect(total["device"] as? String == "total")
    #expect(total["held"] as? Int == 0)
    for name in ["received", "held_before", "logins", "delivered", "expired"] {
      let sum = lines.dropLast().reduce(0) { $0 + ($1[name] as? Int ?? -1) }
      #expect(total[name] as? Int == sum, "\(name)")
    }
    let text = try Operator.run(["ledger", Self.name(lines[1]), "--spool", spool])
    #expect(text.code == 0)
    #expect(text.output.contains("the books are even"))
    #expect(text.output.contains(Self.name(lines[1])))
    #expect(!text.output.contains(Self.name(lines[2])))
    #expect(try Operator.run(["ledger", "nobody", "--spool", spool]).code == 67)
    try world.expectCleanEnd()
  }

  @Test(
    "The ledger goes on behind a stop, tells a gap behind a kill, and begins anew where it is broken"
  )
  func keeping() throws {
    var world = try World()
    try world.startRelay()
    world.addTrackers(4, seed: 33)
    try world.run("all are known") { $0.areAllKnown }
    let spool = world.scratch.file("spool")
    world.stage.cutPlatform()
    try world.run("something waits for every device") { _ in
      try Operator.list(["devices", "--waiting"], spool).count == 4
    }
    let name = Self.name(try Operator.list(["devices"], spool)[0])
    #expect(try Operator.run(["drop", name, "--yes", "--spool", spool]).code == 0)
    let first = try Self.total(spool)
    #expect(first["gaps"] as? Int == 0)
    let since = try #require(first["since"] as? String)
    #expect(try world.stopRelay() == 0)
    let stopped = try #require(Self.field("received", after: "stopped ", in: world.log))
    try world.startRelay()
    try world.run("the relay answers") { _ in
      try Operator.run(["status", "--spool", spool]).code == 0
    }
    #expect(Self.field("received", after: "ledger goes on ", in: world.log) == stopped)
    #expect(Self.field("unrecorded", after: "ledger goes on ", in: world.log) == "0")
    let second = try Self.total(spool)
    #expect(second["since"] as? String == since)
    #expect(second["gaps"] as? Int == 0)
    #expect(second["dropped_operator"] as? Int == first["dropped_operator"] as? Int)
    #expect(second["held_before"] as? Int == 0)
    #expect(second["run_held_before"] as? Int ?? 0 > 0)
    #expect(
      second["received"] as? Int == (second["run_received"] as? Int ?? 0) + (Int(stopped) ?? -1))
    try world.stage.restorePlatform()
    try world.run("the backlog is delivered") { _ in
      try Self.total(spool)["run_delivered"] as? Int ?? 0 > 0
    }
    world.killRelay()
    try world.startRelay()
    try world.run("the relay answers") { _ in
      try Operator.run(["status", "--spool", spool]).code == 0
    }
    let third = try Self.total(spool)
    #expect(third["gaps"] as? Int == 1)
    #expect(third["since"] as? String == since)
    #expect(
      third["received"] as? Int == (third["run_received"] as? Int ?? 0) + (Int(stopped) ?? -1))
    let text = try Operator.run(["ledger", "--spool", spool]).output
    #expect(text.contains("counted over restarts since=\(since) gaps=1"))
    #expect(try world.stopRelay() == 0)
    var bytes = try Data(contentsOf: URL(fileURLWithPath: spool + "/ledger"))
    bytes[40] ^= 1
    try bytes.write(to: URL(fileURLWithPath: spool + "/ledger"))
    try world.startRelay()
    try world.run("the relay answers") { _ in
      try Operator.run(["status", "--spool", spool]).code == 0
    }
    #expect(world.log.contains("ledger not understood, put aside as ledger.old"))
    #expect(try Data(contentsOf: URL(fileURLWithPath: spool + "/ledger.old")) == bytes)
    let fourth = try Self.total(spool)
    #expect(fourth["gaps"] as? Int == 0)
    #expect(fourth["received"] as? Int == fourth["run_received"] as? Int)
    try world.finish()
    try world.expectCleanEnd()
  }

  @Test("Its file is the old or the new one, and what is not understood is put aside as it is")
  func file() throws {
    let scratch = try Scratch()
    let directory = open(scratch.path, O_RDONLY | O_DIRECTORY)
    defer { close(directory) }
    let url = URL(fileURLWithPath: scratch.file("ledger"))
    let file = LedgerFile(directory: directory)
    guard case .nothing = file.read(CRC32C()) else { throw Trouble("a ledger out of nothing") }
    let image = Self.image()
    #expect(file.write(image))
    let bytes = try Data(contentsOf: url)
    #expect(bytes.count == 120)
    guard case .ledger(let read) = file.read(CRC32C()) else { throw Trouble("not read") }
    #expect(read.checksum == image.checksum)
    file.startWriting(image)
    var result: Bool?
    while result == nil { result = file.takeResult() }
    #expect(result == true)
    #expect(!file.isBusy)
    #expect(try Data(contentsOf: url) == bytes)
    var newer = bytes
    newer[7] = UInt8(ascii: "2")
    for content in [newer, Data(), Data(count: 119), bytes + bytes, Data(count: 6_000_000)] {
      try content.write(to: url)
      guard case .refused = file.read(CRC32C()) else { throw Trouble("\(content.count) taken") }
      #expect(try Data(contentsOf: URL(fileURLWithPath: scratch.file("ledger.old"))) == content)
      #expect(!FileManager.default.fileExists(atPath: url.path))
    }
    // Nothing can be put in the place of a directory.
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    try Data().write(to: url.appendingPathComponent("x"))
    #expect(!file.write(image))
    let names = try FileManager.default.contentsOfDirectory(atPath: scratch.path).sorted()
    #expect(names == ["ledger", "ledger.old"])
    file.startWriting(image)
    result = nil
    while result == nil { result = file.takeResult() }
    #expect(result == false)
  }

  /// The ledger of a relay that knows nothing yet.
  private static func image() -> LedgerImage {
    let engine = Engine(
      spool: Spool(
        disk: NoDisk(), geometry: SpoolGeometry(capBytes: 0), deviceCountMax: 1, secret: 1,
        bootKey: 1),
      configuration: RelayConfiguration(sessionCountMax: 1), seed: 1)
    return engine.ledgerImage(isClean: true)
  }

  private static func total(_ spool: String) throws -> [String: Any] {
    let total = try #require(try Operator.list(["ledger"], spool).last)
    #expect(total["even"] as? String == "yes")
    #expect(isEven(total), "\(total)")
    return total
  }

  /// A field of the last line of the log that has `words` in it.
  private static func field(_ name: String, after words: String, in log: String) -> String? {
    let line = log.split(separator: "\n").last { $0.contains(words) }
    return line?.split(separator: " ").first { $0.hasPrefix(name + "=") }.map {
      String($0.dropFirst(name.count + 1))
    }
  }

  private static func name(_ record: [String: Any]) -> String { record["device"] as? String ?? "" }

  private static func isEven(_ line: [String: Any]) -> Bool {
    func sum(_ names: [String]) -> Int { names.reduce(0) { $0 + (line[$1] as? Int ?? 1 << 40) } }
    return sum(["received", "held_before"])
      == sum([
        "logins", "unidentified", "delivered", "held", "expired", "quarantined", "dropped_full",
        "dropped_damaged", "dropped_operator", "unrecorded",
      ])
  }
}

/// A disk that nobody uses.
private struct NoDisk: Disk {
  mutating func read(
    segment: Int, offset: Int, into buffer: PageBuffer, at position: Int, count: Int
  ) throws(DiskError) {}

  mutating func startCommit(_ order: CommitOrder) {}
}
