// The ledger over restarts: the bytes it is written down in, and how it goes on behind a stop and behind a
// crash.

import Queue
import Testing

@testable import Relay

struct KeptLedgerTests {
  /// A relay that has counted something of every kind that is easily had.
  private static func busy() -> World {
    let world = World()
    let tracker = world.tracker(1)
    world.advance(100)
    tracker.send(.alarm(2), .heartbeat(3))
    world.advance(1_000)
    let other = world.tracker(2)
    world.advance(100)
    world.platformIsUp = false
    for connection in world.connections { world.cut(connection) }
    tracker.send(.alarm(4), .alarm(5))
    other.send(.alarm(2), .alarm(3))
    world.advance(1_000)
    #expect(world.giveUp(2) == 2)
    world.advance(5_000)
    return world
  }

  private static func bytes(_ image: LedgerImage) -> [UInt8] {
    image.buffer.withBytes(0..<image.byteCount) { span in span.indices.map { span[$0] } }
  }

  private static func image(_ bytes: [UInt8]) -> LedgerImage? {
    let buffer = PageBuffer(byteCount: max(1, bytes.count))
    buffer.withMemory(0..<bytes.count) { $0.copyBytes(from: bytes) }
    return LedgerImage(buffer, CRC32C())
  }

  private static func terms(_ balance: Balance?) -> [UInt64] {
    LedgerTerm.allCases.map { balance?[$0] ?? .max }
  }

  /// Another relay on what `world` leaves, with a ledger that may be older; it delivers nothing yet.
  private static func restart(_ world: World, _ ledger: LedgerImage?) -> World {
    World(image: world.image, parked: [world.key(1)], ledger: ledger, seed: 2)
  }

  @Test func `the terms that are written down come first`() {
    #expect(LedgerTerm.allCases.count == LedgerTerm.count)
    #expect(LedgerTerm.writtenCount == LedgerTerm.count - 1)
    #expect(LedgerTerm.held.rawValue == LedgerTerm.writtenCount)
    #expect(LedgerTerm.allCases.prefix(LedgerTerm.gainCount) == [.received, .heldBefore])
    #expect(Balance().counts.count == LedgerTerm.count)
  }

  @Test func `its bytes stand where the layout says`() {
    let world = Self.busy()
    let isDated = world.engine.dateLedger(world.moment)
    #expect(isDated)
    let bytes = Self.bytes(world.engine.ledgerImage(isClean: true))
    #expect(bytes.count == 120 + 2 * 76)
    #expect(Array(bytes[..<8]) == Array("ERLEDGR1".utf8))
    #expect(bytes[12] == 2)
    #expect(bytes[16] == 1)
    #expect(bytes[20] == 0)
    let since = (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[24 + $1]) << (8 * UInt64($1)) }
    #expect(since == 1_750_000_001)
    // Logins and heartbeats among them.
    #expect(bytes[32] == 8)
    #expect(bytes[120 + 2] == UInt8(world.key(1).count))
    #expect(bytes[120 + 20] == 5)
    #expect(bytes[196 + 20] == 3)
    #expect(bytes[196 + 20 + 4 * LedgerTerm.byOperator.rawValue] == 2)
    #expect(bytes[196 + 64 + 8] == 2)
  }

  @Test func `no part of it, no bit that is another, and no longer file is taken for it`() {
    let bytes = Self.bytes(Self.busy().engine.ledgerImage(isClean: false))
    #expect(Self.image(bytes) != nil)
    for count in 0..<bytes.count {
      #expect(Self.image(Array(bytes[..<count])) == nil, "\(count) bytes")
      var torn = bytes
      for i in count..<bytes.count { torn[i] = 0 }
      #expect(torn == bytes || Self.image(torn) == nil, "zeros from \(count) on")
    }
    for bit in 0..<bytes.count * 8 {
      var flipped = bytes
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(Self.image(flipped) == nil, "bit \(bit)")
    }
    #expect(Self.image(bytes + [0]) == nil)
    #expect(Self.image(bytes + [UInt8](repeating: 0, count: 76)) == nil)
    #expect(Self.image([UInt8](repeating: 0xFF, count: bytes.count)) == nil)
  }

  @Test func `behind a stop it goes on as if there had been none`() {
    let before = Self.busy()
    let ledger = before.engine.ledgerImage(isClean: true)
    let world = Self.restart(before, ledger)
    #expect(Self.terms(world.engine.keptBalance) == Self.terms(before.engine.keptBalance))
    for imei in [UInt64(1), 2] {
      #expect(Self.terms(world.balance(imei)) == Self.terms(before.balance(imei)))
    }
    #expect(world.balance(1)[.held] == 2)
    #expect(world.balance(2)[.byOperator] == 2)
    #expect(world.engine.kept.gapCount == 0)
    world.resume(1)
    world.advance(60_000)
    #expect(world.balance(1)[.held] == 0)
    #expect(world.balance(1)[.delivered] == before.balance(1)[.delivered] + 2)
    // This run alone: what the spool held, and nothing else.
    #expect(world.engine.balance[.heldBefore] == 2)
    #expect(world.engine.balance[.received] == 0)
    #expect(world.engine.balance[.delivered] == 2)
    let third = Self.restart(world, world.engine.ledgerImage(isClean: true))
    #expect(Self.terms(third.engine.keptBalance) == Self.terms(world.engine.keptBalance))
  }

  @Test func `a device nothing of which was ever written is known again`() {
    let before = World(holdMilliseconds: 250)
    let tracker = before.tracker(1)
    before.advance(1_000)
    tracker.send(.alarm(2))
    before.advance(1_000)
    tracker.hangUp()
    before.advance(1_000)
    let world = World(
      image: DiskImage(segmentCount: Edge.smallest.segmentCount),
      ledger: before.engine.ledgerImage(isClean: true))
    #expect(world.engine.spool.find(world.key(1)) != nil)
    #expect(Self.terms(world.balance(1)) == Self.terms(before.balance(1)))
    #expect(world.balance(1)[.delivered] > 0)
    #expect(world.engine.status.onlineCount == 0)
    _ = world.tracker(1)
    #expect(world.balance(1)[.received] == before.balance(1)[.received] + 1)
  }

  @Test func `what came in a gap and is held was found`() {
    let before = World()
    let tracker = before.tracker(1)
    before.platformIsUp = false
    for connection in before.connections { before.cut(connection) }
    let ledger = before.engine.ledgerImage(isClean: false)
    tracker.send(.alarm(2), .alarm(3))
    before.advance(5_000)
    let world = Self.restart(before, ledger)
    #expect(world.balance(1)[.received] == 1)
    #expect(world.balance(1)[.heldBefore] == 2)
    #expect(world.balance(1)[.held] == 2)
    #expect(world.engine.keptBalance[.heldBefore] == 2)
    #expect(world.engine.kept.gapCount == 1)
  }

  @Test func `what was held and went in a gap is unrecorded, and what was given up is known`() {
    let before = World()
    let trackers = [before.tracker(1), before.tracker(2)]
    before.platformIsUp = false
    for connection in before.connections { before.cut(connection) }
    for tracker in trackers { tracker.send(.alarm(2), .alarm(3)) }
    before.advance(1_000)
    let ledger = before.engine.ledgerImage(isClean: false)
    #expect(before.giveUp(2) == 2)
    before.platformIsUp = true
    before.advance(60_000)
    #expect(before.balance(1)[.held] == 0)
    let world = Self.restart(before, ledger)
    #expect(world.balance(1)[.delivered] == 0)
    #expect(world.balance(1)[.unrecorded] == 2)
    #expect(world.balance(2)[.byOperator] == 2)
    #expect(world.balance(2)[.unrecorded] == 0)
    #expect(world.engine.keptBalance[.unrecorded] == 2)
    #expect(world.engine.keptBalance[.byOperator] == 2)
    // The same gap, and one relay more that has written nothing.
    let third = Self.restart(world, ledger)
    #expect(third.engine.kept.gapCount == 1)
    let fourth = Self.restart(third, third.engine.ledgerImage(isClean: false))
    #expect(fourth.engine.kept.gapCount == 2)
    #expect(Self.terms(fourth.engine.keptBalance) == Self.terms(third.engine.keptBalance))
  }

  @Test func `without a ledger it counts from now, and losses before do not count`() {
    let before = Self.busy()
    let world = Self.restart(before, nil)
    #expect(world.engine.keptBalance[.heldBefore] == 2)
    #expect(world.engine.keptBalance[.received] == 0)
    #expect(world.balance(2)[.byOperator] == 0)
    #expect(world.balance(2).droppedEver == 2)
    let isDated = world.engine.dateLedger(world.moment)
    #expect(isDated)
    let isDatedAgain = world.engine.dateLedger(world.moment)
    #expect(!isDatedAgain)
  }

  @Test func `devices for which there is no room stay in the total`() {
    let before = Self.busy()
    let ledger = before.engine.ledgerImage(isClean: true)
    let world = World(
      image: DiskImage(segmentCount: Edge.smallest.segmentCount), deviceCountMax: 1,
      ledger: ledger)
    #expect(world.engine.spool.deviceCount == 1)
    #expect(
      world.engine.keptBalance[.received] == before.engine.keptBalance[.received])
    // The spool is another one.
    #expect(world.engine.keptBalance[.unrecorded] == 2)
    #expect(world.engine.keptBalance.isEven)
    let next = World(
      image: world.image, deviceCountMax: 1, ledger: world.engine.ledgerImage(isClean: true))
    #expect(Self.terms(next.engine.keptBalance) == Self.terms(world.engine.keptBalance))
  }

  @Test func `a device that takes another's place leaves its part in the total`() {
    let world = World(deviceCountMax: 1)
    let tracker = world.tracker(1)
    world.advance(100)
    tracker.send(.alarm(2))
    world.advance(1_000)
    tracker.hangUp()
    world.advance(120_000)
    _ = world.tracker(2)
    #expect(world.engine.spool.find(world.key(1)) == nil)
    #expect(world.balance(2)[.received] == 1)
    #expect(world.engine.keptBalance[.received] == 3)
    world.advance(1_000)
    let next = World(
      image: world.image, deviceCountMax: 1, ledger: world.engine.ledgerImage(isClean: true),
      seed: 2)
    #expect(Self.terms(next.engine.keptBalance) == Self.terms(world.engine.keptBalance))
  }

  @Test func `a file with figures beyond all bounds is taken and hurts nobody`() {
    let before = Self.busy()
    let ledger = before.engine.ledgerImage(isClean: true)
    for i in 20..<ledger.byteCount where !(120..<140).contains(i) && !(196..<216).contains(i) {
      ledger.buffer.store(UInt8(0xFF), at: i)
    }
    let checksum = CRC32C().checksum(seed: 0, ledger.buffer, 12..<ledger.byteCount)
    for i in 0..<4 {
      ledger.buffer.store(UInt8(truncatingIfNeeded: checksum >> UInt32(8 * i)), at: 8 + i)
    }
    let image = Self.image(Self.bytes(ledger))
    #expect(image != nil)
    let world = Self.restart(before, image)
    #expect(world.engine.kept.since == 0)
    world.resume(1)
    world.advance(60_000)
    #expect(world.engine.keptBalance.isEven)
  }
}
