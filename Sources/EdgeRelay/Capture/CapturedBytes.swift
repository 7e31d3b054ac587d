// One direction of a conversation as the inspector reads it: bytes in order, when they came, and what is
// missing.
//
//   bytes      aaaaaaaabbbbcccccccc        gaps      between b and c, 100 bytes
//   arrivals   8       12  20              ends of what came at a time
//
// Invariants: arrivals ascend by `end` and the last ends with the bytes; gaps ascend by `index`; times
// never go back, because a byte is read when all before it are there.

/// The bytes of one side of a conversation.
struct CapturedBytes {
  /// What arrived at a time: a segment, a datagram, or a frame of a text file.
  struct Arrival {
    /// Behind its last byte.
    var end: Int
    var milliseconds: Int64
    /// The sender had received this much of the other side's bytes, as an index into them.
    var peerEnd = 0
    /// It answers nothing of the other side's bytes before this.
    var peerStart = 0
    fileprivate var peerPosition: Int64 = 0
  }

  /// Bytes that were sent but not captured.
  struct Gap {
    /// They are missing in front of this byte.
    var index: Int
    var byteCount: Int64
  }

  private(set) var bytes: [UInt8] = []
  private(set) var arrivals: [Arrival] = []
  private(set) var gaps: [Gap] = []
  /// Whether the conversation began before the capture did.
  private(set) var isStartMissing = false
  /// The stream's position of byte 0.
  private var start: Int64 = 0

  init() {}

  /// Copies the pieces of a stream that is in order.
  init(_ stream: CapturedStream, isTCP: Bool, in file: Span<UInt8>) {
    start = stream.start
    isStartMissing = isTCP && stream.initialSequence == nil && !stream.pieces.isEmpty
    var covered = start
    var milliseconds = Int64.min
    var peerPosition = Int64.min
    for piece in stream.pieces {
      let end = piece.position + Int64(piece.range.count)
      // A retransmission, a keep-alive, or an empty datagram.
      if end <= covered { continue }
      if piece.position > covered {
        gaps.append(Gap(index: bytes.count, byteCount: piece.position - covered))
      }
      let known = max(0, covered - piece.position)
      for i in piece.range.dropFirst(Int(known)) { bytes.append(file[i]) }
      covered = end
      milliseconds = max(milliseconds, piece.milliseconds)
      peerPosition = max(peerPosition, piece.peerPosition)
      arrivals.append(
        Arrival(end: bytes.count, milliseconds: milliseconds, peerPosition: peerPosition))
    }
  }

  /// Appends what arrived at a time.
  @inline(never)
  mutating func append(
    _ piece: [UInt8], milliseconds: Int64 = 0, answering peer: Range<Int> = 0..<0
  ) {
    bytes += piece
    arrivals.append(
      Arrival(
        end: bytes.count, milliseconds: milliseconds, peerEnd: peer.upperBound,
        peerStart: peer.lowerBound))
  }

  /// Learns where in `peer` its arrivals stand.
  mutating func place(on peer: CapturedBytes) {
    var gap = 0
    var missing: Int64 = 0
    for i in arrivals.indices {
      let position = arrivals[i].peerPosition - peer.start
      while gap < peer.gaps.count,
        Int64(peer.gaps[gap].index) + missing + peer.gaps[gap].byteCount <= position
      {
        missing += peer.gaps[gap].byteCount
        gap += 1
      }
      var index = position - missing
      // What stands in a gap is in front of the byte behind it.
      if gap < peer.gaps.count { index = min(index, Int64(peer.gaps[gap].index)) }
      arrivals[i].peerEnd = Int(max(0, min(index, Int64(peer.bytes.count))))
    }
  }

  /// How many bytes are missing.
  var missingByteCount: Int64 {
    var sum: Int64 = 0
    for gap in gaps { sum += gap.byteCount }
    return sum
  }
}
