// Every golden case over real sockets, against the real binary.
//
// Each case has a relay of its own, because cases share identities and a device is one device.
// Cases run side by side on threads of their own: they wait for silences of up to two seconds.

import Foundation
import Testing

@testable import EdgeRelay

@Suite("A golden case over real sockets")
struct CorpusTests {
  private static let sideBySide = 12

  @Test(
    "Frames come up unchanged and in order, answers are those owed",
    arguments: ["gt06", "topin"], CorpusRun.Delivery.allCases)
  func play(_ family: String, _ delivery: CorpusRun.Delivery) throws {
    let cases = try CorpusCase.all(family)
    #expect(cases.count > 20)
    let faults = Faults()
    let queue = OperationQueue()
    queue.maxConcurrentOperationCount = Self.sideBySide
    for golden in cases {
      queue.addOperation {
        if let fault = CorpusRun(golden: golden, delivery: delivery).fault() { faults.add(fault) }
      }
    }
    queue.waitUntilAllOperationsAreFinished()
    for fault in faults.all { Issue.record("\(fault)") }
  }
}

/// What was wrong in any of the threads.
private final class Faults: @unchecked Sendable {
  private let lock = NSLock()
  private var list: [String] = []

  func add(_ fault: String) { lock.withLock { list.append(fault) } }

  var all: [String] { lock.withLock { list } }
}
