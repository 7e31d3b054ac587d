// How much of the log a source may fill: `burst` lines at once, then one in `interval` milliseconds.
//
//   emptyAt   by source, when a bucket that every line fills a little more will have run empty
//
// Sources that meet in a place share it. Fixed memory; nothing is searched.

import Queue
import Relay

/// The shares of all sources.
struct LogShares {
  static let burst = 50
  static let interval = 200
  private static let placeCount = 256

  private var emptyAt = [Instant](repeating: .origin, count: placeCount)
  private let secret: UInt64

  init(secret: UInt64) { self.secret = secret }

  /// Whether `source` may write a line now, which is then counted.
  mutating func take(_ source: PeerAddress, _ now: Instant) -> Bool {
    let place = Int(source.hostHash(secret) % UInt64(Self.placeCount))
    let next = max(emptyAt[place], now).advanced(by: Self.interval)
    guard next.since(now) <= Int64(Self.burst * Self.interval) else { return false }
    emptyAt[place] = next
    return true
  }
}
