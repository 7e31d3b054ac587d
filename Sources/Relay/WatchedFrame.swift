// Frames as they pass, for whoever watches. While nobody does, a frame costs a branch.

import Detect
import Queue

/// Bytes that came from a device, or go to it.
public struct WatchedFrame: Sendable {
  public enum Direction: Sendable {
    case received(FrameKind, AnswerClass)
    case answer
    case command
    /// Of the platform, and no frame of the device's protocol.
    case noise
  }

  public var direction: Direction
  /// Unknown while the session has not named it.
  public var device: DeviceIndex?
  public var protocolID: ProtocolID?
  public var bytes: [UInt8]
}

extension Engine where D: ~Copyable {
  /// Shows bytes that were read from a session or are to be sent on it.
  @inline(never)
  mutating func watch(
    _ slot: SessionSlot, _ bytes: Span<UInt8>, _ direction: WatchedFrame.Direction
  ) {
    emit(watched(slot, bytes, direction))
  }

  /// Shows a frame that was taken from a device, before what it has caused since `place`.
  @inline(never)
  mutating func watch(received frame: Span<UInt8>, _ slot: SessionSlot, at place: Int) {
    guard let facts = sessions[slot.rawValue].reader.protocolID?.row.facts(frame) else { return }
    emit(watched(slot, frame, .received(facts.kind, facts.answer)), at: place)
  }

  private func watched(
    _ slot: SessionSlot, _ bytes: Span<UInt8>, _ direction: WatchedFrame.Direction
  ) -> Effect {
    .watched(
      WatchedFrame(
        direction: direction, device: sessions[slot.rawValue].device,
        protocolID: sessions[slot.rawValue].reader.protocolID, bytes: bytes.copied()))
  }
}
