// GT06: a login, heartbeats and alarms are answered with their serial, positions are not.
//
// Trackers with an odd number speak the newer dialect (types 22 and 26), the others the older one (12
// and 16). A report's sequence number is in its coordinates, at offset 7 of the content.
// Source: device-families document, section 3.

extension Speech {
  static let gt06 = Speech(
    name: "gt06",
    login: { GT06Wire.loginFrame($0.number, serial: $0.nextSerial()) },
    heartbeat: {
      GT06Wire.frame(GT06Wire.heartbeat, [0x44, 0x05, 0x04, 0x00, 0x02], serial: $0.nextSerial())
    },
    position: { speaker, sequence in
      let isNew = speaker.number & 1 == 1
      return GT06Wire.frame(
        isNew ? GT06Wire.position : GT06Wire.localPosition,
        GT06Report.fix(sequence) + GT06Report.cell + (isNew ? [0x01, 0x00, 0x00] : []),
        serial: speaker.nextSerial())
    },
    alarm: { speaker, sequence in
      let serial = speaker.nextSerial()
      let type = speaker.number & 1 == 1 ? GT06Wire.alarm : GT06Wire.localAlarm
      let content =
        GT06Report.fix(sequence) + [0x09] + GT06Report.cell + [0x44, 0x05, 0x04, 0x01, 0x02]
      return Alarm(
        bytes: GT06Wire.frame(type, content, serial: serial), key: UInt32(serial))
    },
    isAlarmNamed: true,
    commandReply: {
      GT06Wire.text(
        GT06Wire.commandReply, flag: $1, [0x4F, 0x4B, 0x21], serial: $0.nextSerial())
    },
    cutDown: { GT06Wire.cut($0, from: $1) },
    hear: { bytes in
      guard let frame = GT06Frame(bytes) else { return .nonsense }
      return switch frame.type {
      case GT06Wire.login: .welcome
      case GT06Wire.heartbeat: .alive
      case GT06Wire.localAlarm, GT06Wire.alarm: .alarm(UInt32(frame.serial))
      case GT06Wire.localPosition, GT06Wire.position: .courtesy
      case GT06Wire.command where frame.content.count >= 5: .command(frame.number32(1))
      default: .nonsense
      }
    },
    cutUp: { GT06Wire.cut($0, from: $1) },
    read: { bytes in
      guard let frame = GT06Frame(bytes) else { return Telling(content: .broken) }
      switch frame.type {
      case GT06Wire.login where frame.content.count >= 8:
        return Telling(content: .login, number: GT06Wire.number(ofIMEI: frame.content.prefix(8)))
      case GT06Wire.heartbeat: return Telling(content: .heartbeat)
      case GT06Wire.timeRequest: return Telling(content: .question)
      case GT06Wire.commandReply where frame.content.count >= 5:
        return Telling(content: .commandReply(frame.number32(1)))
      case GT06Wire.longCommandReply where frame.content.count >= 4:
        return Telling(content: .commandReply(frame.number32(0)))
      case GT06Wire.localPosition, GT06Wire.position:
        return Telling(content: GT06Report.sequence(frame).map { .position($0) } ?? .nonsense)
      case GT06Wire.localAlarm, GT06Wire.alarm:
        return Telling(content: GT06Report.sequence(frame).map { .alarm($0) } ?? .nonsense)
      default: return Telling(content: .nonsense)
      }
    },
    answer: { bytes, _, manners in
      guard let frame = GT06Frame(bytes) else { return [] }
      return GT06Wire.answer(
        to: frame.type, serial: manners.serials == .echoed ? frame.serial : 1)
    },
    command: { _, flag in
      GT06Wire.text(GT06Wire.command, flag: flag, Text("STATUS#").bytes, serial: 0)
    })
}

/// What positions and alarms have in common.
private enum GT06Report {
  static let cell: [UInt8] = [0x01, 0xCC, 0x00, 0x28, 0x7D, 0x00, 0x1F, 0xB8]
  private static let coordinatesOffset = 7

  /// Date and time, satellites, coordinates, speed, course.
  static func fix(_ sequence: UInt32) -> [UInt8] {
    let time: [UInt8] = [0x1A, 0x01, 0x02, 0x03, 0x04, UInt8(sequence % 60)]
    return time + [0xCB] + WireBytes.coordinates(sequence) + [UInt8(sequence % 120), 0x14, 0x8F]
  }

  static func sequence(_ frame: GT06Frame) -> UInt32? {
    guard frame.content.count >= coordinatesOffset + 8 else { return nil }
    return WireBytes.sequence(frame.bytes, at: frame.contentOffset + coordinatesOffset)
  }
}
