// The small values: checksum, calendar, identity, protocol numbers, limits.

import Testing

@testable import Detect

@Suite("Values")
struct ValueTests {
  @Test("The checksum of 123456789 is 906E")
  func checkValue() {
    let digits = Bytes("123456789".utf8)
    #expect(CRCX25.checksum(digits.span, 0..<9) == 0x906E)
  }

  @Test("The checksum of the document's worked example is D9DC")
  func workedExample() {
    let frame: Bytes = [0x78, 0x78, 0x05, 0x01, 0x00, 0x01, 0xD9, 0xDC, 0x0D, 0x0A]
    #expect(CRCX25.checksum(frame.span, 2..<6) == 0xD9DC)
    #expect(CRCX25.checksum(frame.span, 2..<2) == 0)
  }

  @Test("The checksum agrees with the polynomial bit by bit")
  func everyByteAndLength() {
    func isRight(_ bytes: Bytes) -> Bool {
      var register: UInt16 = 0xFFFF
      for byte in bytes {
        register ^= UInt16(byte)
        for _ in 0..<8 { register = register & 1 == 1 ? register >> 1 ^ 0x8408 : register >> 1 }
      }
      return CRCX25.checksum(bytes.span, 0..<bytes.count) == register ^ 0xFFFF
    }
    for byte in UInt8.min...UInt8.max { #expect(isRight([byte]), "\(byte)") }
    // Every single bit of every length: the checksum is linear in them.
    for count in 0...25 {
      #expect(isRight(Bytes(repeating: 0, count: count)))
      for bit in 0..<count * 8 {
        var bytes = Bytes(repeating: 0, count: count)
        bytes[bit / 8] = 1 << UInt8(bit % 8)
        #expect(isRight(bytes), "bit \(bit) of \(count) bytes")
      }
    }
  }

  static let dates: [(Int64, [Int])] = [
    (0, [1970, 1, 1, 0, 0, 0]), (59, [1970, 1, 1, 0, 0, 59]), (86_399, [1970, 1, 1, 23, 59, 59]),
    (86_400, [1970, 1, 2, 0, 0, 0]), (31_535_999, [1970, 12, 31, 23, 59, 59]),
    (31_536_000, [1971, 1, 1, 0, 0, 0]), (68_169_600, [1972, 2, 29, 0, 0, 0]),
    (68_256_000, [1972, 3, 1, 0, 0, 0]), (94_694_399, [1972, 12, 31, 23, 59, 59]),
    (946_684_799, [1999, 12, 31, 23, 59, 59]), (946_684_800, [2000, 1, 1, 0, 0, 0]),
    (951_782_400, [2000, 2, 29, 0, 0, 0]), (951_868_800, [2000, 3, 1, 0, 0, 0]),
    (978_307_199, [2000, 12, 31, 23, 59, 59]), (1_709_164_800, [2024, 2, 29, 0, 0, 0]),
    (1_709_380_800, [2024, 3, 2, 12, 0, 0]), (2_147_483_647, [2038, 1, 19, 3, 14, 7]),
    (2_147_483_648, [2038, 1, 19, 3, 14, 8]), (4_107_542_399, [2100, 2, 28, 23, 59, 59]),
    (4_107_542_400, [2100, 3, 1, 0, 0, 0]), (4_133_980_799, [2100, 12, 31, 23, 59, 59]),
    (253_402_300_799, [9999, 12, 31, 23, 59, 59]),
  ]

  @Test("Seconds become the date and time of day in UTC", arguments: dates)
  func calendar(_ seconds: Int64, _ want: [Int]) {
    let time = CalendarTime(secondsSince1970: seconds)
    let got = [time.year, time.month, time.day, time.hour, time.minute, time.second]
    #expect(got == want)
  }

  @Test("Every day of four centuries follows the one before")
  func everyDay() {
    let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    var (year, month, day) = (1970, 1, 1)
    for number in 0..<146_097 {
      let time = CalendarTime(secondsSince1970: Int64(number) * 86_400 + 43_200)
      if [time.year, time.month, time.day, time.hour] != [year, month, day, 12] {
        Issue.record("day \(number) is \(time), not \(year)-\(month)-\(day)")
        return
      }
      let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
      day += 1
      if day > lengths[month - 1] + (month == 2 && isLeap ? 1 : 0) { (month, day) = (month + 1, 1) }
      if month > 12 { (year, month) = (year + 1, 1) }
    }
  }

  private func identity(_ hex: String, _ notation: DeviceIdentity.Notation) -> DeviceIdentity? {
    guard let bytes = Bytes(hex: hex) else { return nil }
    return DeviceIdentity(.gt06, notation, bytes.span, at: 0, count: bytes.count)
  }

  @Test("An IMEI is written without its leading nibble, which still tells devices apart")
  func imeiText() {
    #expect(identity("0123456789012345", .imei8)?.text == "123456789012345")
    #expect(identity("9123456789012345", .imei8)?.text == "123456789012345")
    #expect(identity("0123456789012345", .imei8) != identity("9123456789012345", .imei8))
    #expect(identity("0AbCdEf789012345", .imei8)?.text == "abcdef789012345")
    #expect(identity("0000000000000001", .imei8)?.text == "000000000000001")
  }

  @Test("A text identity is written as it is, and only in printable characters")
  func asciiText() {
    #expect(identity("4142432D31", .ascii)?.text == "ABC-1")
    #expect(identity("41200A7F8041", .ascii)?.text == "A????A")
  }

  @Test("A terminal number is written without the zeros before it, and may be zero")
  func terminalNumber() {
    #expect(identity("013912345678", .bcd)?.text == "13912345678")
    #expect(identity("000000000000", .bcd)?.text == "0")
  }

  @Test("An identity is never empty, too long, an all-zero IMEI or beyond the bytes")
  func identityBounds() {
    let bytes = Bytes(repeating: 0x31, count: 20)
    #expect(DeviceIdentity(.gt06, .ascii, bytes.span, at: 0, count: 0) == nil)
    #expect(DeviceIdentity(.gt06, .ascii, bytes.span, at: 0, count: 17) == nil)
    #expect(DeviceIdentity(.gt06, .ascii, bytes.span, at: 13, count: 8) == nil)
    #expect(DeviceIdentity(.gt06, .ascii, bytes.span, at: -1, count: 8) == nil)
    #expect(DeviceIdentity(.gt06, .ascii, bytes.span, at: 4, count: 16)?.count == 16)
    #expect(identity("0000000000000000", .imei8) == nil)
  }

  @Test("Two identities are one device when protocol and bytes are equal")
  func identityEquality() {
    let bytes: Bytes = [1, 2, 3, 0]
    let three = DeviceIdentity(.gt06, .ascii, bytes.span, at: 0, count: 3)
    #expect(three == DeviceIdentity(.gt06, .ascii, bytes.span, at: 0, count: 3))
    #expect(three != DeviceIdentity(.gt06, .ascii, bytes.span, at: 0, count: 4))
    #expect(three != DeviceIdentity(.topin, .ascii, bytes.span, at: 0, count: 3))
    #expect(three.map { [$0[0], $0[1], $0[2]] } == [1, 2, 3])
  }

  @Test("Every protocol has one rank, in the order of its case")
  func ranks() {
    #expect(ProtocolID.count == ProtocolID.allCases.count)
    #expect((0..<ProtocolID.count).map { ProtocolID.ranked($0) } == ProtocolID.allCases)
  }

  @Test("The numbers of protocols on disk never change")
  func rawValues() {
    #expect(ProtocolID.gt06.rawValue == 1)
    #expect(ProtocolID.topin.rawValue == 2)
    #expect(Set(ProtocolID.allCases.map { "\($0.row.name)" }).count == ProtocolID.count)
  }

  @Test("The limits fit together")
  func limits() {
    for id in ProtocolID.allCases { #expect(id.row.frameBytesMax <= Limits.frameBytesMax) }
    #expect(Limits.gt06ShortFrameBytesMax == 2 + 1 + 255 + 2)
    #expect(Limits.gt06LongLengthMax <= Limits.gt06TransferLengthMax)
    #expect(Limits.topinFrameBytesMax <= Limits.detectionBytesMax)
    #expect(Limits.lyingFrameBytesMax <= Limits.detectionBytesMax)
    #expect(Limits.lyingFrameBytesMax <= Limits.garbageBytesMax)
    #expect(Limits.detectionBytesMax <= Limits.frameBytesMax)
    #expect(Limits.paddingBytesMax < Limits.detectionBytesMax)
    #expect(Limits.briefSilence < Limits.longSilence)
  }

  @Test("The log names of reasons and classes are distinct")
  func names() {
    let reasons: [RejectReason] = [.unknownStart, .undecided, .garbage]
    #expect(Set(reasons.map { "\($0.name)" }).count == reasons.count)
    let answers: [AnswerClass] = [.required, .optional, .never, .local, .upstream]
    #expect(answers.map { "\($0.letter)" }.joined() == "RONLU")
    let replays: [ReplayClass] = [.forward, .head, .expires, .block]
    #expect(replays.map { "\($0.letter)" }.joined() == "FHXB")
  }
}
