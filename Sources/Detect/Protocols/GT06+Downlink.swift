// What a GT06 server sends: answers, which the relay has given already, and commands.
//
// An answer has an uplink type and nothing but serial and CRC behind it (LEN 05), or is a time
// answer (8A), or is the six-byte echo of a Wi-Fi frame. Everything longer, and every downlink
// type with content, goes to the device.
// Source: device-families document, section 3.6. Servers have been seen to send wrong serials and
// wrong checksums in answers, so neither is looked at here.

extension GT06 {
  static func downMeaning(_ frame: Span<UInt8>) -> DownlinkMeaning {
    if frame[0] == 0x54 || frame[0] == 0x88 { return GT02.downMeaning(frame) }
    let isLong = frame[0] == 0x79
    let typeOffset = isLong ? longTypeOffset : shortTypeOffset
    let type = frame[typeOffset]
    let isBare = frame.count == typeOffset + 1 + tailByteCount
    if !isLong, frame[2] == 0, Topin.isWifiType(type), frame.count == 12 {
      return .answer(AnswerKey(type: UInt16(type), serial: 0))
    }
    let serial =
      frame.count >= typeOffset + 1 + tailByteCount
      ? frame.be16(at: frame.count - tailByteCount) : 0
    if type == 0x8A || isBare && isAnswerType(type) {
      return .answer(AnswerKey(type: UInt16(type), serial: serial))
    }
    return .command
  }

  private static func isAnswerType(_ type: UInt8) -> Bool {
    switch type {
    case 0x01, 0x10...0x19, 0x1A, 0x1E, 0x1F, 0x21...0x28, 0x2C...0x2E, 0x31...0x41, 0x61...0x70,
      0x8C, 0x94, 0x95, 0x9B, 0xA0...0xA9, 0xB0, 0xB2, 0xF1...0xF3:
      true
    default:
      false
    }
  }
}
