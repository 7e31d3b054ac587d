// What the queue says to a frame.

/// What became of a frame that was to be stored.
public enum AppendResult: Equatable, Sendable {
  /// It is durable once `ticket` is; the position is for `acknowledge`.
  case stored(SequenceNumber, ticket: UInt32, LogPosition)
  /// No room before the commit under way has ended: offer it again then.
  case full
}
