// Reads one device's stream: binds it to a protocol, cuts frames, and changes its mind at most
// once.
//
//   unbound --verdict--> bound(provisional) --own certain frame--> bound(certain)
//                             \--another row is certain--> bound(certain), flipped
//   unbound --verdict--> bound(certain)
//   bound --garbage right behind a frame that another row is certain of--> bound(certain) to that
//   bound --too much garbage--> unbound, or refused when that happens again
//
// Invariants: nothing is a frame before the stream is bound; a binding changes only where its own
// row finds no frame, but for a provisional one, which flips once at most. `rebindingCount` counts
// the changes that begin a new conversation: firmware that was given another dialect. The reader never holds bytes: it is shown everything not yet consumed, and the caller
// consumes what a step names before asking again.
// Source: device-families document, sections 12.2 (last paragraph) and 12.3.

/// What the unconsumed bytes of a stream begin with.
public enum ReadStep: Equatable, Sendable {
  /// Undecided; ask again when this many bytes are there, or when the silence deepens.
  case needMore(total: Int)
  case skip(byteCount: Int, SkipReason)
  case frame(byteCount: Int, Oddities)
  /// The stream is nothing the relay speaks; the session is to be closed.
  case reject(RejectReason)
}

/// The protocol binding and frame boundaries of one stream or datagram.
public struct FrameReader: Sendable {
  /// The protocol the stream is bound to, or `nil` while that is undecided.
  public private(set) var protocolID: ProtocolID?
  public private(set) var confidence = Confidence.provisional
  /// Whether the binding was changed by a later frame.
  public private(set) var hasFlipped = false
  /// How often the stream was bound anew; whoever spoke before may be somebody else now.
  public private(set) var rebindingCount = 0
  private var garbageByteCount = 0
  private var hasBeenUnbound = false
  /// Whether the bytes before were garbage: then where the next ones begin is chance.
  private var isInGarbage = false

  public init() {}

  /// A reader for a peer whose protocol is known from before, such as a UDP source after login.
  public init(boundTo protocolID: ProtocolID, _ confidence: Confidence) {
    self.protocolID = protocolID
    self.confidence = confidence
  }

  /// What `bytes`, everything not yet consumed, begin with.
  public mutating func next(_ bytes: Span<UInt8>, silence: Silence) -> ReadStep {
    guard let current = protocolID else { return bind(bytes, silence) }
    if bytes.count == 0 { return .needMore(total: 1) }
    let step = current.row.cut(bytes, silence)
    if case .skip(let byteCount, .padding) = step { return skip(byteCount, .padding) }
    // Where garbage ends is chance, but where a frame begins is not.
    let isPlaceCertain = if case .frame = step { true } else { !isInGarbage }
    if confidence == .provisional, isPlaceCertain {
      switch Detector.verdict(bytes, silence: silence) {
      case .bound(let claimed, .certain, skip: 0):
        if claimed != current {
          if hasFlipped { break }
          hasFlipped = true
          protocolID = claimed
        }
        confidence = .certain
        return frameStep(claimed.row.cut(bytes, silence))
      case .needMore(let total) where silence == .none:
        return .needMore(total: total)
      case .bound, .needMore, .reject:
        break
      }
    }
    if case .skip(_, .garbage) = step, !isInGarbage {
      switch Detector.verdict(bytes, silence: silence) {
      case .bound(let claimed, .certain, skip: 0) where claimed != current:
        protocolID = claimed
        confidence = .certain
        rebindingCount += 1
        return frameStep(claimed.row.cut(bytes, silence))
      case .needMore(let total) where silence == .none:
        return .needMore(total: total)
      case .bound, .needMore, .reject:
        break
      }
    }
    return frameStep(step)
  }

  private mutating func bind(_ bytes: Span<UInt8>, _ silence: Silence) -> ReadStep {
    switch Detector.verdict(bytes, silence: silence) {
    case .needMore(let total):
      return .needMore(total: total)
    case .reject(let reason):
      return .reject(reason)
    case .bound(let claimed, let confidence, let padding):
      protocolID = claimed
      self.confidence = confidence
      if padding > 0 { return .skip(byteCount: padding, .padding) }
      return frameStep(claimed.row.cut(bytes, silence))
    }
  }

  private mutating func frameStep(_ cut: Cut) -> ReadStep {
    switch cut {
    case .needMore(let total):
      return .needMore(total: total)
    case .skip(let byteCount, let reason):
      return skip(byteCount, reason)
    case .frame(let byteCount, let oddities):
      garbageByteCount = 0
      isInGarbage = false
      return .frame(byteCount: byteCount, oddities)
    }
  }

  private mutating func skip(_ byteCount: Int, _ reason: SkipReason) -> ReadStep {
    if reason == .garbage { isInGarbage = true }
    let allowed = Limits.garbageBytesMax - garbageByteCount
    guard byteCount > allowed else {
      garbageByteCount += byteCount
      return .skip(byteCount: byteCount, reason)
    }
    if hasBeenUnbound { return .reject(.garbage) }
    // At a place that does not depend on how much was skipped at once.
    hasBeenUnbound = true
    isInGarbage = false
    garbageByteCount = 0
    protocolID = nil
    confidence = .provisional
    hasFlipped = false
    rebindingCount += 1
    return .skip(byteCount: allowed + 1, reason)
  }
}
