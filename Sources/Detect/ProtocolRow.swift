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
//
// A class, so that who asks a row gets its address: the rows are constants of the program, and a copy of
// one would be two hundred bytes.

/// Everything the relay knows about one tracker protocol.
public final class ProtocolRow: Sendable {
  /// Short lower-case name, as it appears in logs, `inspect` and configuration.
  public let name: Literal

  /// What people want to know about the protocol; the manual's list is made of it.
  public let notes: @Sendable () -> ProtocolNotes

  /// The longest frame a device of this protocol may send, in bytes; longer ones are garbage.
  public let frameBytesMax: Int

  /// Whether a session with a server must begin with a head.
  public let head: HeadRule

  /// How much is answered unless the operator says otherwise.
  public let defaultPolicy: ReplyPolicy

  /// Says whether the bytes at the start of a stream belong to this protocol.
  ///
  /// For a growing prefix the answer moves from `needMore` to `yes` or `no` once and stays there.
  public let probe: @Sendable (Span<UInt8>, Silence) -> ProbeAnswer

  /// Finds the end of the first frame of a device's stream.
  public let cut: @Sendable (Span<UInt8>, Silence) -> Cut

  /// Classifies one whole frame that `cut` returned.
  public let facts: @Sendable (Span<UInt8>) -> FrameFacts

  /// Writes the answer that a server gives to a frame, and returns whether there is one.
  public let answer: @Sendable (Span<UInt8>, FrameFacts, AnswerContext, inout Reply) -> Bool

  /// Writes the harmless answer to a question only the upstream can answer, for when it is away.
  public let neutralAnswer: @Sendable (Span<UInt8>, FrameFacts, inout Reply) -> Bool

  /// Finds the end of the first frame in the upstream's bytes.
  public let downCut: @Sendable (Span<UInt8>, Silence) -> Cut

  /// Tells an upstream's answer from a command to the device.
  public let downMeaning: @Sendable (Span<UInt8>) -> DownlinkMeaning

  /// Writes what must follow the head upstream, given the head and the upstream's answer to it, and
  /// returns whether anything must.
  public let secondHead: @Sendable (Span<UInt8>, Span<UInt8>, inout Reply) -> Bool

  public init(
    name: Literal, notes: @escaping @Sendable () -> ProtocolNotes, frameBytesMax: Int,
    head: HeadRule,
    defaultPolicy: ReplyPolicy,
    probe: @escaping @Sendable (Span<UInt8>, Silence) -> ProbeAnswer,
    cut: @escaping @Sendable (Span<UInt8>, Silence) -> Cut,
    facts: @escaping @Sendable (Span<UInt8>) -> FrameFacts,
    answer: @escaping @Sendable (Span<UInt8>, FrameFacts, AnswerContext, inout Reply) -> Bool,
    neutralAnswer: @escaping @Sendable (Span<UInt8>, FrameFacts, inout Reply) -> Bool = {
      _, _, _ in false
    },
    downCut: @escaping @Sendable (Span<UInt8>, Silence) -> Cut,
    downMeaning: @escaping @Sendable (Span<UInt8>) -> DownlinkMeaning,
    secondHead: @escaping @Sendable (Span<UInt8>, Span<UInt8>, inout Reply) -> Bool = {
      _, _, _ in false
    }
  ) {
    self.name = name
    self.notes = notes
    self.frameBytesMax = frameBytesMax
    self.head = head
    self.defaultPolicy = defaultPolicy
    self.probe = probe
    self.cut = cut
    self.facts = facts
    self.answer = answer
    self.neutralAnswer = neutralAnswer
    self.downCut = downCut
    self.downMeaning = downMeaning
    self.secondHead = secondHead
  }
}

/// Whether a session with a server must begin with a head.
public enum HeadRule: UInt8, Sendable {
  /// Only the head says who speaks: without one there is nothing to open a session with.
  case required
  /// Every frame says who speaks: a device without a known head is delivered all the same.
  case optional
}

/// One protocol in words, for people.
public struct ProtocolNotes: Sendable {
  /// What the protocol is called, and by whom.
  public let title: Literal
  /// Under which names its devices are sold.
  public let soldAs: Literal
  /// What a frame begins with.
  public let start: Literal
  /// Where a device's identity stands, and what it is.
  public let identity: Literal
  /// TCP, UDP, and what is special about either.
  public let transports: Literal
  /// What is not done, or cannot be.
  public let limits: Literal

  public init(
    title: Literal, soldAs: Literal, start: Literal, identity: Literal,
    transports: Literal, limits: Literal
  ) {
    self.title = title
    self.soldAs = soldAs
    self.start = start
    self.identity = identity
    self.transports = transports
    self.limits = limits
  }
}
