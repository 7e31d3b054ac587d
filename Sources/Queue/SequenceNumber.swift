// A device's frames are numbered from 1 in the order they arrived, modulo 2^32.

/// A frame's place in its device's stream, compared in serial arithmetic.
public struct SequenceNumber: Equatable, Sendable {
  public var rawValue: UInt32
  public init(_ rawValue: UInt32) { self.rawValue = rawValue }

  public var next: SequenceNumber { SequenceNumber(rawValue &+ 1) }

  /// Whether this number comes after `other`; the two are less than 2^31 apart.
  public func isAfter(_ other: SequenceNumber) -> Bool {
    Int32(bitPattern: rawValue &- other.rawValue) > 0
  }

  /// How many numbers lie after `other` up to this one; zero when there are none.
  public func distance(after other: SequenceNumber) -> Int {
    max(0, Int(Int32(bitPattern: rawValue &- other.rawValue)))
  }
}
