// The ledgers: who sent how much, and what became of it. Those of the devices go on over restarts; that
// of all is there twice, since the program started and, with Engine+KeptLedger, as long as it is kept.

import Detect
import Queue

extension Engine where D: ~Copyable {
  /// Begins the ledgers of everything that the spool knows.
  mutating func openLedgers(now: Instant) {
    countersBefore = spool.counters
    for i in 0..<spool.deviceCount {
      openLedger(DeviceIndex(i))
      let held = spool.undeliveredCount(DeviceIndex(i))
      if held > 0 { ledgers[i].oldestAt = now }
      heldBeforeCount += UInt64(held)
    }
  }

  /// Begins the ledger of a device, unless it has one.
  mutating func openLedger(_ device: DeviceIndex) {
    let number = spool.number(of: device)
    if device.rawValue < ledgers.count, ledgers[device.rawValue].number == number { return }
    while ledgers.count <= device.rawValue {
      ledgers.append(DeviceLedger(number: 0))
    }
    ledgers[device.rawValue] = DeviceLedger(number: number)
    var balance = Balance()
    balance[.heldBefore] = UInt64(spool.undeliveredCount(device))
    ledgers[device.rawValue].resume(balance, dropped: dropped(of: device))
  }

  /// What the spool has given up of a device since it knows it.
  func dropped(of device: DeviceIndex) -> Balance { Balance(spool.dropCounts(of: device)) }

  // MARK: Entries

  mutating func noteReceived(_ device: DeviceIndex, _ now: Instant) {
    ledger.receivedFrameCount += 1
    ledgers[device.rawValue].note(.received)
    ledgers[device.rawValue].lastFrameAt = now
  }

  mutating func noteLogin(_ device: DeviceIndex) {
    ledger.loginFrameCount += 1
    ledgers[device.rawValue].note(.logins)
  }

  @inline(never)
  mutating func noteExpired(_ device: DeviceIndex) {
    ledger.expiredFrameCount += 1
    ledgers[device.rawValue].note(.expired)
  }

  /// Counts a stored frame as expired, unless it was given up meanwhile.
  @inline(never)
  mutating func noteExpired(_ device: DeviceIndex, _ sequence: SequenceNumber) {
    if sequence.isAfter(spool.acknowledgedSequence(device)) { noteExpired(device) }
  }

  /// Counts a frame as delivered, unless it was given up meanwhile.
  @inline(never)
  mutating func noteDelivered(
    _ device: DeviceIndex, _ sequence: SequenceNumber, _ proof: Proof
  ) {
    guard sequence.isAfter(spool.acknowledgedSequence(device)) else { return }
    ledger.deliveredFrameCount += 1
    switch proof {
    case .answer: break
    case .login: ledger.deliveredByLoginCount += 1
    case .end: ledger.deliveredByEndCount += 1
    case .kernel: ledger.deliveredByKernelCount += 1
    }
    ledgers[device.rawValue].note(.delivered)
  }

  /// Counts a frame as put aside, unless it was given up meanwhile.
  mutating func noteQuarantined(_ device: DeviceIndex, _ sequence: SequenceNumber) {
    guard sequence.isAfter(spool.acknowledgedSequence(device)) else { return }
    ledger.quarantinedFrameCount += 1
    ledgers[device.rawValue].note(.quarantined)
  }

  // MARK: Queries

  /// The ledger of a device, as long as it is kept; `nil` when its place in the table is free.
  public func balance(of device: DeviceIndex) -> Balance? {
    guard spool.isKnown(device), device.rawValue < ledgers.count else { return nil }
    var balance = ledgers[device.rawValue].balance(dropped: dropped(of: device))
    balance[.held] = UInt64(spool.undeliveredCount(device))
    return balance
  }

  /// The ledger of all devices since the program started, those included that were forgotten since;
  /// looks at every device.
  public var balance: Balance {
    let counters = spool.counters
    var balance = Balance()
    balance[.received] = ledger.receivedFrameCount
    balance[.heldBefore] = heldBeforeCount
    balance[.unidentified] = ledger.unidentifiedFrameCount
    balance[.logins] = ledger.loginFrameCount
    balance[.delivered] = ledger.deliveredFrameCount
    balance[.expired] = ledger.expiredFrameCount
    balance[.quarantined] = ledger.quarantinedFrameCount
    balance[.damaged] = counters.damagedFrameCount - countersBefore.damagedFrameCount
    balance[.byOperator] = counters.givenUpFrameCount
    balance[.evicted] =
      counters.droppedFrameCount - countersBefore.droppedFrameCount - balance[.damaged]
      - balance[.byOperator]
    for i in 0..<spool.deviceCount where spool.isKnown(DeviceIndex(i)) {
      balance[.held] += UInt64(spool.undeliveredCount(DeviceIndex(i)))
      balance.droppedEver += UInt64(spool.dropCounts(of: DeviceIndex(i)).total)
    }
    return balance
  }
}
