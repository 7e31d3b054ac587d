// Networks of sources, searched by halving.
//
// Invariant: the ranges are sorted and disjoint. Two networks are disjoint or one is within the other,
// so a set of them needs no cutting: what is within another one is left out.

/// A set of networks.
public struct Networks: Sendable {
  private struct Range {
    var first: HostNumber
    var last: HostNumber
  }

  private var ranges: [Range] = []

  public init() {}

  public var isEmpty: Bool { ranges.isEmpty }
  public var count: Int { ranges.count }

  /// Adds the network of `address` with so many leading bits, all of them when `nil`; `false` when an
  /// address has not so many.
  public mutating func add(_ address: PeerAddress, prefixBitCount: Int?) -> Bool {
    let bitCount = prefixBitCount ?? (address.isIPv6 ? 128 : 32)
    guard let (first, last) = address.host.network(prefixBitCount: bitCount) else { return false }
    if contains(first), contains(last) { return true }
    var merged: [Range] = []
    var isIn = false
    for range in ranges where range.first < first || last < range.last {
      if !isIn, last < range.first {
        Self.append(first, last, to: &merged)
        isIn = true
      }
      Self.append(range.first, range.last, to: &merged)
    }
    if !isIn { Self.append(first, last, to: &merged) }
    ranges = merged
    return true
  }

  /// The one place where a list of ranges grows, which is a few hundred bytes of code.
  @inline(never)
  private static func append(_ first: HostNumber, _ last: HostNumber, to ranges: inout [Range]) {
    ranges.append(Range(first: first, last: last))
  }

  public func contains(_ address: PeerAddress) -> Bool { contains(address.host) }

  private func contains(_ host: HostNumber) -> Bool {
    let below = countBelow(host)
    return below > 0 && host <= ranges[below - 1].last
  }

  /// How many ranges begin at `host` or before it.
  private func countBelow(_ host: HostNumber) -> Int {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].first <= host { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
