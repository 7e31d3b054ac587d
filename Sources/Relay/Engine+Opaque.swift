// Connections that speak nothing known here, passed on as they are when the operator wishes so.
//
//   bytes refused --allowed and fewer than `opaqueCountMax`--> connecting --> live
//                  \--> closed
//
// Each has a connection to the platform of its own. Nothing is stored and nothing is answered, because
// nobody knows who speaks; the end of either side is the end of both. What an absent platform does
// not take is lost, which the device finds out by its connection's end.

import Detect
import Queue

extension Engine where D: ~Copyable {
  /// Reports traffic that nobody understands, then passes it on or closes its session.
  mutating func refuse(
    _ slot: SessionSlot, _ reason: RejectReason, _ bytes: Span<UInt8>, _ moment: Moment
  ) {
    let i = slot.rawValue
    var start: [UInt8] = []
    for k in 0..<min(bytes.count, RelayLimits.unknownBytesShown) { start.append(bytes[k]) }
    emit(.log(.unknownTraffic(slot, reason, start)))
    guard configuration.passesUnknown, sessions[i].transport == .tcp, sessions[i].device == nil,
      sessions[i].reader.protocolID == nil, opaqueCount < RelayLimits.opaqueCountMax
    else {
      close(slot, .rejected, moment.instant)
      return
    }
    opaqueCount += 1
    ledger.opaqueSessionCount += 1
    sessions[i].link = .connecting
    name(slot)
    sessions[i].linkOutput.append(bytes)
    emit(.connectLink(slot))
  }

  /// Takes bytes of an opaque session from its device.
  mutating func passUnknown(_ slot: SessionSlot, _ bytes: Span<UInt8>) {
    let i = slot.rawValue
    sessions[i].linkOutput.append(bytes)
    if sessions[i].link == .live { emit(.flushLink(slot)) }
    if sessions[i].linkOutput.count > RelayLimits.upstreamOutputBytesMax, !sessions[i].isLinkFull {
      sessions[i].isLinkFull = true
      emit(.pauseSession(slot))
    }
  }

  // MARK: Events

  /// The platform's side of an opaque session stands.
  public mutating func linkConnected(_ slot: SessionSlot) {
    guard sessions[slot.rawValue].link == .connecting else { return }
    sessions[slot.rawValue].link = .live
    emit(.flushLink(slot))
  }

  /// Takes bytes from the platform for an opaque session.
  public mutating func linkReceived(_ slot: SessionSlot, _ bytes: Span<UInt8>, _ moment: Moment) {
    guard sessions[slot.rawValue].link == .live, sessions[slot.rawValue].phase == .open else {
      return
    }
    sessions[slot.rawValue].lastByteAt = moment.instant
    output(bytes, to: slot)
  }

  /// The platform's side has ended by itself, or never stood.
  public mutating func linkClosed(_ slot: SessionSlot, _ moment: Moment) {
    guard sessions[slot.rawValue].link != .none else { return }
    dropLink(slot)
    close(slot, .ended, moment.instant)
  }

  /// Calls `body` with the bytes waiting for the platform's side of an opaque session.
  public func withLinkOutput<Result>(
    _ slot: SessionSlot, _ body: (Span<UInt8>) -> Result
  ) -> Result {
    sessions[slot.rawValue].linkOutput.withBytes(body)
  }

  /// Notes that the first `byteCount` of those bytes were written.
  public mutating func linkWrote(_ slot: SessionSlot, _ byteCount: Int, _ moment: Moment) {
    let i = slot.rawValue
    sessions[i].linkOutput.consume(byteCount)
    if sessions[i].isLinkFull,
      sessions[i].linkOutput.count < RelayLimits.upstreamOutputBytesMax / 2
    {
      sessions[i].isLinkFull = false
      if !sessions[i].hasEnded { emit(.resumeSession(slot)) }
    }
    endIfDone(slot, moment.instant)
  }

  /// Forgets the platform's side of a session; the caller says whether it is to be closed.
  mutating func dropLink(_ slot: SessionSlot) {
    guard sessions[slot.rawValue].link != .none else { return }
    sessions[slot.rawValue].link = .none
    sessions[slot.rawValue].linkOutput = ByteQueue()
    opaqueCount -= 1
  }
}
