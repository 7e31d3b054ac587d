// How the stand-in platform behaves towards whoever connects. Real platforms differ in just these.

/// The platform's habits.
struct PlatformManners {
  enum Answers {
    /// Accepts connections, reads, and never answers.
    case never
    /// What the protocol owes: logins, heartbeats, alarms, time requests.
    case owed
    /// Positions too, as widely used servers do.
    case generous
  }

  enum Serials {
    case echoed
    /// Every answer says serial 0001, as some servers do.
    case fixed
  }

  var answers = Answers.owed
  var serials = Serials.echoed

  func isAnswered(_ type: UInt8) -> Bool {
    switch type {
    case TrackerWire.login, TrackerWire.heartbeat, TrackerWire.timeRequest:
      answers != .never
    case _ where TrackerWire.isAlarm(type):
      answers != .never
    case _ where TrackerWire.isPosition(type):
      answers == .generous
    default:
      false
    }
  }
}
