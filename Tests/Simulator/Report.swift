// The life of one report that a device has made.

/// A position or an alarm and how far it has come.
struct Report {
  /// One time the relay has read it.
  struct Receipt {
    /// Counts everything the relay has read of this device.
    var number: Int
    var connection: Int
    /// The last login it has read on that connection.
    var login: [UInt8]
  }

  var bytes: [UInt8]
  var isAlarm: Bool
  /// What an answer to it says.
  var key: UInt32
  /// The connection it was sent on first.
  var connection: Int
  /// Whether everything worked when it was made.
  var isOfCalm: Bool
  var receipts: [Receipt] = []
  var isDurable = false
  var isAtPlatform = false
  var isAnswered = false
  /// The number of kills before it was answered at risk, or -1.
  var atRiskLife = -1

  /// Whether it may be among what the operator dropped.
  var isGivenUp = false

  /// Whether an answer may release it.
  var isInCustody: Bool { isDurable || isAtPlatform }
}
