// What firmware does when an answer stays out, by family. Times in milliseconds.
//
//   GT06       login again after 5 s or 10 s, three times, then a new connection
//   Topin      a new connection soon after anything stays unanswered
//   GT02       nothing else before the login is answered; every 10 s, three times
//   JT/T 808   the same frame after 10 s, 20 s, 30 s, then a new connection
//   Coban, H02, Watch of the first kind: answers name no alarm, so it is repeated over a new connection
//   others     the alarm again after 5 s
//
// Source: device-families document, sections 3.7, 4, 5.5, 7, 9.8, 10.7.

/// The patience of one family.
struct Habits {
  var loginPatience = 5_000
  var loginAttemptsMax = 3
  var alarmPatience = 5_000
  /// Times an alarm is sent over one connection.
  var alarmAttemptsMax = 3
  /// Before a new connection.
  var pause = 3_000

  static func of(_ speech: Speech) -> Habits {
    var habits = Habits()
    switch "\(speech.name)" {
    case "gt06": habits.alarmPatience = 10_000
    case "topin":
      habits.alarmAttemptsMax = 1
      habits.pause = 1_000
    case "gt02": habits.loginPatience = 10_000
    case "jt808", "jt808-2019":
      habits.loginPatience = 10_000
      habits.alarmPatience = 10_000
    default: break
    }
    if !speech.isAlarmNamed { habits.alarmAttemptsMax = 1 }
    return habits
  }
}
