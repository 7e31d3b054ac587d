// A datagram whose sender is not known yet.

import Queue

/// Something a UDP source sent before it named its device.
struct HeldDatagram {
  var source: PeerAddress
  var bytes: [UInt8]
  var heldAt: Instant
}
