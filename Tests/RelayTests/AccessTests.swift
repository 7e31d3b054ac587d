// The operator's rules: who is let in, and what happens to those who are not.

import Detect
import Testing

@testable import Relay

struct AccessTests {
  // MARK: Networks

  private func address(_ bytes: UInt8...) -> PeerAddress {
    var address = PeerAddress()
    address[0] = bytes.count == 4 ? 4 : 6
    for (i, byte) in bytes.enumerated() { address[4 + i] = byte }
    return address
  }

  /// `#expect` takes no mutation.
  private func add(_ networks: inout Networks, _ address: PeerAddress, _ bitCount: Int?) -> Bool {
    networks.add(address, prefixBitCount: bitCount)
  }

  @Test func `a network holds its own hosts and no others, nested ones included`() {
    var networks = Networks()
    #expect(add(&networks, address(10, 1, 2, 3), 16))
    #expect(add(&networks, address(192, 0, 2, 7), nil))
    #expect(add(&networks, address(10, 1, 0, 0), 24))
    #expect(networks.count == 2)
    #expect(add(&networks, address(10, 0, 0, 0), 8))
    #expect(networks.count == 2)
    #expect(networks.contains(address(10, 0, 0, 0)))
    #expect(networks.contains(address(10, 255, 255, 255)))
    #expect(!networks.contains(address(11, 0, 0, 0)))
    #expect(!networks.contains(address(9, 255, 255, 255)))
    #expect(networks.contains(address(192, 0, 2, 7)))
    #expect(!networks.contains(address(192, 0, 2, 6)))
    #expect(!networks.contains(address(192, 0, 2, 8)))
    #expect(!add(&networks, address(10, 0, 0, 0), 33))
  }

  @Test func `a prefix of every length holds exactly its hosts`() {
    let base: [UInt8] = [0x20, 0x01, 0x0D, 0xB8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    for isIPv6 in [false, true] {
      let byteCount = isIPv6 ? 16 : 4
      var host = PeerAddress()
      host[0] = isIPv6 ? 6 : 4
      for i in 0..<byteCount { host[4 + i] = base[i] }
      for bitCount in 0...byteCount * 8 {
        var networks = Networks()
        #expect(add(&networks, host, bitCount))
        #expect(networks.contains(host))
        for bit in 0..<byteCount * 8 {
          var other = host
          other[4 + bit / 8] ^= 0x80 >> UInt8(bit % 8)
          #expect(networks.contains(other) == (bit >= bitCount), "\(bitCount) \(bit)")
        }
        #expect(!networks.contains(isIPv6 ? address(8, 8, 8, 8) : self.mapped()))
      }
    }
  }

  /// An IPv6 host near no IPv4 one.
  private func mapped() -> PeerAddress {
    var host = PeerAddress()
    host[0] = 6
    host[4] = 0x20
    return host
  }

  @Test func `random networks are searched as one after another would be`() {
    var random = RandomSource(seed: 7)
    for _ in 0..<200 {
      var networks = Networks()
      var list: [(UInt32, Int)] = []
      for _ in 0..<random.below(40) {
        let base = UInt32(random.below(1 << 12)) << 20
        let bits = 4 + random.below(29)
        list.append((base, bits))
        #expect(add(&networks, ipv4(base), bits))
      }
      for _ in 0..<100 {
        let host = UInt32(random.below(1 << 13)) << 19
        let isIn = list.contains { base, bits in (base ^ host) >> UInt32(32 - bits) == 0 }
        #expect(networks.contains(ipv4(host)) == isIn)
      }
    }
  }

  private func ipv4(_ number: UInt32) -> PeerAddress {
    address(
      UInt8(number >> 24), UInt8(number >> 16 & 0xFF), UInt8(number >> 8 & 0xFF),
      UInt8(number & 0xFF))
  }

  // MARK: Sources

  @Test func `sessions are counted by source, as a list of them would`() {
    var random = RandomSource(seed: 11)
    var table = SourceTable(secret: 3)
    var sessions: [(source: PeerAddress, isNamed: Bool)] = []
    for _ in 0..<20_000 {
      let number = UInt32(random.below(60))
      // The same bits in both families; all of IPv6 in one /64 each.
      var source = ipv4(number)
      if random.below(2) == 0 {
        source = address(0, 0, 0, 0, 0, 0, 0, UInt8(number), 0, 0, 0, 0, 0, 0, 0, 0)
        source[19] = UInt8(random.below(256))
      }
      let known = sessions.filter { isSame($0.source, source) }
      #expect(table[source].sessionCount == known.count)
      #expect(table[source].unnamedCount == known.count { !$0.isNamed })
      switch random.below(3) {
      case 0 where sessions.count > 0:
        let gone = sessions.remove(at: random.below(sessions.count))
        table.remove(gone.source, isNamed: gone.isNamed)
      case 1 where sessions.count > 0:
        let i = random.below(sessions.count)
        if !sessions[i].isNamed { table.name(sessions[i].source) }
        sessions[i].isNamed = true
      default:
        guard sessions.count < 200 else { continue }
        sessions.append((source, false))
        table.add(source)
      }
    }
  }

  private func isSame(_ a: PeerAddress, _ b: PeerAddress) -> Bool {
    a[0] == b[0] && (4..<(a.isIPv6 ? 12 : 8)).allSatisfy { a[$0] == b[$0] }
  }

  @Test func `a source has no more sessions than it may have, and others are not in its way`() {
    let world = World()
    var rules = AccessRules()
    rules.sessionsPerSourceMax = 3
    rules.unnamedPerSourceMax = 2
    world.apply(rules)
    let home = ipv4(0x0A00_0001)
    var slots = (0..<3).map { _ in world.engine.accept(home, world.moment) }
    #expect(slots.map { $0 == nil } == [false, false, true])
    #expect(world.engine.accept(ipv4(0x0A00_0002), world.moment) != nil)
    // Who has named its device makes room for another that has not.
    world.engine.received(slots[0]!, Wire.login(1).bytes.span, world.moment)
    slots[2] = world.engine.accept(home, world.moment)
    #expect(slots[2] != nil)
    #expect(world.engine.accept(home, world.moment) == nil)
    world.engine.received(slots[1]!, Wire.login(2).bytes.span, world.moment)
    #expect(world.engine.accept(home, world.moment) == nil)
    #expect(world.ledger.refusedBySourceLimitCount == 3)
    world.engine.datagram(home, Wire.login(3).bytes.span, world.moment)
    #expect(world.ledger.refusedBySourceLimitCount == 4)
    for slot in slots { world.engine.sessionClosed(slot!, world.moment) }
    world.settle()
    let again = (0..<3).map { _ in world.engine.accept(home, world.moment) == nil }
    #expect(again == [false, false, true])
  }

  // MARK: The engine

  private func names(_ imeis: [UInt64]) -> DeviceNames {
    var names = DeviceNames()
    for imei in imeis {
      let text = "00000000000000\(imei)".suffix(15)
      _ = names.insert(Array(text.utf8)[...])
    }
    return names
  }

  @Test func `a source outside the networks gets no session, on TCP and on UDP`() {
    let world = World()
    var rules = AccessRules()
    _ = rules.networks.add(ipv4(0x0A00_0000), prefixBitCount: 8)
    world.apply(rules)
    let stranger = world.connection(1)
    #expect(!stranger.isOpen)
    world.source(2).send(.login(2))
    #expect(world.engine.status == EngineStatus())
    #expect(world.ledger.refusedByNetworkCount == 2)
    #expect(world.ledger.acceptedSessionCount == 0)
    world.apply(AccessRules())
    _ = world.tracker(1)
  }

  @Test func `a device that is not allowed is neither answered nor known`() {
    let world = World()
    var rules = AccessRules()
    rules.allowed = names([1, 2])
    rules.denied = names([2])
    world.apply(rules)
    _ = world.tracker(1)
    for imei in [2, 3] as [UInt64] {
      let stranger = world.connection(imei)
      stranger.send(.login(imei), .alarm(2))
      world.advance(2_000)
      #expect(stranger.take() == [])
      #expect(!stranger.isOpen)
      let source = world.source(imei)
      source.send(.login(imei))
      #expect(source.take() == [])
    }
    #expect(world.ledger.refusedByDeviceCount == 4)
    #expect(world.engine.status.deviceCount == 1)
    #expect(world.engine.status.sessionCount == 1)
    #expect(world.ledger.storedFrameCount == 0)
  }

  @Test func `a session that names another device is held to the rules again`() {
    let world = World()
    var rules = AccessRules()
    rules.denied = names([2])
    world.apply(rules)
    let tracker = world.tracker(1)
    tracker.send(.login(2))
    #expect(!tracker.isOpen)
    #expect(tracker.take() == [])
  }

  @Test func `a disabled protocol is refused as unknown traffic`() {
    let world = World()
    var rules = AccessRules()
    rules.disable(.gt06)
    world.apply(rules)
    let tracker = world.connection(1)
    tracker.send(.login(1))
    #expect(!tracker.isOpen)
    #expect(tracker.take() == [])
    let source = world.source(2)
    source.send(.login(2))
    #expect(source.take() == [])
    let reasons = world.logs.compactMap { event -> RejectReason? in
      if case .unknownTraffic(_, let reason, _) = event { return reason }
      return nil
    }
    #expect(reasons == [.disabled])
    #expect(world.ledger.refusedByProtocolCount == 2)
    #expect(world.engine.status.deviceCount == 0)
  }

  @Test func `new rules end the sessions they do not allow, and deliver what was taken`() {
    let world = World()
    let stays = world.tracker(1)
    let goes = world.tracker(2)
    let datagrams = world.source(3)
    datagrams.send(.login(3))
    #expect(datagrams.take() == [.login(3).answer()])
    world.advance(100)
    world.platformIsUp = false
    for connection in world.connections { world.cut(connection) }
    goes.send(.alarm(2, mark: 77))
    world.advance(100)
    #expect(goes.take() == [.alarm(2, mark: 77).answer()])
    var rules = AccessRules()
    rules.allowed = names([1])
    world.apply(rules)
    #expect(stays.isOpen)
    #expect(!goes.isOpen)
    #expect(world.engine.status.sessionCount == 1)
    #expect(world.ledger.refusedByDeviceCount == 2)
    world.platformIsUp = true
    world.advance(120_000)
    #expect(world.delivered.contains(.alarm(2, mark: 77)))
    #expect(world.engine.status.waitingFrameCount == 0)
    // Whoever was bound by a datagram is refused with the next one.
    datagrams.send(.alarm(9))
    world.advance(2_000)
    #expect(datagrams.take() == [])
    stays.send(.alarm(3))
    world.advance(100)
    #expect(stays.take() == [.alarm(3).answer()])
    var none = AccessRules()
    none.disable(.gt06)
    world.apply(none)
    #expect(!stays.isOpen)
  }
}
