// One connection of the relay to the platform; both ends and what is between.

import Detect
import Queue

struct SimulatedUpstream {
  enum Manner {
    case good, mute, wrongSerial, wrongChecksum, likeLogin, echoing, hangsUp, unknown
  }

  /// What the platform does when the relay has ended its direction.
  enum EndManner { case ends, ignores, resets }

  /// Bytes under way before the relay's writes find no room.
  static let windowByteCount = 4_096

  /// Milliseconds after which the relay's kernel gives up on bytes that nobody acknowledges.
  static let userTimeout = 40_000

  /// The relay's name for it; the platform itself looks at bytes only.
  var device: DeviceIndex
  var manner = Manner.good
  var endManner = EndManner.ends
  /// Whether the relay has ended its direction, and whether that has reached the platform's kernel.
  var isEndSent = false
  var isEndThere = false
  var isOpenAtRelay = true
  var isOpenAtPlatform = true
  var isConnected = false
  /// When the relay learnt that it has failed, or `nil`.
  var lostAt: Int?
  /// Bytes vanish in both directions and nobody is told.
  var isSwallowed = false
  /// Whether what the relay sends is lost and sent again before it gets there.
  var isLate = false
  /// Whether the platform does not read.
  var isStalled = false
  var framesLeft = Int.max
  var arrivalAtPlatform = 0
  var arrivalAtRelay = 0
  /// Bytes written by the relay and not yet read by the platform.
  var unread = 0
  /// Those of them, and the end, that have not reached the platform's kernel.
  var unacknowledged = 0
  var wantsWrite = false
  /// What has arrived while the platform did not read.
  var waiting: [UInt8] = []
  var stream: [UInt8] = []
  var speech: Speech?
  /// The device that has logged in, as an index, or -1.
  var who = -1
  var login: [UInt8] = []

  init(device: DeviceIndex) { self.device = device }
}
