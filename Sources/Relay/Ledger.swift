// What happened to frames and peers since the program started.
//
// What is received is counted once as one of: unidentified, a login, or stored; expired at once is as
// good as stored and expired. For the equation see DeviceLedger.swift.

/// Counts for status output and tests; none of them steers anything.
public struct Ledger: Sendable {
  // Devices' side.
  public var acceptedSessionCount: UInt64 = 0
  public var refusedSessionCount: UInt64 = 0
  /// Sessions of sources that had as many as one may have.
  public var refusedBySourceLimitCount: UInt64 = 0
  /// Connections and datagrams from networks that may not connect.
  public var refusedByNetworkCount: UInt64 = 0
  /// Sessions and datagrams of devices that may not use the relay.
  public var refusedByDeviceCount: UInt64 = 0
  /// Sessions and datagrams of protocols that are disabled.
  public var refusedByProtocolCount: UInt64 = 0
  public var rejectedSessionCount: UInt64 = 0
  /// Sessions that were passed on without being understood.
  public var opaqueSessionCount: UInt64 = 0
  public var timedOutSessionCount: UInt64 = 0
  public var receivedFrameCount: UInt64 = 0
  public var storedFrameCount: UInt64 = 0
  public var answeredFrameCount: UInt64 = 0
  /// Frames answered while only memory had them: neither the disk nor the platform took them.
  public var atRiskFrameCount: UInt64 = 0
  /// Frames of a session that has not named its device; neither answered nor kept.
  public var unidentifiedFrameCount: UInt64 = 0
  /// Frames that only open a session: kept with their device, not queued.
  public var loginFrameCount: UInt64 = 0
  public var skippedByteCount: UInt64 = 0
  public var refusedDatagramCount: UInt64 = 0

  // The platform's side.
  /// Stored frames whose delivery was proven, or taken as such. Those below are among them; the
  /// platform's answer to a frame was the proof of all others.
  public var deliveredFrameCount: UInt64 = 0
  /// The answer to a repeated login was the proof.
  public var deliveredByLoginCount: UInt64 = 0
  /// The platform's orderly end of the connection was.
  public var deliveredByEndCount: UInt64 = 0
  /// Nothing but that the peer's kernel acknowledged them and the connection stayed well.
  public var deliveredByKernelCount: UInt64 = 0
  /// Stored frames sent again because a connection ended before their proof.
  public var resentFrameCount: UInt64 = 0
  public var expiredFrameCount: UInt64 = 0
  /// Frames that were put aside because sessions with the platform broke over them.
  public var quarantinedFrameCount: UInt64 = 0
  public var strayAnswerCount: UInt64 = 0
  /// Commands passed to their devices, at once or late.
  public var commandCount: UInt64 = 0
  /// Commands that were not, because no frame of the device came in time or too many waited.
  public var droppedCommandCount: UInt64 = 0
  public var upstreamConnectCount: UInt64 = 0
  public var upstreamLossCount: UInt64 = 0

  public init() {}
}
