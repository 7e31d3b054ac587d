// GT02: `68 68` frames with the IMEI in each; only the heartbeat, which is the login too, is answered.
//
//   68 68 | LEN 1 | 2 | IMEI 8 | SERIAL 2 | TYPE 1 | data | 0D 0A       size = LEN + 5
//   54 68 1A 0D 0A                                                     the answer
//   88 88 | LEN 1 | type 1 | M 1 | flag 4 | text | 0D 0A              a command
//
// Source: device-families document, section 5.

extension Speech {
  static let gt02 = Speech(
    name: "gt02",
    login: { GT02.frame(&$0, [0x01, 0x0A], 0x1A, GT02.satellites) },
    heartbeat: { GT02.frame(&$0, [0x04, 0x02], 0x1A, GT02.satellites) },
    position: { speaker, sequence in
      let time: [UInt8] = [0x1A, 0x01, 0x02, 0x03, 0x04, UInt8(sequence % 60)]
      return GT02.frame(
        &speaker, [0x00, 0xA4], 0x10,
        time + WireBytes.coordinates(sequence)
          + [0x00, 0x01, 0x1B, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05])
    },
    alarm: nil,
    isAlarmNamed: false,
    commandReply: { speaker, flag in
      var text = Text("OK")
      text.append(UInt64(flag), digits: 5)
      return GT02.frame(&speaker, [0x00, 0x00], 0x1C, [UInt8(text.count)] + text.bytes)
    },
    cutDown: { bytes, start in
      guard bytes.count >= start + 3 else { return .needMore }
      let isAnswer = bytes[start] == 0x54 && bytes[start + 1] == 0x68
      let isCommand = bytes[start] == 0x88 && bytes[start + 1] == 0x88
      guard isAnswer || isCommand else { return .garbage }
      let size = isAnswer ? 5 : Int(bytes[start + 2]) + 5
      return bytes.count >= start + size ? .frame(byteCount: size) : .needMore
    },
    hear: { bytes in
      if bytes == [0x54, 0x68, 0x1A, 0x0D, 0x0A] { return .welcome }
      guard bytes[0] == 0x88, bytes.count >= 11 else { return .nonsense }
      return .command(WireBytes.number32(bytes, 5))
    },
    cutUp: { bytes, start in
      guard bytes.count >= start + 3 else { return .needMore }
      guard bytes[start] == 0x68, bytes[start + 1] == 0x68 else { return .garbage }
      let size = Int(bytes[start + 2]) + 5
      return bytes.count >= start + size ? .frame(byteCount: size) : .needMore
    },
    read: { bytes in
      guard bytes.count >= 18, WireBytes.endsLine(bytes) else {
        return Telling(content: .broken)
      }
      let number = GT06Wire.number(ofIMEI: bytes[5..<13])
      switch bytes[15] {
      case 0x1A: return Telling(content: .login, number: number)
      case 0x10 where bytes.count == 42:
        return Telling(content: .position(WireBytes.sequence(bytes, at: 22)), number: number)
      case 0x1C where bytes.count == 26:
        let flag = WireText.number(bytes[19..<24])
        return Telling(content: flag.map { .commandReply(UInt32($0)) } ?? .broken, number: number)
      default: return Telling(content: .nonsense, number: number)
      }
    },
    answer: { bytes, _, _ in bytes[15] == 0x1A ? [0x54, 0x68, 0x1A, 0x0D, 0x0A] : [] },
    command: { _, flag in
      var content: [UInt8] = [0x1C, 0x0A]
      WireBytes.append(flag, to: &content)
      content += Text("GPSON#").bytes
      return [0x88, 0x88, UInt8(content.count)] + content + [0x0D, 0x0A]
    })
}

private enum GT02 {
  /// State, count and signal strengths of ten satellites.
  static let satellites: [UInt8] =
    [0x01, 0x0A, 0x28, 0x2A, 0x2A, 0x2C, 0x1F, 0x28, 0x24, 0x18, 0x1E, 0x1D]

  static func frame(
    _ speaker: inout Speaker, _ levels: [UInt8], _ type: UInt8, _ data: [UInt8]
  ) -> [UInt8] {
    var bytes = levels + GT06Wire.imei(speaker.number)
    WireBytes.append(speaker.nextSerial(), to: &bytes)
    WireBytes.append(type, to: &bytes)
    // LEN counts everything up to the stop bytes.
    return [0x68, 0x68, UInt8(bytes.count + data.count)] + bytes + data + [0x0D, 0x0A]
  }
}
