// Every bound of the engine, with unit and reason.

import Detect

/// The bounds of sessions, windows and timers.
public enum RelayLimits {
  // Chosen by us. Times in milliseconds.

  /// Datagrams kept for sources that have not named their device, and the bytes of each.
  static let heldDatagramCountMax = 128
  static let heldDatagramBytesMax = 1_500
  /// Datagrams that wait for room in the spool.
  static let postponedDatagramCountMax = 1_024
  /// After this a device that wanted to name itself would have done so.
  static let heldDatagramTimeout = 5 * 60_000
  /// Sessions that are passed on without being understood; each costs a descriptor more.
  static let opaqueCountMax = 256
  /// Bytes of unknown traffic that are reported.
  public static let unknownBytesShown = 256

  /// Device sessions, TCP and UDP together.
  public static let sessionCountMax = 16_384
  /// Devices remembered at a time.
  public static let deviceCountMax = 16_384
  /// Bytes read from a device or an upstream in one turn of the loop, so that none starves others.
  public static let readByteCountMax = 16 * 1_024
  /// Bytes a device may leave unread of its answers before it is taken for dead.
  static let sessionOutputBytesMax = 64 * 1_024
  /// Bytes waiting for an upstream that stops us from handing it more.
  static let upstreamOutputBytesMax = 16 * 1_024
  /// Bytes of unfinished input that are searched again at every new byte.
  static let freelyRereadBytesMax = 512
  /// Bytes of one unfinished frame from an upstream.
  static let upstreamInputBytesMax = 64 * 1_024
  /// Frames sent upstream without proof of delivery; bounds the duplicates after a reset.
  static let windowCountMax = 32
  /// Those of them that an idle device keeps memory for; a device that delivers a backlog takes more.
  static let keptWindowCount = 4
  /// Answers waiting for a commit or the upstream; more frames wait unread.
  static let gateCountMax = 8_192
  /// After this, a frame of class X is worthless.
  static let expiry = 60_000
  /// A connection that never speaks.
  static let firstByteTimeout = 30_000
  /// From the first byte to a verdict.
  static let detectionTimeout = 10_000
  /// From the verdict to a login.
  static let loginTimeout = 60_000
  /// A logged-in device that says nothing: four times the longest usual heartbeat interval.
  static let sessionIdleTimeout = 20 * 60_000
  /// A device that has finished sending waits this long for its last answers.
  static let endTimeout = 30_000
  /// A UDP source that says nothing: its NAT mapping is gone.
  static let bindingIdleTimeout = 15 * 60_000
  /// A command waits this long for a frame of a device that cannot be reached; whoever sent it has
  /// given up then, and must not be surprised by it.
  static let commandExpiry = 60_000
  /// Devices that the operator may hold back at a time; they are looked through one by one.
  public static let parkedCountMax = 256
  static let heldCommandCountMax = 256
  public static let heldCommandBytesMax = 2_048
  /// How long the network's address translation lets answers to a datagram through: 30 s is the
  /// shortest in common use.
  static let datagramReachInterval = 25_000
  static let connectTimeout = 20_000
  /// What the peer's kernel has and nobody answers may stay in memory for longer than the proof of it
  /// takes.
  static let kernelHold = probeDelayOnline + 5_000
  /// After a session has broken, frames are written first for a while.
  static let holdPause = 10_000
  /// From sending a login to its answer; then the platform does not know the device.
  static let greetingTimeout = 10_000
  /// An answered frame without an answer: the path or the platform is dead.
  static let answerTimeout = 30_000
  /// Unproven frames of a device that is online wait this long for an answer of any later frame.
  static let probeDelayOnline = 15_000
  /// The same when the device is offline or more frames wait behind them.
  static let probeDelaySoon = 1_000
  /// An answer like a login's is believed to be the repeated login's when none like it has followed for this long: a
  /// server that answers everything so has other frames to answer.
  static let probeQuiet = 2_000
  /// From sending something to asking whether the peer's kernel has it; later than the check for what is held.
  static let acknowledgementDelay = 200
  /// What nobody answers is taken as delivered when the connection has been well for this long
  /// since the peer's kernel was seen to have it: long enough for a reset that follows a write
  /// into a dead connection to come back.
  static let healthyInterval = 5_000
  /// The same while a full window holds up what waits behind it.
  static let healthyIntervalFull = 1_000
  /// From ending the relay's direction of a connection to the platform's end of it: a server that looks
  /// has done so in a round trip.
  static let endProofTimeout = 5_000
  /// Between two questions about what the peer's kernel has acknowledged.
  static let measureInterval = 1_000
  static let backoffMin = 500
  static let backoffMax = 60_000
  /// First wait after the platform left a login unanswered.
  static let unknownDeviceBackoff = 30_000
  /// Within which devices dial when another one finds the platform back.
  static let recallSpread = 1_000
  /// Between two connection attempts of all devices together: 100 a second.
  static let dialInterval = 10
  /// Records looked at by the sweep in one turn.
  static let sweepStepCountMax = 1_024
}
