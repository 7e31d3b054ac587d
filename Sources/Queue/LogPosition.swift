// Where in the log a batch begins.

/// A place in the log; later batches have greater positions.
public struct LogPosition: Equatable, Comparable, Sendable {
  /// The generation of the segment; zero is nowhere.
  public var generation: UInt32
  /// Bytes from the segment's start to the batch.
  public var offset: UInt32

  /// Before everything, and no place at all.
  public static let nowhere = LogPosition(generation: 0, offset: 0)

  public init(generation: UInt32, offset: UInt32) {
    self.generation = generation
    self.offset = offset
  }

  public static func < (a: LogPosition, b: LogPosition) -> Bool {
    a.generation == b.generation
      ? a.offset < b.offset : Generation.rank(a.generation) < Generation.rank(b.generation)
  }
}
