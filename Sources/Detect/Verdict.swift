// The answers of detection, and the two inputs that are not bytes.

/// How long the peer has been silent since its last byte.
///
/// Some families can only be told apart, or cut, by a pause. The caller measures it and asks
/// again when a level is reached; a level never goes back without new bytes.
public enum Silence: UInt8, Sendable, Comparable {
  /// Bytes may follow at any moment.
  case none
  /// At least `Limits.briefSilence` has passed: the sender has finished what it was sending.
  case brief
  /// At least `Limits.longSilence` has passed: the sender waits for us.
  case long

  public static func < (a: Silence, b: Silence) -> Bool { a.rawValue < b.rawValue }
}

/// How sure a row is that a stream is its own.
public enum Confidence: UInt8, Sendable, Comparable {
  /// Plausible, and contradicted by nothing so far; a later frame may still show another family.
  case provisional
  /// Proven by a length, mark or checksum that no other row can produce.
  case certain

  public static func < (a: Confidence, b: Confidence) -> Bool { a.rawValue < b.rawValue }

  public var name: Literal {
    switch self {
    case .provisional: "provisional"
    case .certain: "certain"
    }
  }
}

/// What one row says about the first bytes of a stream.
public enum ProbeAnswer: Equatable, Sendable {
  case no
  /// Undecided; worth asking again when this many bytes are there, or when the silence deepens.
  case needMore(total: Int)
  case yes(Confidence)
}

/// Why a stream was refused.
public enum RejectReason: UInt8, Sendable {
  /// No row recognises the first bytes.
  case unknownStart
  /// Undecided when the byte limit of detection was reached.
  case undecided
  /// Too many bytes of a bound stream belonged to no frame.
  case garbage
  /// The operator has disabled its protocol.
  case disabled

  public var name: Literal {
    switch self {
    case .unknownStart: "unknown-start"
    case .undecided: "undecided"
    case .garbage: "garbage"
    case .disabled: "disabled"
    }
  }
}

/// What all rows together say about the first bytes of a stream.
public enum Verdict: Equatable, Sendable {
  /// Undecided; worth asking again when this many bytes are there, or when the silence deepens.
  case needMore(total: Int)
  /// Bound to a protocol, after `skip` bytes of padding that belong to nobody.
  case bound(ProtocolID, Confidence, skip: Int)
  case reject(RejectReason)
}
