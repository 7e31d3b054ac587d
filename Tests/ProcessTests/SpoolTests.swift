// `edgerelay spool` on spools that are at work, copied, damaged, empty, and none.

import Foundation
import Testing

@testable import EdgeRelay

@Suite("The spool command")
struct SpoolTests {
  @Test("What waits is what the relay says, live, copied, and with damage only where it is")
  func waiting() throws {
    var world = try World()
    world.stage.cutPlatform()
    try world.startRelay()
    world.addTrackers(6, seed: 31)
    try world.run("frames wait") { $0.tally.alarms.answered >= 60 }
    let spool = world.scratch.file("spool")
    // At work, again and again: a tail that moves is no damage.
    for i in 0..<12 {
      let look = try Look(spool, i % 2 == 0 ? [] : ["--verify"])
      #expect(look.code == 0, "\(look.output)")
      #expect(look.summary["relay"] as? String == "at work, what it writes now may be missing")
      #expect(look.number("devices") == 6)
      #expect(look.number("damaged_places") == 0)
      try world.run(milliseconds: 50)
    }
    world.killRelay()
    let answered = world.tally.alarms.answered

    let before = try Self.content(spool)
    let copy = world.scratch.file("copy")
    try Self.write(before, to: copy)
    let look = try Look(copy)
    #expect(look.code == 0, "\(look.output)")
    #expect(look.summary["relay"] is NSNull)
    #expect(look.number("frames_waiting") >= answered)
    #expect(look.devices.count == 6)
    #expect(look.devices.allSatisfy { $0["protocol"] as? String == "gt06" })
    #expect(look.sum("waiting") == look.number("frames_waiting"))
    #expect(look.sum("bytes") == look.number("bytes_waiting"))
    #expect(look.devices.allSatisfy { ($0["oldest_seconds"] as? Int ?? 100_000) < 10_000 })
    #expect(look.segments.contains { ($0["filled"] as? Int ?? 0) > 3 * 4_096 })
    #expect(
      try Look(copy, ["--verify"]).summary["frames_waiting"] as? Int
        == look.number("frames_waiting"))

    // The frames themselves, as text and as JSON, in order.
    let name = try #require(look.devices[0]["device"] as? String)
    let count = try #require(look.devices[0]["waiting"] as? Int)
    let lines = try Self.run(["spool", "--dump", name, copy]).output.split(separator: "\n")
    #expect(lines.count == count)
    #expect(lines.allSatisfy { $0.hasPrefix("7878") || $0.hasPrefix("7979") })
    let dump = try Look(copy, ["--dump", name])
    #expect(dump.records.count == count)
    #expect(dump.records.map { $0["frame"] as? String } == lines.map(String.init))
    let sequences = dump.records.compactMap { $0["sequence"] as? Int }
    #expect(sequences == sequences.sorted())
    #expect(try Self.run(["spool", "--dump", "nobody", copy]).output == "")

    // One bit of a frame, and the place is named.
    let file = copy + "/seg.000"
    var bytes = try Data(contentsOf: URL(fileURLWithPath: file))
    let frame = try #require(lines.first.map { Self.bytes(String($0)) })
    let place = try #require(bytes.range(of: frame)).lowerBound
    bytes[place + 5] ^= 4
    try bytes.write(to: URL(fileURLWithPath: file))
    for words in [[], ["--verify"]] {
      let damaged = try Look(copy, words)
      #expect(damaged.code == 1, "\(damaged.output)")
      #expect(damaged.number("lost_damaged") == 1)
      #expect(damaged.number("damaged_places") == 1)
      let region = try #require(damaged.damage.first)
      let offset = try #require(region["offset"] as? Int)
      #expect(region["damaged"] as? String == "seg.000")
      #expect(offset <= place && place < offset + (region["bytes"] as? Int ?? 0))
      #expect(damaged.number("frames_waiting") == look.number("frames_waiting") - 1)
    }
    #expect(try Self.run(["spool", "--dump", name, copy]).code == 1)
    // Page 0 of a segment that is written.
    try Self.write(before, to: copy)
    bytes = try Data(contentsOf: URL(fileURLWithPath: file))
    bytes[41] ^= 1
    try bytes.write(to: URL(fileURLWithPath: file))
    #expect(try Look(copy).number("frames_waiting") == look.number("frames_waiting"))
    let after = try Self.content(spool)
    #expect(after == before, "looking has written")

    try world.stage.restorePlatform()
    try world.startRelay()
    try world.finish()
    try world.run("nothing waits", within: 60) { _ in
      try Look(spool).number("frames_waiting") == 0
    }
    let all = try Self.run(["spool", "--dump", name, "--all", spool]).output
    #expect(all.split(separator: "\n").count >= count, "delivered frames are still there")
    try world.expectCleanEnd()
  }

  @Test("What is no spool is said so")
  func none() throws {
    let scratch = try Scratch()
    let folder = scratch.file("folder")
    #expect(try Self.run(["spool", folder]).code == 66)
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let empty = try Self.run(["spool", folder])
    #expect(empty.code == 65)
    #expect(empty.output.contains("is in \(folder)"))
    try Data("not a segment".utf8).write(to: URL(fileURLWithPath: folder + "/seg.000"))
    #expect(try Self.run(["spool", folder]).code == 65)
    #expect(try Self.run(["spool"]).code == 64)
    #expect(try Self.run(["spool", "--all", folder]).code == 64)
    #expect(try Self.run(["spool", "--help"]).output.contains("--verify"))
    // Of a later version.
    var page = Data("ERSPOOL2".utf8)
    page.append(Data(count: 278_528 - 8))
    for i in 0..<3 {
      try page.write(to: URL(fileURLWithPath: folder + "/seg.00\(i)"))
    }
    let later = try Self.run(["spool", folder])
    #expect(later.code == 65)
    #expect(later.output.contains("version-1"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 3)
  }

  @Test("Rotten bytes are put aside once, as far as there is room, and the relay goes on")
  func rot() throws {
    var world = try World()
    world.stage.cutPlatform()
    try world.startRelay()
    world.addTrackers(4, seed: 32)
    try world.run("frames wait") { $0.tally.alarms.answered >= 40 }
    world.killRelay()
    let spool = world.scratch.file("spool")
    let look = try Look(spool)
    let name = try #require(look.devices[1]["device"] as? String)
    let hex = try Self.run(["spool", "--dump", name, spool]).output.split(separator: "\n")[2]
    let file = URL(fileURLWithPath: spool + "/seg.000")
    var bytes = try Data(contentsOf: file)
    let place = try #require(bytes.range(of: Self.bytes(String(hex)))).lowerBound
    bytes[place + 4] ^= 0x80
    try bytes.write(to: file)
    let region = try #require(try Look(spool).damage.first)
    let (start, count) = (region["offset"] as? Int ?? -1, region["bytes"] as? Int ?? -1)
    let kept = "damage-\(region["generation"] as? Int ?? -1)-\(start)"
    // Two starts, one file.
    for _ in 0..<2 {
      try world.startRelay()
      try world.run("it says so") { $0.log.contains("bytes put aside places=1 files=1") }
      world.killRelay()
    }
    let aside = try Data(contentsOf: URL(fileURLWithPath: "\(spool)/\(kept)"))
    #expect(aside == bytes[start..<start + count])
    // No room.
    try FileManager.default.removeItem(atPath: "\(spool)/\(kept)")
    try Data(count: 1 << 20).write(to: URL(fileURLWithPath: spool + "/damage-1-1"))
    try world.stage.restorePlatform()
    try world.startRelay()
    try world.run("it says so") { $0.log.contains("bytes put aside places=1 files=0") }
    #expect(!FileManager.default.fileExists(atPath: "\(spool)/\(kept)"))
    world.stage.finishTrackers()
    try world.run("all but one come") {
      $0.stage.areTrackersFinished && $0.tally.total.lost == 1
    }
    #expect(try world.stopRelay() == 0)
    world.close()
  }

  @Test("A spool of a later version stays as it is, and the relay works beside it")
  func laterVersion() throws {
    var world = try World()
    let spool = world.scratch.file("spool")
    var page = Data("ERSPOOL2".utf8)
    page.append(contentsOf: (0..<300_000).map { UInt8(truncatingIfNeeded: $0 / 7) })
    try Self.write(["seg.000": page, "seg.001": page, "index": Data([1])], to: spool)
    for _ in 0..<2 {
      try world.startRelay()
      try world.run("it says so") {
        $0.log.contains("spool of another version left alone")
          && $0.log.contains("spool open directory=\(spool)/version-1 ")
      }
      if world.stage.trackers.isEmpty { world.addTrackers(3, seed: 33) }
      let wanted = world.tally.alarms.answered + 10
      try world.run("it works") { $0.tally.alarms.answered >= wanted }
      #expect(try Operator.run(["status", "--spool", spool]).code == 0)
      world.killRelay()
    }
    #expect(try Data(contentsOf: URL(fileURLWithPath: spool + "/seg.000")) == page)
    #expect(try Data(contentsOf: URL(fileURLWithPath: spool + "/seg.001")) == page)
    #expect(!FileManager.default.fileExists(atPath: spool + "/seg.002"))
    let look = try Self.run(["spool", spool])
    #expect(look.code == 65)
    #expect(look.output.contains("version-1"))
    #expect(try Look(spool + "/version-1").code == 0)
    try world.startRelay()
    try world.finish()
    try world.expectCleanEnd()
  }

  // MARK: Help

  /// What one run with `--json` has said.
  private struct Look {
    let code: Int
    let output: String
    let records: [[String: Any]]

    init(_ spool: String, _ words: [String] = []) throws {
      (code, output) = try SpoolTests.run(["spool", "--json"] + words + [spool])
      records = output.split(separator: "\n").compactMap {
        try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
      }
    }

    var summary: [String: Any] { records.first ?? [:] }
    var segments: [[String: Any]] { records.filter { $0["segment"] != nil } }
    var devices: [[String: Any]] { records.filter { $0["device"] != nil } }
    var damage: [[String: Any]] { records.filter { $0["damaged"] != nil } }
    func number(_ name: String) -> Int { summary[name] as? Int ?? -1 }
    func sum(_ name: String) -> Int { devices.reduce(0) { $0 + ($1[name] as? Int ?? 0) } }
  }

  private static func run(_ words: [String]) throws -> (code: Int, output: String) {
    try Operator.run(words)
  }

  /// Every file of the spool and what is in it.
  private static func content(_ folder: String) throws -> [String: Data] {
    var files: [String: Data] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: folder)
    where name != "control.sock" {
      files[name] = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))
    }
    return files
  }

  private static func write(_ files: [String: Data], to folder: String) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for (name, bytes) in files { try bytes.write(to: URL(fileURLWithPath: "\(folder)/\(name)")) }
  }

  private static func bytes(_ hex: String) -> Data {
    let digits = Array(hex.utf8)
    return Data(
      stride(from: 0, to: digits.count, by: 2).map {
        UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16) ?? 0
      })
  }
}
