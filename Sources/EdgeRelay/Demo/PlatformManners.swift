// How the stand-in platform behaves towards whoever connects. Real platforms differ in just these.

/// The platform's habits.
struct PlatformManners {
  enum Answers {
    /// Accepts connections, reads, and never answers.
    case never
    /// What the protocol owes: logins, heartbeats, alarms, time requests.
    case owed
    /// Positions too, where the protocol has an answer for them, as widely used servers do.
    case generous
  }

  enum Serials {
    case echoed
    /// Every GT06 answer says serial 0001, as some servers do.
    case fixed
  }

  var answers = Answers.owed
  var serials = Serials.echoed

  func isAnswered(_ content: Telling.Content) -> Bool {
    switch content {
    case .login, .registration, .authentication, .heartbeat, .question, .alarm:
      answers != .never
    case .position: answers == .generous
    case .commandReply, .broken, .nonsense: false
    }
  }
}
