// What a full ring does, chosen by the operator.

/// What becomes of frames when the ring is full of undelivered ones.
public enum FullPolicy: Sendable {
  /// The oldest are given up for the new ones.
  case dropOldest
  /// The new ones are not taken, and so not answered.
  case refuse
}
