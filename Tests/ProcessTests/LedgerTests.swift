// `edgerelay devices` sorted and filtered, and `edgerelay ledger`, beside what both ends know.

import Foundation
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

  private static func name(_ record: [String: Any]) -> String { record["device"] as? String ?? "" }

  private static func isEven(_ line: [String: Any]) -> Bool {
    func sum(_ names: [String]) -> Int { names.reduce(0) { $0 + (line[$1] as? Int ?? 1 << 40) } }
    return sum(["received", "held_before"])
      == sum([
        "logins", "unidentified", "delivered", "held", "expired", "quarantined", "dropped_full",
        "dropped_damaged", "dropped_operator",
      ])
  }
}
