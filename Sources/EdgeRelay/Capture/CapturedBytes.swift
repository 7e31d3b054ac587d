// One direction of a conversation as the inspector reads it: bytes in order, when they came, and what is
// missing.
//
//   bytes      aaaaaaaabbbbcccccccc
//   arrivals          8  12      20        ends of what came at a time; the last missed 100 bytes
//
// Invariants: arrivals ascend by `end` and the last ends with the bytes; times never go back, because a
// byte is read when all before it are there.

/// The bytes of one side of a conversation.
struct CapturedBytes {
  /// What arrived at a time: a segment, a datagram, or a frame of a text file.
  struct Arrival {
    /// Behind its last byte.
    var end: Int
    var milliseconds: Int64
    /// Bytes that were sent in front of this but not captured.
    var missingByteCount: Int64 = 0
    /// The sender had received this much of the other side's bytes, as an index into them.
    var peerEnd = 0
    /// It answers nothing of the other side's bytes before this.
    var peerStart = 0
    fileprivate var peerPosition: Int64 = 0
  }

  private(set) var bytes: [UInt8] = []
  private(set) var arrivals: [Arrival] = []
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
      let missing = max(0, piece.position - covered)
      let known = max(0, covered - piece.position)
      for i in piece.range.dropFirst(Int(known)) { bytes.append(file[i]) }
      covered = end
      milliseconds = max(milliseconds, piece.milliseconds)
      peerPosition = max(peerPosition, piece.peerPosition)
      arrivals.append(
        Arrival(
          end: bytes.count, milliseconds: milliseconds, missingByteCount: missing,
          peerPosition: peerPosition))
    }
  }

  /// Appends what arrived at a time; nothing if that is nothing.
  @inline(never)
  mutating func append(
    _ piece: [UInt8], milliseconds: Int64 = 0, answering peer: Range<Int> = 0..<0
  ) {
    if piece.isEmpty { return }
    bytes += piece
    arrivals.append(
      Arrival(
        end: bytes.count, milliseconds: milliseconds, peerEnd: peer.upperBound,
        peerStart: peer.lowerBound))
  }

  /// Learns where in `peer` its arrivals stand.
  mutating func place(on peer: CapturedBytes) {
    var next = 0
    var position = peer.start
    for i in arrivals.indices {
      // What the sender had received ends between two arrivals, or within one.
      var index = next > 0 ? peer.arrivals[next - 1].end : 0
      while next < peer.arrivals.count {
        let arrival = peer.arrivals[next]
        let begin = position + arrival.missingByteCount
        let byteCount = Int64(arrival.end - index)
        let received = arrivals[i].peerPosition - begin
        if received < byteCount {
          index += Int(max(0, received))
          break
        }
        index = arrival.end
        position = begin + byteCount
        next += 1
      }
      arrivals[i].peerEnd = index
    }
  }
}
