// The ledger over restarts: how it goes on where the one before it was written down.
//
// Behind a clean stop nothing is missing. Behind anything else frames came and went that nobody has
// counted; what the spool holds and has given up is known all the same, so the difference is, too, and
// the equation is even again: more held than counted was found (`heldBefore`), less has gone without
// being recorded (`unrecorded`). What came and went within the gap is in neither.
//
// A device that the spool does not know is entered: frames that are delivered in time are never written,
// and so is no record of their device. Where the table has no room, and for what is held under a number
// that a name had before, the total alone goes on.

import Queue

extension Engine where D: ~Copyable {
  /// The ledger of all devices since it is kept; looks at every device.
  public var keptBalance: Balance {
    var balance = balance
    balance[.heldBefore] = 0
    balance.add(kept.before)
    return balance
  }

  /// Notes since when the ledger counts, once a clock is believed; whether that was not known before.
  public mutating func dateLedger(_ moment: Moment) -> Bool {
    guard kept.since == 0, kept.beganAt != .never, let seconds = moment.wallSeconds else {
      return false
    }
    kept.since = seconds - moment.instant.since(kept.beganAt) / 1_000
    return true
  }

  /// The ledger as it is to be written down; looks at every device. `isClean` says that nothing will be
  /// counted behind it.
  public func ledgerImage(isClean: Bool) -> LedgerImage {
    let image = LedgerImage(deviceCount: spool.deviceCount)
    for i in 0..<spool.deviceCount {
      let device = DeviceIndex(i)
      guard let balance = balance(of: device), spool.find(spool.key(of: device)) == device else {
        continue
      }
      image.append(spool.key(of: device), balance, dropped(of: device))
    }
    image.seal(kept, keptBalance, isClean: isClean, spool.crc)
    return image
  }

  /// Goes on where `image` was written, behind `openLedgers`.
  @inline(never)
  mutating func resumeLedgers(_ image: LedgerImage?, now: Instant) {
    var total = Balance()
    if let image {
      kept = image.kept
      total = kept.before
      if !image.isClean { kept.gapCount &+= 1 }
      for i in 0..<image.deviceCount {
        var balance = image.balance(i)
        total.subtract(balance)
        let key = image.key(i)
        guard let device = spool.find(key) ?? enter(key) else {
          balance.settle()
          total.add(balance)
          continue
        }
        let (then, today) = (image.dropped(i), dropped(of: device))
        for k in LedgerTerm.dropped {
          balance.counts[k] &+= today.counts[k] - min(then.counts[k], today.counts[k])
        }
        balance[.held] = UInt64(spool.undeliveredCount(device))
        balance.settle()
        openLedger(device)
        ledgers[device.rawValue].resume(balance, dropped: today)
      }
    } else {
      kept.beganAt = now
    }
    for i in 0..<spool.deviceCount {
      if let balance = balance(of: DeviceIndex(i)) { total.add(balance) }
    }
    total.settle()
    total[.held] = 0
    kept.before = total
  }

  /// Gives a device that the spool does not know a free place.
  private mutating func enter(_ key: DeviceKey) -> DeviceIndex? {
    key.count > 0 && spool.deviceCount < spool.deviceCountMax ? spool.device(named: key) : nil
  }
}
