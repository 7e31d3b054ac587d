// What the engine wants done. The edge performs effects in the order they were queued and reports
// what comes of them as events; an effect is never a decision.

import Detect
import Queue

/// One thing for the edge to do.
public enum Effect: Sendable {
  /// Write the session's output to its connection.
  case flushSession(SessionSlot)
  /// Send the first `byteCount` bytes of the session's output as one datagram to its source.
  case sendDatagram(SessionSlot, byteCount: Int)
  /// Close the connection if there still is one, then report `sessionReleased`.
  case closeSession(SessionSlot)
  /// Stop reading from the connection until `resumeSession`.
  case pauseSession(SessionSlot)
  case resumeSession(SessionSlot)
  /// Open a connection to the platform for this device.
  case connectUpstream(DeviceIndex)
  /// Write the device's upstream output to its connection.
  case flushUpstream(DeviceIndex)
  /// Find out how many bytes the peer's kernel has not acknowledged, then report `upstreamMeasured`.
  case measureUpstream(DeviceIndex)
  /// End the relay's direction of the connection behind what was written, and go on reading.
  case endUpstream(DeviceIndex)
  /// Close the connection, then report `upstreamReleased`.
  case closeUpstream(DeviceIndex)
  /// Open a connection to the platform for this session alone.
  case connectLink(SessionSlot)
  /// Write the session's link output to that connection.
  case flushLink(SessionSlot)
  /// Close that connection.
  case closeLink(SessionSlot)
  /// Keep this frame for people: sessions with the platform break over it.
  case quarantine(DeviceIndex, [UInt8])
  /// Show this to whoever watches.
  case watched(WatchedFrame)
  case log(LogEvent)
}

/// Something an operator may want to know, one line each.
public enum LogEvent: Sendable {
  case refused(PeerAddress, Transport, RefusalReason)
  case deviceRefused(PeerAddress, DeviceIdentity)
  case sessionClosed(SessionSlot, CloseReason)
  /// Bytes that no protocol here begins with, or not for long; and how they begin.
  case unknownTraffic(SessionSlot, RejectReason, [UInt8])
  case loggedIn(SessionSlot, DeviceIndex)
  case upstreamLive(DeviceIndex)
  case upstreamLost(DeviceIndex, UpstreamLoss, retryInMilliseconds: Int)
  /// Sessions of this device break whatever frame is sent.
  case platformRefuses(DeviceIndex)
  /// What became of a command; no device when it is forgotten since.
  case command(DeviceIndex?, CommandFate, byteCount: Int, CommandSource)
  /// What came from the platform is no frame of the device's protocol, and the device is not there.
  case noiseDropped(DeviceIndex, byteCount: Int)
  case commitFailed(DiskError)
  /// Frames are answered that only memory has, as the operator wants it.
  case answeredAtRisk
}
