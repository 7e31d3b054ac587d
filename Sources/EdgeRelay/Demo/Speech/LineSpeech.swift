// The text dialects that nobody answers: devices just send, and a platform just reads.
//
//   #<IMEI>#user#0#password#AUTO#1#<number>#11354.3277,E,2234.4026,N,0.00,0.0#020126#030405##
//   PT;<IMEI>;111;<number>;20260102;03:04:05;...                                            CR LF
//   260102030405,+<number>,GPRMC,030405.000,A,...,imei:<IMEI>,...                           CR LF
//
// Source: device-families document, section 11.

extension Speech {
  static let v680 = line(
    "v680",
    make: { number, sequence in
      var text = Text("#")
      text.append(Speaker.name(Line.prefix, number))
      text.append("#user#0#password#AUTO#1#")
      text.append(UInt64(sequence))
      text.append("#11354.3277,E,2234.4026,N,0.00,0.0#020126#030405##")
      return text.bytes
    },
    cut: { bytes, start in
      guard bytes.count > start else { return .needMore }
      guard bytes[start] == 0x23 else { return .garbage }
      for i in start + 17..<max(start + 17, bytes.count)
      where bytes[i] == 0x23 && bytes[i - 1] == 0x23 {
        return .frame(byteCount: i + 1 - start)
      }
      return .needMore
    },
    mark: 0x23, imeiField: 1, sequenceField: 7)

  static let pt = line(
    "pt",
    make: { number, sequence in
      var text = Text("PT;")
      text.append(Speaker.name(Line.prefix, number))
      text.append(";111;")
      text.append(UInt64(sequence))
      text.append(";20260102;03:04:05;+22.573376;+113.905463;000.00;000.00;6;1\r\n")
      return text.bytes
    },
    cut: { Line.cut($0, $1) },
    mark: 0x3B, imeiField: 1, sequenceField: 3)

  static let xexun = line(
    "xexun",
    make: { number, sequence in
      var text = Text("260102030405,+")
      text.append(UInt64(sequence), digits: 10)
      text.append(",GPRMC,030405.000,A,2234.4026,N,11354.3277,E,0.00,0.00,020126,,,A*6F,F,,imei:")
      text.append(Speaker.name(Line.prefix, number))
      text.append(",03,14.5,F:4.15V,1,139,2689,310,26,7D04,0ADB\r\n")
      return text.bytes
    },
    cut: { Line.cut($0, $1) },
    mark: 0x2C, imeiField: 17, sequenceField: 1)

  @inline(never)
  private static func line(
    _ name: Literal, make: @escaping @Sendable (Int, UInt32) -> [UInt8],
    cut: @escaping @Sendable ([UInt8], Int) -> WireCut, mark: UInt8, imeiField: Int,
    sequenceField: Int
  ) -> Speech {
    Speech(
      name: name, login: nil, heartbeat: nil,
      position: { make($0.number, $1) },
      alarm: nil, isAlarmNamed: false,
      commandReply: { _, _ in [] },
      cutDown: { bytes, start in bytes.count > start ? .garbage : .needMore },
      hear: { _ in .nonsense },
      cutUp: cut,
      read: { bytes in
        let fields = bytes.parts(at: mark)
        guard fields.count > max(imeiField, sequenceField),
          let sequence = WireText.number(
            fields[sequenceField].dropFirst(fields[sequenceField].first == 0x2B ? 1 : 0))
        else { return Telling(content: .broken) }
        return Telling(
          content: .position(UInt32(sequence)),
          number: Speaker.number(of: fields[imeiField].suffix(15), behind: Line.prefix))
      },
      answer: { _, _, _ in [] },
      command: nil)
  }
}

private enum Line {
  static let prefix: Literal = "8990000"

  static func cut(_ bytes: [UInt8], _ start: Int) -> WireCut {
    guard bytes.count > start else { return .needMore }
    if bytes[start] == 0x0D || bytes[start] == 0x0A { return .garbage }
    return WireText.cut(bytes, from: start, through: 0x0A)
  }
}
