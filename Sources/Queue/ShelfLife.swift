// Positions and alarms are worth delivering any time, heartbeats only while they are fresh.
// Source: design document, section 6.

/// How long a frame is worth delivering.
public enum ShelfLife: Sendable {
  /// Any time later.
  case unlimited
  /// Not long; the reader of the frame decides by its age.
  case expires
}
