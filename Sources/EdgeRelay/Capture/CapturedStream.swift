// One direction of a flow: pieces as they were captured, put in order at the end.
//
// TCP counts bytes modulo 2^32 from a random number. A segment stands at the place nearest to the
// furthest one seen, so that wraps need no care; counting begins at the byte behind the SYN, or at what
// was seen first when that was not captured.
//
// In order means by position. Where two pieces overlap, the bytes of the one that begins first stay, and of
// two that begin alike those captured first, so that the order of capture changes nothing as long as
// retransmissions repeat what they retransmit.
//
// Datagrams stand behind one another.

/// The bytes that one side of a flow sent.
struct CapturedStream {
  private(set) var pieces: [CapturedPiece] = []
  /// The sequence number of position 0.
  private var origin: UInt32?
  /// The furthest position that anything was seen at.
  private var furthest: Int64 = 0
  /// The first position with payload.
  private(set) var lowest: Int64?
  /// The sequence number of the SYN.
  private(set) var initialSequence: UInt32?
  /// Where the FIN stands.
  private(set) var end: Int64?
  /// Whether any packet of this direction was seen.
  private(set) var isSeen = false

  // MARK: Packets

  /// Where `sequence` stands, nearest to what was seen.
  func position(of sequence: UInt32) -> Int64 {
    guard let origin else { return 0 }
    let reference = origin &+ UInt32(truncatingIfNeeded: furthest)
    return furthest + Int64(Int32(bitPattern: sequence &- reference))
  }

  /// Begins the counting with the first number that is heard of.
  mutating func begin(at sequence: UInt32) {
    if origin == nil { origin = sequence }
  }

  /// Notes the number of the SYN, known from the SYN itself or from its acknowledgement.
  mutating func open(with sequence: UInt32) {
    begin(at: sequence)
    if initialSequence == nil { initialSequence = sequence }
  }

  /// Adds a segment that belongs to this stream.
  mutating func add(
    _ header: SegmentHeader, _ payload: Range<Int>, peerPosition: Int64, _ milliseconds: Int64
  ) {
    isSeen = true
    begin(at: header.sequence)
    var start = position(of: header.sequence)
    if header.isSYN {
      open(with: header.sequence)
      // The SYN counts as a byte.
      start = position(of: header.sequence &+ 1)
      furthest = max(furthest, start)
    }
    if header.isRST { return }
    if !payload.isEmpty {
      pieces.append(
        CapturedPiece(
          position: start, peerPosition: peerPosition, range: payload, milliseconds: milliseconds))
      lowest = min(lowest ?? start, start)
      furthest = max(furthest, start + Int64(payload.count))
    }
    if header.isFIN { end = start + Int64(payload.count) }
  }

  /// Adds a datagram behind the others.
  @inline(never)
  mutating func add(datagram payload: Range<Int>, peerPosition: Int64, _ milliseconds: Int64) {
    isSeen = true
    pieces.append(
      CapturedPiece(
        position: furthest, peerPosition: peerPosition, range: payload, milliseconds: milliseconds))
    furthest += Int64(payload.count)
  }

  // MARK: Belonging

  /// Whether a SYN with this sequence number opens this stream and not another one.
  func isOpened(by sequence: UInt32) -> Bool {
    if let initialSequence { return initialSequence == sequence }
    guard origin != nil else { return true }
    let start = position(of: sequence &+ 1)
    let first = lowest ?? start
    return start <= first && first - start <= CaptureLimits.startDistanceMax
      && abs(start - furthest) <= CaptureLimits.openDistanceMax
  }

  /// Whether payload at `sequence` can be of this stream, which has ended if `isClosed`.
  func takes(_ sequence: UInt32, isClosed: Bool) -> Bool {
    guard origin != nil else { return true }
    let start = position(of: sequence)
    let distance = abs(start - furthest)
    if !isClosed { return distance <= CaptureLimits.openDistanceMax }
    if let end, start >= end { return false }
    return distance <= CaptureLimits.closedDistanceMax
  }

  // MARK: Order

  /// Where counting of the stream's own bytes begins: behind the SYN, or at what was captured first.
  var start: Int64 { initialSequence == nil ? lowest ?? 0 : startBehindSYN }

  private var startBehindSYN: Int64 {
    guard let origin, let initialSequence else { return 0 }
    return Int64(Int32(bitPattern: initialSequence &+ 1 &- origin))
  }

  /// Puts the pieces in order; done once, when everything is there.
  mutating func sort() {
    // Nearly always they are. A heap, because a hostile file may hold any order.
    var isSorted = true
    for i in pieces.indices.dropFirst() where pieces[i].precedes(pieces[i - 1]) { isSorted = false }
    if isSorted { return }
    for root in stride(from: pieces.count / 2 - 1, through: 0, by: -1) {
      siftDown(root, count: pieces.count)
    }
    for count in stride(from: pieces.count - 1, to: 0, by: -1) {
      pieces.swapAt(0, count)
      siftDown(0, count: count)
    }
  }

  /// Lets the piece at `root` sink below every piece that does not precede it.
  @inline(never)
  private mutating func siftDown(_ root: Int, count: Int) {
    var root = root
    while true {
      var child = root * 2 + 1
      if child >= count { return }
      if child + 1 < count, pieces[child].precedes(pieces[child + 1]) { child += 1 }
      if !pieces[root].precedes(pieces[child]) { return }
      pieces.swapAt(root, child)
      root = child
    }
  }
}
