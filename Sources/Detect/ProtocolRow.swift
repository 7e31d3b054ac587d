// One protocol as data: what a family must say about itself, and nothing it may decide elsewhere.
//
// A row is pure. Each function looks at the bytes it is given and returns numbers; none keeps
// state, reads a clock or allocates. What depends on time comes in as `Silence` or `CalendarTime`.
//
//   probe      bytes at the start of a stream or datagram -> is this mine?
//   cut        bytes of the bound stream -> where does the next frame end?
//   facts      one whole frame -> kind, identity, answer class, replay class
//   answer     one whole frame -> the bytes a real server would send
//   downCut, downMeaning    the same two questions for the bytes of the upstream

/// Everything the relay knows about one tracker protocol.
public struct ProtocolRow: Sendable {
  /// Short lower-case name, as it appears in logs, `inspect` and configuration.
  public let name: StaticString

  /// The longest frame a device of this protocol may send, in bytes; longer ones are garbage.
  public let frameBytesMax: Int

  /// Says whether the bytes at the start of a stream belong to this protocol.
  ///
  /// For a growing prefix the answer moves from `needMore` to `yes` or `no` once and stays there.
  public let probe: @Sendable (Span<UInt8>, Silence) -> ProbeAnswer

  /// Finds the end of the first frame of a device's stream.
  public let cut: @Sendable (Span<UInt8>, Silence) -> Cut

  /// Classifies one whole frame that `cut` returned.
  public let facts: @Sendable (Span<UInt8>) -> FrameFacts

  /// Writes the answer that a server owes to a frame, and returns whether there is one.
  ///
  /// `CalendarTime` is `nil` while the wall clock is not believable; answers that carry the time
  /// are then withheld.
  public let answer: @Sendable (Span<UInt8>, FrameFacts, CalendarTime?, inout Reply) -> Bool

  /// Writes the harmless answer to a question only the upstream can answer, for when it is away.
  public let neutralAnswer: @Sendable (Span<UInt8>, FrameFacts, inout Reply) -> Bool

  /// Finds the end of the first frame in the upstream's bytes.
  public let downCut: @Sendable (Span<UInt8>, Silence) -> Cut

  /// Tells an upstream's answer from a command to the device.
  public let downMeaning: @Sendable (Span<UInt8>) -> DownlinkMeaning
}
