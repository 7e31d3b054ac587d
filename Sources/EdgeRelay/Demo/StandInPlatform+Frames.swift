// What the platform makes of the bytes on a connection: cut, check, write down, answer.

extension StandInPlatform {
  /// Takes every whole frame that waits on a connection, and queues the answers.
  mutating func read(_ slot: Int) {
    var offset = 0
    while true {
      switch TrackerWire.cut(connections[slot].input, from: offset) {
      case .needMore:
        connections[slot].input.removeFirst(offset)
        return
      case .garbage:
        corruptedCount += 1
        offset += 1
      case .frame(let frame):
        offset += frame.bytes.count
        if frame.isIntact { take(frame, slot) } else { corruptedCount += 1 }
      }
    }
  }

  private mutating func take(_ frame: WireFrame, _ slot: Int) {
    if frame.type == TrackerWire.login {
      logIn(frame, slot)
    } else if connections[slot].record < 0 {
      strangerFrameCount += 1
      return
    } else {
      take(frame, from: connections[slot].record)
    }
    if manners.isAnswered(frame.type) {
      connections[slot].output += TrackerWire.answer(
        to: frame.type, serial: manners.serials == .echoed ? frame.serial : 1)
    }
  }

  private mutating func logIn(_ frame: WireFrame, _ slot: Int) {
    guard frame.content.count >= 8 else {
      unexpectedCount += 1
      return
    }
    var imei: UInt64 = 0
    for byte in frame.content.prefix(8) { imei = imei << 8 | UInt64(byte) }
    let known = records.firstIndex { $0.imei == imei }
    let record = known ?? records.count
    if known == nil { records.append(PlatformRecord(imei: imei)) }
    records[record].loginCount += 1
    records[record].connection = slot
    connections[slot].record = record
  }

  private mutating func take(_ frame: WireFrame, from record: Int) {
    switch frame.type {
    case TrackerWire.heartbeat:
      records[record].heartbeatCount += 1
    case TrackerWire.timeRequest:
      break
    case TrackerWire.commandReply where frame.content.count >= 5:
      records[record].commandReplies.append(
        TrackerWire.number32(frame.bytes, frame.contentOffset + 1))
    case TrackerWire.longCommandReply where frame.content.count >= 4:
      records[record].commandReplies.append(
        TrackerWire.number32(frame.bytes, frame.contentOffset))
    case _ where TrackerWire.isPosition(frame.type) || TrackerWire.isAlarm(frame.type):
      guard let tag = FrameTag(frame), tag.sequence < FrameTag.sequenceMax else {
        unexpectedCount += 1
        return
      }
      records[record].take(tag)
    default:
      unexpectedCount += 1
    }
  }
}
