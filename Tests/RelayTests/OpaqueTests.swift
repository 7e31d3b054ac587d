// Connections that speak nothing known: closed and reported, or passed on as they are.

import Detect
import Queue
import Testing

@testable import Relay

/// A world whose platform takes opaque connections and echoes nothing by itself.
private final class OpaqueWorld: Edge {
  var links: [(slot: SessionSlot, bytes: [UInt8], isOpen: Bool)] = []
  var toDevice: [UInt8] = []
  var closed: [SessionSlot] = []
  var isPaused = false
  /// Bytes the platform takes at a time.
  var linkRoom = Int.max

  init(passesUnknown: Bool = true) {
    super.init(
      image: nil, configuration: RelayConfiguration(passesUnknown: passesUnknown),
      deviceCountMax: 16, seed: 1)
    engine.start(now: instant)
  }

  func settle() { while turn() {} }

  func open() -> SessionSlot {
    let slot = engine.accept(.number(1), moment)!
    settle()
    return slot
  }

  func say(_ slot: SessionSlot, _ text: String) {
    engine.received(slot, Array(text.utf8).span, moment)
    settle()
  }

  func wait(_ milliseconds: Int) {
    now += milliseconds
    settle()
  }

  override func connectLink(_ slot: SessionSlot) { links.append((slot, [], true)) }
  override func writeLink(_ bytes: [UInt8], of slot: SessionSlot) -> Int? {
    guard let place = links.lastIndex(where: { $0.slot == slot && $0.isOpen }) else { return nil }
    let count = min(bytes.count, linkRoom)
    links[place].bytes += bytes[..<count]
    return count
  }
  override func closeLink(_ slot: SessionSlot) {
    for i in links.indices where links[i].slot == slot { links[i].isOpen = false }
  }
  override func write(_ bytes: [UInt8], to slot: SessionSlot) -> Int? {
    toDevice += bytes
    return bytes.count
  }
  override func closeSession(_ slot: SessionSlot) { closed.append(slot) }
  override func setReading(_ slot: SessionSlot, _ isReading: Bool) { isPaused = !isReading }

  var unknown: [(RejectReason, [UInt8])] {
    logs.compactMap {
      if case .unknownTraffic(_, let reason, let bytes) = $0 { (reason, bytes) } else { nil }
    }
  }
}

@Suite struct OpaqueTests {
  @Test func `unknown traffic is reported with its first bytes and closed`() {
    let world = OpaqueWorld(passesUnknown: false)
    let slot = world.open()
    world.say(slot, "?" + String(repeating: "z", count: 600))
    #expect(world.unknown.map(\.0) == [.unknownStart])
    #expect(world.unknown.first?.1.count == 256)
    #expect(world.closed == [slot])
    #expect(world.links.isEmpty)
    #expect(world.engine.ledger.rejectedSessionCount == 1)
  }

  @Test func `an opaque session reaches the platform whole and both ways`() {
    let world = OpaqueWorld()
    let slot = world.open()
    world.say(slot, "?one")
    world.say(slot, "two")
    #expect(world.links.count == 1 && world.links[0].bytes.isEmpty)
    world.engine.linkConnected(slot)
    world.settle()
    #expect(world.links[0].bytes == Array("?onetwo".utf8))
    world.engine.linkReceived(slot, Array("OK".utf8).span, world.moment)
    world.settle()
    #expect(world.toDevice == Array("OK".utf8))
    world.say(slot, "three")
    #expect(world.links[0].bytes == Array("?onetwothree".utf8))
    #expect(world.engine.ledger.storedFrameCount == 0)
  }

  @Test func `the end of either side is the end of both`() {
    let world = OpaqueWorld()
    let first = world.open()
    world.say(first, "?")
    world.engine.linkConnected(first)
    world.settle()
    world.engine.linkClosed(first, world.moment)
    world.settle()
    #expect(world.closed == [first])
    let second = world.open()
    world.say(second, "?")
    world.engine.linkConnected(second)
    world.settle()
    world.engine.sessionClosed(second, world.moment)
    world.settle()
    #expect(!world.links[1].isOpen)
    #expect(world.engine.opaqueCount == 0)
  }

  @Test func `a device that has finished sending gets its last bytes through`() {
    let world = OpaqueWorld()
    let slot = world.open()
    world.say(slot, "?last")
    world.engine.sessionInputEnded(slot, world.moment)
    world.settle()
    #expect(world.closed.isEmpty)
    world.engine.linkConnected(slot)
    world.settle()
    #expect(world.links[0].bytes == Array("?last".utf8))
    #expect(world.closed == [slot])
  }

  @Test func `a platform that takes nothing stops the reading, and lets it go on`() {
    let world = OpaqueWorld()
    let slot = world.open()
    world.say(slot, "?")
    world.engine.linkConnected(slot)
    world.linkRoom = 0
    for _ in 0..<40 where !world.isPaused { world.say(slot, String(repeating: "z", count: 1_000)) }
    #expect(world.isPaused)
    let waiting = world.engine.withLinkOutput(slot) { $0.count }
    #expect(waiting <= RelayLimits.upstreamOutputBytesMax + 1_000)
    world.engine.linkWrote(slot, waiting, world.moment)
    world.settle()
    #expect(!world.isPaused)
  }

  @Test func `what stays undecided is passed on when the time for a verdict is over`() {
    let world = OpaqueWorld()
    let slot = world.open()
    world.say(slot, "x")
    #expect(world.links.isEmpty)
    world.wait(RelayLimits.detectionTimeout)
    #expect(world.links.count == 1)
  }

  @Test func `there are never more than the limit`() {
    let world = OpaqueWorld()
    for _ in 0..<RelayLimits.opaqueCountMax + 3 { world.say(world.open(), "?") }
    #expect(world.links.count == RelayLimits.opaqueCountMax)
    #expect(world.closed.count == 3)
  }

  @Test func `a silent opaque session is closed at last`() {
    let world = OpaqueWorld()
    let slot = world.open()
    world.say(slot, "?")
    world.engine.linkConnected(slot)
    world.wait(RelayLimits.sessionIdleTimeout + 1)
    #expect(world.closed == [slot])
    #expect(!world.links[0].isOpen)
  }
}
