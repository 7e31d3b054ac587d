// What a simulated tracker sent, and what it may believe of it.
//
//   sent --answered--> answered                     alarms: the relay said it has them
//   sent --vouched--> vouched                       positions, which are not answered
//
// A position on TCP is vouched for when an alarm that went out behind it on the same connection was
// answered: TCP keeps order, so the relay has read it, and stored it before the alarm; and when its
// connection stood to the end, and nobody was killed meanwhile. Every other position was nobody's
// promise: when the relay is killed, the bytes in its socket and in its open batch die with it. On
// UDP no position is ever vouched for.

/// How much a tracker may rely on one of its frames being delivered.
enum FrameTrust: UInt8 {
  case sent
  case vouched
  case answered
}

/// The tracker's own file on its reports.
struct TrackerLog {
  /// One report.
  struct Frame {
    var fingerprint: UInt32
    var trust: FrameTrust
    var isAlarm: Bool
  }

  /// By sequence number.
  private(set) var frames: [Frame] = []
  /// The first sequence number that may still be vouched for by the present connection.
  private var connectionStart = 0

  /// The sequence number of the next frame; one more than the last one given out.
  var sequenceEnd: Int { frames.count }

  mutating func noteSent(_ bytes: [UInt8], isAlarm: Bool) {
    frames.append(
      Frame(fingerprint: FrameTag.fingerprint(of: bytes), trust: .sent, isAlarm: isAlarm))
  }

  mutating func noteConnected() { connectionStart = sequenceEnd }

  /// The answer to the alarm with this number has come over the connection it was sent on.
  ///
  /// What an older connection carried is not vouched for: it broke.
  mutating func noteAnswered(_ sequence: Int, vouchesForEarlier: Bool) {
    frames[sequence].trust = .answered
    if vouchesForEarlier { vouch(upTo: sequence) }
  }

  /// The present connection stood to the end and has carried everything.
  mutating func noteStanding() { vouch(upTo: sequenceEnd) }

  private mutating func vouch(upTo end: Int) {
    guard connectionStart < end else { return }
    for sequence in connectionStart..<end
    where frames[sequence].trust == .sent && !frames[sequence].isAlarm {
      frames[sequence].trust = .vouched
    }
    connectionStart = end
  }
}
