// Which rows came nearest to taking bytes that none took, and where they stopped.
//
// A probe's answer for a growing prefix moves once (ProtocolRow.swift), so there is a longest prefix that a
// row did not refuse, and the byte behind it is the one that made it refuse: a wrong mark, the place where
// the stop bytes that a length leads to are not, a digit that is none. No row knows about this; whatever
// is added later is explained as well.
//
//   bytes     28 31 32 33 41 ...        tk103 bears "(123", and the byte at 4 contradicts it
//
// A row that bears no byte is not near. Padding in front is passed over, as the detector does.
// Invariant: ordered by how much is borne, most first; between equals the better rank comes first.

/// How far one row went along with bytes it does not take.
public struct NearProtocol: Equatable, Sendable {
  public let protocolID: ProtocolID
  /// Bytes from the start, padding included, that do not contradict the row.
  public let byteCount: Int
  /// How many bytes the row waited for in vain, padding included, where none contradicts it; `nil`
  /// where the byte behind those that fit does.
  public let wantedByteCount: Int?
}

/// The rows that came nearest, at most `NearestProtocols.countMax`.
public struct NearestProtocols: Sendable {
  public static let countMax = 3

  public private(set) var count = 0
  private var storage = InlineArray<3, NearProtocol?>(repeating: nil)

  /// Asks every row about the start of `bytes`, which the detector refused or left undecided.
  public init(_ bytes: Span<UInt8>) {
    var skip = 0
    while skip < bytes.count, skip < Limits.paddingBytesMax, Detector.isPadding(bytes[skip]) {
      skip += 1
    }
    let start = bytes.extracting(skip..<min(bytes.count, Limits.detectionBytesMax))
    for rank in 0..<ProtocolID.count {
      let candidate = ProtocolID.ranked(rank)
      let borne = Self.borneByteCount(start, candidate)
      if borne == 0 { continue }
      var wanted: Int?
      if borne == start.count {
        if case .needMore(let total) = candidate.row.probe(start, .none) { wanted = skip + total }
      }
      insert(
        NearProtocol(protocolID: candidate, byteCount: skip + borne, wantedByteCount: wanted))
    }
  }

  /// The row at `index`, `0 ..< count`.
  public subscript(index: Int) -> NearProtocol? { storage[index] }

  /// The longest prefix that the row does not refuse, found by halving.
  private static func borneByteCount(_ bytes: Span<UInt8>, _ candidate: ProtocolID) -> Int {
    var borne = 0
    var refused = bytes.count + 1
    while borne + 1 < refused {
      let middle = (borne + refused) / 2
      if candidate.row.probe(bytes.extracting(0..<middle), .none) == .no {
        refused = middle
      } else {
        borne = middle
      }
    }
    return borne
  }

  private mutating func insert(_ near: NearProtocol) {
    var place = count
    while place > 0, let before = storage[place - 1], before.byteCount < near.byteCount {
      place -= 1
    }
    if place == Self.countMax { return }
    var i = min(count, Self.countMax - 1)
    while i > place {
      storage[i] = storage[i - 1]
      i -= 1
    }
    storage[place] = near
    count = min(count + 1, Self.countMax)
  }
}
