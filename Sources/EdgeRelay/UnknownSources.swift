// Who has sent what nobody understands, how often, and what last: for the log and `edgerelay unknown`.
//
// Fixed memory: when a further address comes, the one that was first taken in is forgotten.

import Queue
import Relay

/// One address that has sent what nobody understands.
struct UnknownSource {
  /// Without its port.
  var address: PeerAddress
  var count = 0
  var lastAt = Instant.never
  /// How the latest of it began.
  var bytes: [UInt8] = []
}

/// The latest such addresses.
struct UnknownSources {
  private static let addressCountMax = 64

  private(set) var all: [UnknownSource] = []
  private var oldest = 0

  init() { all.reserveCapacity(Self.addressCountMax) }

  /// Notes what `source` has sent; returns how often it has, this time included.
  mutating func note(_ source: PeerAddress, _ bytes: [UInt8], _ now: Instant) -> Int {
    var address = source
    address.clearPort()
    let place = all.firstIndex { $0.address == address } ?? takePlace(address)
    all[place].count += 1
    all[place].lastAt = now
    all[place].bytes = bytes
    return all[place].count
  }

  private mutating func takePlace(_ address: PeerAddress) -> Int {
    if all.count < Self.addressCountMax {
      all.append(UnknownSource(address: address))
      return all.count - 1
    }
    let place = oldest
    all[place] = UnknownSource(address: address)
    oldest = (oldest + 1) % Self.addressCountMax
    return place
  }
}
