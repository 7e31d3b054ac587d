// Where the next frame of a stream ends.

/// What is unusual about a frame that is forwarded all the same.
public struct Oddities: OptionSet, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// The checksum does not match; some clones never compute it right.
  public static let badChecksum = Oddities(rawValue: 1)
  /// The length field contradicts the stop bytes; the end was found by its mark.
  public static let lyingLength = Oddities(rawValue: 2)
  /// A frame shape of a look-alike family inside this family's session.
  public static let foreignShape = Oddities(rawValue: 4)
}

/// Why bytes between frames are not forwarded.
public enum SkipReason: UInt8, Sendable {
  /// Line ends and zeros that some firmware puts between frames.
  case padding
  /// Bytes that belong to no frame.
  case garbage

  public var name: Literal {
    switch self {
    case .padding: "padding"
    case .garbage: "garbage"
    }
  }
}

/// The first thing in a stream: a frame, something to skip, or too little to tell.
public enum Cut: Equatable, Sendable {
  /// Undecided; worth asking again when this many bytes are there, or when the silence deepens.
  case needMore(total: Int)
  case frame(byteCount: Int, Oddities)
  case skip(byteCount: Int, SkipReason)
}
