// The ledgers: who sent how much since the program started, and what became of it.

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
      ledgers.append(DeviceLedger(number: 0, heldBefore: 0, droppedBefore: DropCounts()))
    }
    ledgers[device.rawValue] = DeviceLedger(
      number: number, heldBefore: spool.undeliveredCount(device),
      droppedBefore: spool.dropCounts(of: device))
  }

  // MARK: Entries

  mutating func noteReceived(_ device: DeviceIndex, _ now: Instant) {
    ledger.receivedFrameCount += 1
    ledgers[device.rawValue].received &+= 1
    ledgers[device.rawValue].lastFrameAt = now
  }

  mutating func noteLogin(_ device: DeviceIndex) {
    ledger.loginFrameCount += 1
    ledgers[device.rawValue].logins &+= 1
  }

  mutating func noteExpired(_ device: DeviceIndex) {
    ledger.expiredFrameCount += 1
    ledgers[device.rawValue].expired &+= 1
  }

  /// Counts a stored frame as expired, unless it was given up meanwhile.
  mutating func noteExpired(_ device: DeviceIndex, _ sequence: SequenceNumber) {
    if sequence.isAfter(spool.acknowledgedSequence(device)) { noteExpired(device) }
  }

  /// Counts a frame as delivered, unless it was given up meanwhile.
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
    ledgers[device.rawValue].delivered &+= 1
  }

  /// Counts a frame as put aside, unless it was given up meanwhile.
  mutating func noteQuarantined(_ device: DeviceIndex, _ sequence: SequenceNumber) {
    guard sequence.isAfter(spool.acknowledgedSequence(device)) else { return }
    ledger.quarantinedFrameCount += 1
    ledgers[device.rawValue].quarantined &+= 1
  }

  // MARK: Queries

  /// The ledger of a device; `nil` when its place in the table is free.
  public func balance(of device: DeviceIndex) -> Balance? {
    guard spool.isKnown(device), device.rawValue < ledgers.count else { return nil }
    let ledger = ledgers[device.rawValue]
    let dropped = spool.dropCounts(of: device)
    var balance = Balance()
    balance.received = UInt64(ledger.received)
    balance.heldBefore = UInt64(ledger.heldBefore)
    balance.logins = UInt64(ledger.logins)
    balance.delivered = UInt64(ledger.delivered)
    balance.held = UInt64(spool.undeliveredCount(device))
    balance.expired = UInt64(ledger.expired)
    balance.quarantined = UInt64(ledger.quarantined)
    balance.evicted = UInt64(dropped.evicted &- ledger.droppedBefore.evicted)
    balance.damaged = UInt64(dropped.damaged &- ledger.droppedBefore.damaged)
    balance.byOperator = UInt64(dropped.byOperator &- ledger.droppedBefore.byOperator)
    balance.droppedEver = UInt64(dropped.total)
    return balance
  }

  /// The ledger of all devices, those included that were forgotten since; looks at every device.
  public var balance: Balance {
    let counters = spool.counters
    var balance = Balance()
    balance.received = ledger.receivedFrameCount
    balance.heldBefore = heldBeforeCount
    balance.unidentified = ledger.unidentifiedFrameCount
    balance.logins = ledger.loginFrameCount
    balance.delivered = ledger.deliveredFrameCount
    balance.expired = ledger.expiredFrameCount
    balance.quarantined = ledger.quarantinedFrameCount
    balance.damaged = counters.damagedFrameCount - countersBefore.damagedFrameCount
    balance.byOperator = counters.givenUpFrameCount
    balance.evicted =
      counters.droppedFrameCount - countersBefore.droppedFrameCount - balance.damaged
      - balance.byOperator
    for i in 0..<spool.deviceCount where spool.isKnown(DeviceIndex(i)) {
      balance.held += UInt64(spool.undeliveredCount(DeviceIndex(i)))
      balance.droppedEver += UInt64(spool.dropCounts(of: DeviceIndex(i)).total)
    }
    return balance
  }
}
