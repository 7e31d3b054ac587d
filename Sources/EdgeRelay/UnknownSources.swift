// How often an address has sent what nobody understands, for the log.
//
// Fixed memory: when a further address comes, the one that was first taken in is forgotten.

import Relay

/// Counts of the latest addresses, without their ports.
struct UnknownSources {
  private static let addressCountMax = 64

  private var counts: [(address: PeerAddress, count: Int)] = []
  private var oldest = 0

  init() { counts.reserveCapacity(Self.addressCountMax) }

  /// Counts one more from `source`; returns how many there were, this one included.
  mutating func count(_ source: PeerAddress) -> Int {
    var address = source
    address.clearPort()
    for i in counts.indices where counts[i].address == address {
      counts[i].count += 1
      return counts[i].count
    }
    if counts.count < Self.addressCountMax {
      counts.append((address, 1))
    } else {
      counts[oldest] = (address, 1)
      oldest = (oldest + 1) % Self.addressCountMax
    }
    return 1
  }
}
