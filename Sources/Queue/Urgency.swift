// How soon a frame must be on disk: at once where its device waits for an answer that means custody, later
// where the platform may confirm it before.
// Source: spool document, section 3.3.

/// How soon a frame is to be durable.
public enum Urgency: Sendable {
  /// With the next commit.
  case soon
  /// When it is not delivered within `Spool.holdMilliseconds`, or its session with the platform ends:
  /// it has been handed to a live one.
  case held
}
