// What the bytes given to `inspect` are, told by the bytes.
//
//   pcap or pcapng   by their magic numbers
//   lines of JSON    { and " first
//   hexadecimal      every line is; each is a piece
//   raw bytes        anything else

/// The kinds of input.
enum InspectInput {
  case capture(CaptureReader)
  case lines
  case pieces([[UInt8]])

  init(_ content: [UInt8]) {
    if let reader = CaptureReader(content.span) {
      self = .capture(reader)
    } else if CaptureLine.begins(content.span) {
      self = .lines
    } else {
      self = .pieces(Hex.pieces(content))
    }
  }
}
