// A datagram whose sender is not known yet.

import Queue

/// Something a UDP source sent before it named its device beyond doubt.
struct HeldDatagram {
  var source: PeerAddress
  /// The doubtful name its first frame has, if it has one.
  var name: DeviceKey?
  var bytes: [UInt8]
  var heldAt: Instant
}
