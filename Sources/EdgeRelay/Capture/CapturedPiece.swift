// What one packet contributed to one direction of a flow.

/// Payload in the file and its place in the stream.
struct CapturedPiece {
  /// The first byte's place in the stream; negative before the place where counting began.
  var position: Int64
  /// The same of the other direction: what the sender had received when it sent this.
  var peerPosition: Int64
  /// The payload, as places in the file.
  var range: Range<Int>
  var milliseconds: Int64

  /// Whether this is read before `other`: by position, then as they were captured.
  func precedes(_ other: CapturedPiece) -> Bool {
    position != other.position
      ? position < other.position : range.lowerBound < other.range.lowerBound
  }
}
