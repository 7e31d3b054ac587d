// The reports a simulated tracker makes and how it takes what comes back.

import Queue
import Relay

extension SimulatedTracker {
  // MARK: Making reports

  /// Sends a position with the next sequence number, noted as sent.
  func makePosition() {
    guard let position = speech.position else { return }
    let bytes = position(&speaker, UInt32(log.sequenceEnd))
    log.noteSent(bytes, isAlarm: false)
    positionCount += 1
    send(bytes)
  }

  /// Sends an alarm with the next sequence number, noted as sent and kept until it is answered.
  func makeAlarm(resendAt: Instant) {
    guard let alarm = speech.alarm else { return }
    let sequence = log.sequenceEnd
    let made = alarm(&speaker, UInt32(sequence))
    log.noteSent(made.bytes, isAlarm: true)
    alarmCount += 1
    pendingAlarms.append(
      PendingAlarm(
        sequence: sequence, key: made.key, bytes: made.bytes, isOfThisConnection: true,
        attemptCount: 0, resendAt: resendAt))
    send(made.bytes)
  }

  // MARK: Taking answers

  /// Takes every whole frame that came from the relay.
  func readAnswers(_ now: Instant) {
    var offset = 0
    while true {
      switch speech.cutDown(input, offset) {
      case .needMore:
        input.removeFirst(offset)
        return
      case .garbage:
        wrongAnswerCount += 1
        offset += 1
      case .frame(let byteCount):
        let frame = Array(input[offset..<offset + byteCount])
        offset += byteCount
        take(speech.hear(frame), now)
      }
    }
  }

  private func take(_ heard: Heard, _ now: Instant) {
    switch heard {
    case .welcome:
      if phase == .loggingIn { goOnline(now) } else { noteHeartbeatAnswered() }
    case .code(let code):
      speaker.code = code
      continueLogin(now)
    case .refusal:
      speaker.code = []
      continueLogin(now)
    case .alive: noteHeartbeatAnswered()
    case .alarm(let key): takeAlarmAnswer(key)
    case .courtesy: break
    case .command(let flag):
      commands.append(flag)
      send(speech.commandReply(&speaker, flag))
    case .nonsense: wrongAnswerCount += 1
    }
  }

  /// An answer to an alarm that was answered before is its copy's, and fine.
  private func takeAlarmAnswer(_ key: UInt32) {
    guard let i = pendingAlarms.firstIndex(where: { $0.key == key }) else { return }
    let alarm = pendingAlarms.remove(at: i)
    log.noteAnswered(
      alarm.sequence, vouchesForEarlier: transport == .tcp && alarm.isOfThisConnection)
  }
}
