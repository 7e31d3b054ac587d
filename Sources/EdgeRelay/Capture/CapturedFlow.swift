// Everything between two endpoints: a TCP connection, or datagrams.

/// Which of a flow's two endpoints.
enum FlowSide {
  case first, second

  var other: FlowSide { self == .first ? .second : .first }
}

/// One flow of a capture.
struct CapturedFlow {
  let isTCP: Bool
  /// The endpoint that was seen speaking first.
  let first: Endpoint
  let second: Endpoint
  private(set) var fromFirst = CapturedStream()
  private(set) var fromSecond = CapturedStream()
  /// Who connected, if that was captured.
  private(set) var opener: FlowSide?
  private(set) var hasReset = false
  /// The flow before this one between the same endpoints, or negative.
  let previous: Int

  init(_ packet: DecodedPacket, previous: Int) {
    isTCP = packet.segment != nil
    first = packet.source
    second = packet.destination
    self.previous = previous
  }

  func endpoint(_ side: FlowSide) -> Endpoint { side == .first ? first : second }
  func stream(from side: FlowSide) -> CapturedStream {
    side == .first ? fromFirst : fromSecond
  }

  private func side(of packet: DecodedPacket) -> FlowSide {
    packet.source == first ? .first : .second
  }

  /// Whether `packet` goes from one of the endpoints to the other, by the same transport.
  func isBetween(_ packet: DecodedPacket) -> Bool {
    isTCP == (packet.segment != nil)
      && (packet.source == first && packet.destination == second
        || packet.source == second && packet.destination == first)
  }

  /// Whether the endpoints come before those of `packet`, in whichever direction either goes.
  func isBefore(_ packet: DecodedPacket) -> Bool {
    if isTCP != (packet.segment != nil) { return !isTCP }
    let (lower, upper) = first < second ? (first, second) : (second, first)
    let isForward = packet.source < packet.destination
    let otherLower = isForward ? packet.source : packet.destination
    if lower != otherLower { return lower < otherLower }
    return upper < (isForward ? packet.destination : packet.source)
  }

  private var isClosed: Bool { hasReset || fromFirst.end != nil && fromSecond.end != nil }

  /// Whether `packet`, between the same endpoints, is of this flow and not of a later connection.
  func takes(_ packet: DecodedPacket) -> Bool {
    guard let segment = packet.segment else { return true }
    let stream = stream(from: side(of: packet))
    if segment.isSYN { return stream.isOpened(by: segment.sequence) }
    return packet.payload.isEmpty || stream.takes(segment.sequence, isClosed: isClosed)
  }

  @inline(never)
  mutating func add(_ packet: DecodedPacket, _ milliseconds: Int64) {
    switch side(of: packet) {
    case .first:
      Self.add(packet, milliseconds, to: &fromFirst, peer: &fromSecond)
    case .second:
      Self.add(packet, milliseconds, to: &fromSecond, peer: &fromFirst)
    }
    guard let segment = packet.segment else { return }
    if segment.isRST { hasReset = true }
    if segment.isSYN {
      let side = side(of: packet)
      opener = segment.acknowledged == nil ? side : side.other
    }
  }

  @inline(never)
  private static func add(
    _ packet: DecodedPacket, _ milliseconds: Int64, to stream: inout CapturedStream,
    peer: inout CapturedStream
  ) {
    guard let segment = packet.segment else {
      let peerPosition = peer.pieces.last.map { $0.position + Int64($0.range.count) } ?? 0
      stream.add(datagram: packet.payload, peerPosition: peerPosition, milliseconds)
      return
    }
    var peerPosition: Int64 = 0
    // A reset may acknowledge anything.
    if let acknowledged = segment.acknowledged, !segment.isRST {
      if segment.isSYN { peer.open(with: acknowledged &- 1) }
      peer.begin(at: acknowledged)
      peerPosition = peer.position(of: acknowledged)
    }
    stream.add(segment, packet.payload, peerPosition: peerPosition, milliseconds)
  }

  /// Puts both directions in order.
  mutating func sort() {
    fromFirst.sort()
    fromSecond.sort()
  }
}
