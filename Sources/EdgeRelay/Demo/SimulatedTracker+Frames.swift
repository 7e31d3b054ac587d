// The frames a simulated tracker makes and how it reads what comes back.
//
// Half of the devices speak the older dialect (types 12 and 16), half the newer one (22 and 26). A
// frame's serial counts all frames of the device; an answer must repeat it.

import Queue
import Relay

extension SimulatedTracker {
  private var isNewDialect: Bool { imei & 1 == 1 }

  // MARK: Making frames

  mutating func makeLogin() -> [UInt8] {
    TrackerWire.frame(TrackerWire.login, TrackerWire.bytes(ofIMEI: imei), serial: nextSerial())
  }

  mutating func makeHeartbeat() -> [UInt8] {
    TrackerWire.frame(TrackerWire.heartbeat, [0x44, 0x05, 0x04, 0x00, 0x02], serial: nextSerial())
  }

  /// A position with the next sequence number, noted as sent.
  mutating func makePosition() -> [UInt8] {
    let extra: [UInt8] = isNewDialect ? [0x01, 0x00, 0x00] : []
    let type = isNewDialect ? TrackerWire.position : TrackerWire.localPosition
    let bytes = TrackerWire.frame(type, makeFix() + cell + extra, serial: nextSerial())
    log.noteSent(bytes, isAlarm: false)
    positionCount += 1
    return bytes
  }

  /// An alarm with the next sequence number, noted as sent and kept until it is answered.
  mutating func makeAlarm(resendAt: Instant) -> [UInt8] {
    let type = isNewDialect ? TrackerWire.alarm : TrackerWire.localAlarm
    let status: [UInt8] = [0x44, 0x05, 0x04, 0x01, 0x02]
    let sequence = log.sequenceEnd
    let bytes = TrackerWire.frame(type, makeFix() + [0x09] + cell + status, serial: nextSerial())
    log.noteSent(bytes, isAlarm: true)
    alarmCount += 1
    pendingAlarms.append(
      PendingAlarm(
        sequence: sequence, serial: serial, bytes: bytes, isOfThisConnection: true,
        attemptCount: 0, resendAt: resendAt))
    return bytes
  }

  /// Date and time, satellites, coordinates with the sequence number, speed, course.
  private mutating func makeFix() -> [UInt8] {
    let time: [UInt8] = [0x1A, 0x01, 0x02, 0x03, 0x04, UInt8(log.sequenceEnd % 60)]
    let coordinates = FrameTag.coordinates(UInt32(log.sequenceEnd))
    let speed = UInt8(random.number(in: 0..<120))
    return time + [0xCB] + coordinates + [speed, 0x14, 0x8F]
  }

  private var cell: [UInt8] { [0x01, 0xCC, 0x00, 0x28, 0x7D, 0x00, 0x1F, 0xB8] }

  private mutating func nextSerial() -> UInt16 {
    serial &+= 1
    return serial
  }

  // MARK: Reading answers

  /// Takes every whole frame that came from the relay.
  mutating func readAnswers(_ now: Instant) {
    var offset = 0
    while true {
      switch TrackerWire.cut(input, from: offset) {
      case .needMore:
        input.removeFirst(offset)
        return
      case .garbage:
        wrongAnswerCount += 1
        offset += 1
      case .frame(let frame):
        offset += frame.bytes.count
        if frame.isIntact { take(frame, now) } else { wrongAnswerCount += 1 }
      }
    }
  }

  private mutating func take(_ frame: WireFrame, _ now: Instant) {
    switch frame.type {
    case TrackerWire.login:
      goOnline(now)
    case TrackerWire.heartbeat:
      noteHeartbeatAnswered()
    case TrackerWire.command where frame.content.count >= 5:
      let flag = TrackerWire.number32(frame.bytes, frame.contentOffset + 1)
      commands.append(flag)
      send(
        TrackerWire.text(
          TrackerWire.commandReply, flag: flag, [0x4F, 0x4B, 0x21], serial: nextSerial()))
    case _ where TrackerWire.isAlarm(frame.type):
      takeAlarmAnswer(frame.serial)
    case _ where TrackerWire.isPosition(frame.type):
      break
    default:
      wrongAnswerCount += 1
    }
  }

  /// An answer to an alarm that was answered before is its copy's, and fine.
  private mutating func takeAlarmAnswer(_ serial: UInt16) {
    guard let i = pendingAlarms.firstIndex(where: { $0.serial == serial }) else { return }
    let alarm = pendingAlarms.remove(at: i)
    log.noteAnswered(
      alarm.sequence, vouchesForEarlier: transport == .tcp && alarm.isOfThisConnection)
  }
}
