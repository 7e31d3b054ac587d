// The disk: fast or slow, failing in every way the queue knows, cut with the program.

import Detect
import Queue

extension Simulation {
  func scheduleCommit() {
    isCommitScheduled = true
    commitNumber += 1
    let delay = isDiskSlow ? 200 + random.below(6_000) : 1 + random.below(40)
    let errors: [DiskError] = [.failed, .noSpace, .readOnly]
    let isBad = isDiskFaulty && chance(50)
    at(delay, .committed(commitNumber, isBad ? errors[random.below(errors.count)] : nil))
  }

  func finishCommit(_ number: Int, _ error: DiskError?) {
    guard number == commitNumber, image.pending != nil else { return }
    isCommitScheduled = false
    if let error {
      // What a failed write or sync leaves is anybody's guess.
      tear()
      failureCount += 1
      engine.commitFinished(error, moment)
    } else {
      failureCount = 0
      noteDurable(image.pendingBytes)
      finishCommit()
    }
  }

  private func tear() {
    let share = random.below(101)
    var written: [Bool] = []
    for _ in 0..<80 { written.append(chance(share)) }
    image.tear { written[$0 % 80] }
  }

  /// Finds the reports in a batch by their bytes: no knowledge of the format is needed for that.
  private func noteDurable(_ batch: [UInt8]) {
    undurable.removeAll { entry in
      let bytes = devices[entry.device].reports[entry.report].bytes
      guard Self.contains(batch, bytes) else { return false }
      devices[entry.device].reports[entry.report].isDurable = true
      return true
    }
  }

  private static func contains(_ batch: [UInt8], _ bytes: [UInt8]) -> Bool {
    batch.withUnsafeBufferPointer { batch in
      bytes.withUnsafeBufferPointer { bytes in
        guard let first = bytes.first, batch.count >= bytes.count else { return false }
        for start in 0...batch.count - bytes.count where batch[start] == first {
          var k = 1
          while k < bytes.count, batch[start + k] == bytes[k] { k += 1 }
          if k == bytes.count { return true }
        }
        return false
      }
    }
  }

  /// The relay's process ends without notice, or the power goes; what is on the disk and in the
  /// wires stays.
  func kill() {
    note("kill")
    checkLedger()
    killCount += 1
    failureCount = 0
    atRiskCountBefore += Int(ledger.atRiskFrameCount)
    droppedBefore += Int(engine.spool.counters.droppedFrameCount)
    tear()
    commitNumber += 1
    isCommitScheduled = false
    undurable = []
    dialledAt = 0
    for c in connections.indices where connections[c].isOpenAtRelay {
      connections[c].isOpenAtRelay = false
      connections[c].slot = nil
      connections[c].emitted = []
      if devices[connections[c].device].role.transport == .tcp {
        at(random.below(300), .endAtDevice(connection: c))
      } else {
        // The device goes on; the next relay knows nothing of it.
        connections[c].isOpenAtRelay = true
        connections[c].loginsOwed = 0
        connections[c].courtesiesOwed = 0
        connections[c].alarmsOwed = []
      }
    }
    for i in platform.indices {
      endPlatform(i)
      platform[i].isOpenAtRelay = false
      platform[i].lostAt = nil
    }
    let parked = engine.parked
    // A ledger that is up to date, or older by a life.
    if killCount % 2 == 1 { writtenLedger = engine.ledgerImage(isClean: killCount % 4 == 1) }
    engine = Self.engine(
      image, configuration, Self.deviceCountMax, seed &+ UInt64(killCount), geometry)
    engine.spool.fullPolicy = fullPolicy
    undeliveredAtStart = totalUndelivered
    engine.start(parked: parked, ledger: writtenLedger, now: instant)
  }

  var totalUndelivered: Int {
    (0..<engine.spool.deviceCount).reduce(0) { $0 + undeliveredCount(DeviceIndex($1)) }
  }
}
