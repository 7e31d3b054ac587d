// How many sessions each source has: open addressing by host, at most half full.
//
// A source is an IPv4 address, or a /64 of IPv6, which is the least that one customer is given. An empty
// place is one without sessions. The table grows with the sources there are and never shrinks; a source
// cannot choose its place, because the hash has a secret.

/// Sessions by source.
struct SourceTable {
  struct Source {
    var isIPv6 = false
    var number: UInt64 = 0
    var sessionCount: UInt16 = 0
    /// Those that have not named their device.
    var unnamedCount: UInt16 = 0
  }

  private var places = [Source](repeating: Source(), count: 16)
  private var count = 0
  private let secret: UInt64

  init(secret: UInt64) { self.secret = secret }

  /// How many sessions a source has.
  subscript(address: PeerAddress) -> Source { places[place(of: Self.source(address))] }

  /// Counts a new session, which has not named its device.
  mutating func add(_ address: PeerAddress) {
    let place = place(of: Self.source(address))
    if places[place].sessionCount == 0 {
      places[place] = Self.source(address)
      count += 1
    }
    places[place].sessionCount += 1
    places[place].unnamedCount += 1
    if count * 2 > places.count { grow() }
  }

  /// Counts that a session has named its device.
  mutating func name(_ address: PeerAddress) {
    places[place(of: Self.source(address))].unnamedCount -= 1
  }

  mutating func remove(_ address: PeerAddress, isNamed: Bool) {
    let place = place(of: Self.source(address))
    places[place].sessionCount -= 1
    if !isNamed { places[place].unnamedCount -= 1 }
    if places[place].sessionCount == 0 { clear(place) }
  }

  /// Closes the gap at `start`, so that searches need no tombstones.
  private mutating func clear(_ start: Int) {
    let mask = places.count - 1
    count -= 1
    var place = start
    var next = (place + 1) & mask
    while places[next].sessionCount > 0 {
      if (next - home(places[next])) & mask >= (next - place) & mask {
        places[place] = places[next]
        place = next
      }
      next = (next + 1) & mask
    }
    places[place] = Source()
  }

  private mutating func grow() {
    let old = places
    places = [Source](repeating: Source(), count: old.count * 2)
    for source in old where source.sessionCount > 0 { places[place(of: source)] = source }
  }

  /// Where `source` is, or would be.
  @inline(never)
  private func place(of source: Source) -> Int {
    var place = home(source)
    while places[place].sessionCount > 0,
      places[place].number != source.number || places[place].isIPv6 != source.isIPv6
    {
      place = (place + 1) & (places.count - 1)
    }
    return place
  }

  private func home(_ source: Source) -> Int {
    let host = HostNumber(
      isIPv6: source.isIPv6, high: source.isIPv6 ? source.number : 0,
      low: source.isIPv6 ? 0 : source.number)
    return Int(truncatingIfNeeded: host.hash(secret)) & (places.count - 1)
  }

  private static func source(_ address: PeerAddress) -> Source {
    let host = address.host
    return Source(isIPv6: host.isIPv6, number: host.isIPv6 ? host.high : host.low)
  }
}
