// The ledger's file: read at a start, written once an hour if anything has changed, and at a stop.
//
// A file that says of its relay that it stopped is written anew before the first frame comes, or a crash
// would not be noticed at the next start. One that says that its relay went on need not be: the gap
// reaches from there to this start, however many there were in between.

import CLinux
import Queue
import Relay

extension Loop {
  /// Milliseconds between two writings, for the flash's sake.
  private static let ledgerInterval = 3_600_000

  /// What the relay before this one has written down.
  mutating func readLedger() -> LedgerImage? {
    switch ledgerFile.read(engine.spool.crc) {
    case .nothing: return nil
    case .ledger(let image): return image
    case .refused:
      log.write(
        .warning, Text("ledger not understood, put aside as ledger.old; counting begins now"),
        now: clock.now)
      return nil
    }
  }

  /// Goes on where `image` ends, once the engine has.
  mutating func beginLedger(_ image: LedgerImage?, _ now: Instant) {
    ledgerAt = now.advanced(by: Self.ledgerInterval)
    if let image {
      let kept = engine.keptBalance
      var line = Text("ledger goes on")
      line.append(" received=", kept[.received])
      line.append(" held=", kept[.held])
      line.append(" unrecorded=", kept[.unrecorded])
      line.append(" gaps=", UInt64(engine.kept.gapCount))
      log.write(image.isClean ? .info : .warning, line, now: now)
      if !image.isClean { return }
    }
    writeLedger(isClean: false, now)
  }

  /// Writes the ledger down when it is time, in the background.
  mutating func keepLedger(_ now: Instant) {
    if ledgerFile.takeResult() == false { reportLedger(now) }
    guard now >= ledgerAt else { return }
    ledgerAt = now.advanced(by: Self.ledgerInterval)
    let image = engine.ledgerImage(isClean: false)
    if image.checksum == ledgerChecksum { return }
    ledgerChecksum = image.checksum
    ledgerFile.startWriting(image)
  }

  /// Writes the ledger down and waits for that: nothing is counted meanwhile.
  mutating func writeLedger(isClean: Bool, _ now: Instant) {
    let image = engine.ledgerImage(isClean: isClean)
    ledgerChecksum = image.checksum
    if !ledgerFile.write(image) { reportLedger(now) }
  }

  private mutating func reportLedger(_ now: Instant) {
    ledgerChecksum = 0
    log.write(
      .warning, Text("ledger not written down, a restart would go on with an older one"), now: now)
  }
}
