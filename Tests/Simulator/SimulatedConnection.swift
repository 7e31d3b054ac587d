// One connection of a device to the relay, or one UDP source; both ends and what is between.

import Detect
import Queue

struct SimulatedConnection {
  /// What a device has put into the stream.
  enum Content {
    case login, heartbeat, reply
    case report(Int)
  }

  /// A frame on its way.
  struct Sent {
    /// Where it ends, in bytes from the start of the connection.
    var end: Int
    var content: Content
    var bytes: [UInt8]
  }

  enum End { case none, finished, reset }

  /// Bytes that a device leaves unread before the relay's writes find no room.
  static let windowByteCount = 4_096

  var device: Int
  var slot: SessionSlot?
  var source = PeerAddress()
  var isOpenAtDevice = true
  var isOpenAtRelay = true
  /// Whether the device only listens.
  var isHalfClosed = false
  /// Whether everything vanishes in both directions and nobody is told.
  var isSwallowed = false
  /// When the device's kernel gives it up.
  var givenUpAt = Int.max
  /// Whether the relay reads.
  var isRead = true
  /// Whether the device does not read.
  var isSlow = false
  var wasSlow = false
  var unread = 0
  /// Whether the relay has more to write than there was room for.
  var wantsWrite = false
  /// What the relay's next reads find behind the buffer.
  var end = End.none
  var isEndSeen = false
  var buffer: [UInt8] = []
  var arrivalAtRelay = 0
  var arrivalAtDevice = 0
  var inbox: [UInt8] = []
  /// What the relay has written and no whole frame yet.
  var emitted: [UInt8] = []
  var sent: [Sent] = []
  var sentByteCount = 0
  var readByteCount = 0
  /// The last login the relay has read.
  var login: [UInt8] = []
  /// The receipt on it that the last first delivery is taken for.
  var deliveredReceipt = 0
  /// Every login the device has sent.
  var logins: [[UInt8]] = []
  /// What the relay has read and not answered.
  var loginsOwed = 0
  var courtesiesOwed = 0
  var alarmsOwed: [Int] = []

  init(device: Int) { self.device = device }
}
