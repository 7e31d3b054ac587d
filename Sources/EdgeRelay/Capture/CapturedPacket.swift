// One packet as a capture file holds it.

/// Where a packet's bytes stand in the file, and what the file says about them.
struct CapturedPacket: Equatable {
  var link: LinkType
  /// The captured bytes, as places in the file.
  var range: Range<Int>
  /// Milliseconds since 1970; of the packet before where the file has no time.
  var milliseconds: Int64
}

/// Why a capture file cannot be read any further.
enum CaptureFault: Equatable {
  /// The file ends in the middle of a header or packet.
  case truncated
  /// A length that no capture program writes.
  case absurdLength
  /// A block whose two lengths differ.
  case contradictoryLength
  /// A packet of an interface that the file does not describe.
  case unknownInterface
  /// More interfaces than are kept.
  case tooManyInterfaces

  var name: StaticString {
    switch self {
    case .truncated: "the file ends in the middle of a packet or block"
    case .absurdLength: "a length that cannot be right"
    case .contradictoryLength: "a block with two different lengths"
    case .unknownInterface: "a packet of an interface that is not described"
    case .tooManyInterfaces: "too many interfaces"
    }
  }
}
