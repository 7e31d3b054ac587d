// How fast a simulated tracker lives. Firmware sends a heartbeat every three minutes, waits five to ten
// seconds for an answer and reports every ten seconds or so; here everything is several times faster,
// so that a demonstration of a day's trouble takes a quarter of a minute.
//
// Waits for answers grow with every one that stays out, up to sixteenfold, so that a slow machine
// ends in patience and not in a storm.

/// Intervals and patience of a tracker, in milliseconds.
struct TrackerPace {
  /// Between two positions, give or take a half.
  var position = 250
  /// Between two alarms, give or take a half.
  var alarm = 1_500
  /// Between two heartbeats.
  var heartbeat = 2_000
  /// For the answer to a login, alarm or heartbeat, the first time.
  var answer = 1_000
  /// For a connection to stand.
  var connect = 5_000
  /// Before the first reconnection; doubles with every failure.
  var reconnectMin = 100
  var reconnectMax = 2_000

  /// Patience after `failureCount` answers stayed out in a row.
  func answer(after failureCount: Int) -> Int { answer << min(failureCount, 4) }

  func reconnect(after failureCount: Int) -> Int {
    min(reconnectMin << min(failureCount, 10), reconnectMax)
  }

  /// The same life with at most about a thousand frames a second from all of `trackerCount` trackers.
  static func shared(by trackerCount: Int) -> TrackerPace {
    var pace = TrackerPace()
    pace.position = max(pace.position, trackerCount)
    pace.alarm = max(pace.alarm, trackerCount * 6)
    return pace
  }
}
