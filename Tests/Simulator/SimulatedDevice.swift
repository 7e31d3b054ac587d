// A device as firmware behaves, in any family the relay speaks.
//
//   offline --dial--> loggingIn --answered--> online --cut, patience at an end--> offline
//
// It makes positions and alarms with running sequence numbers of its own range, so that no two frames
// of a run are alike, keeps alarms until they are answered, and notes the commands it carries out.

import Detect
import Queue

struct SimulatedDevice {
  enum State { case offline, loggingIn, online }

  /// An alarm without an answer.
  struct Pending {
    var report: Int
    var sentAt: Int
    var attemptCount: Int
  }

  /// Sequence numbers a device has for itself.
  static let reportCountMax = 4_096
  /// Alarms under way at a time, where answers name them.
  static let namedAlarmsMax = 4

  let role: Cast.Role
  let habits: Habits
  var speaker: Speaker
  var state = State.offline
  /// The connection it speaks on, or -1.
  var connection = -1
  /// The only login a GT06 with a constant one has.
  var fixedLogin: [UInt8] = []
  var loginSentAt = 0
  var loginCount = 0
  var connectAt = 0
  var heartbeatAt = 0
  /// By sequence number, from the first one of its range.
  var reports: [Report] = []
  var pending: [Pending] = []
  /// Frames the relay has read.
  var receiptCount = 0
  /// The receipt that the last first delivery is taken for.
  var deliveredReceipt = 0
  /// Sessions with the platform that ended since the last first delivery.
  var breakCount = 0
  /// Whether one frame may come behind its next one: the relay has put it behind as a suspect.
  var maySwap = false
  /// The report that the platform ends sessions over, or -1.
  var poison = -1
  /// Commands it was given by the platform, by number from 1.
  var orders: [Order] = []
  /// Every command carried out, in order.
  var commands: [UInt32] = []

  /// A command of the platform.
  struct Order {
    var sentAt: Int
    /// The connection on which it should come, where nothing was in the way; or -1.
    var connection = -1
    var isEmitted = false
  }

  init(number: Int) {
    role = Cast.role(number)
    habits = Habits.of(role.speech)
    speaker = Speaker(number: number)
  }

  var speech: Speech { role.speech }
  var number: Int { speaker.number }
  var pendingMax: Int { speech.isAlarmNamed ? Self.namedAlarmsMax : 1 }
}
