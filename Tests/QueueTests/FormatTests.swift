// The bytes on the disk, against bytes put together here without the module's code.

import Testing

@testable import Queue

/// CRC-32C bit by bit, with no table.
func referenceCRC32C(_ bytes: [UInt8]) -> UInt32 {
  var register: UInt32 = 0xFFFF_FFFF
  for byte in bytes {
    register ^= UInt32(byte)
    for _ in 0..<8 { register = register & 1 == 1 ? register >> 1 ^ 0x82F6_3B78 : register >> 1 }
  }
  return ~register
}

func littleEndian(_ value: UInt64, _ byteCount: Int) -> [UInt8] {
  (0..<byteCount).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
}

@Suite("The format")
struct FormatTests {
  @Test("uses CRC-32C, with the check value of the catalogues")
  func checkValue() {
    let digits = Array("123456789".utf8)
    #expect(referenceCRC32C(digits) == 0xE306_9283)
    let crc = CRC32C()
    let buffer = PageBuffer(digits)
    #expect(crc.finish(crc.update(0xFFFF_FFFF, buffer, 0..<9)) == 0xE306_9283)
    // In parts, and from odd offsets.
    for cut in 0...9 {
      let first = crc.update(0xFFFF_FFFF, buffer, 0..<cut)
      #expect(crc.finish(crc.update(first, buffer, cut..<9)) == 0xE306_9283)
    }
  }

  @Test("sums alike with the processor's instructions and without")
  func instructions() {
    var random = RandomNumbers(seed: 11)
    let bytes = (0..<300).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    let buffer = PageBuffer(bytes)
    for crc in [CRC32C(), CRC32C(usesInstructions: false)] {
      for count in 0..<40 {
        for first in 0..<9 {
          let expected = referenceCRC32C(
            littleEndian(7 << 32 | 9, 8) + bytes[first..<first + count])
          #expect(crc.checksum(seed: 7 << 32 | 9, buffer, first..<first + count) == expected)
        }
      }
      let whole = referenceCRC32C(littleEndian(.max, 8) + bytes)
      #expect(crc.checksum(seed: .max, buffer, 0..<300) == whole)
    }
  }

  @Test("puts eight bytes of seed before what is summed")
  func seed() {
    let buffer = PageBuffer([0x61, 0x62, 0x63, 0x64, 0x65])
    let seed: UInt64 = 0x8877_6655_4433_2211
    let expected = referenceCRC32C(
      [0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x62, 0x63, 0x64, 0x65])
    #expect(CRC32C().checksum(seed: seed, buffer, 1..<5) == expected)
  }

  @Test("writes a segment header as specified")
  func segmentHeader() {
    let header = SegmentHeader(
      uuidLow: 0x0102_0304_0506_0708, uuidHigh: 0x1112_1314_1516_1718, generation: 0x21B2_C3D4,
      boot: 0xE5F6, bootKey: 0x3132_3334_3536_3738, segmentByteCount: 0x0040_0000,
      createdMilliseconds: 0x2122_2324_2526_2728, previousGeneration: 0xB1B2_B3B4)
    var bytes: [UInt8] = Array("ERSPOOL1".utf8)
    bytes += littleEndian(0, 4) + littleEndian(0, 4) + littleEndian(0, 4)  // feature bits
    bytes += [0, 0, 0, 0]  // class main
    bytes += [8, 7, 6, 5, 4, 3, 2, 1, 0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11]
    bytes += littleEndian(0x21B2_C3D4, 8)
    bytes += littleEndian(0xE5F6, 4)
    bytes += littleEndian(0x40_0000, 4)
    bytes += littleEndian(0x2122_2324_2526_2728, 8)
    bytes += littleEndian(0x3132_3334_3536_3738, 8)
    bytes += littleEndian(0xB1B2_B3B4, 4)
    #expect(bytes.count == 76)
    bytes += littleEndian(UInt64(referenceCRC32C([0, 0, 0, 0, 0, 0, 0, 0] + bytes)), 4)
    let buffer = PageBuffer([UInt8](repeating: 0xEE, count: 4_096))
    let crc = CRC32C()
    header.write(to: buffer, at: 0, crc)
    #expect(buffer.bytes(0..<80) == bytes)
    #expect(buffer.bytes(80..<4_096).allSatisfy { $0 == 0 })
    #expect(SegmentHeader.read(buffer, at: 0, crc) == .header(header))
  }

  @Test("takes no damaged segment header, and knows a foreign one")
  func segmentHeaderReading() {
    let crc = CRC32C()
    let buffer = PageBuffer(byteCount: 4_096)
    #expect(SegmentHeader.read(buffer, at: 0, crc) == .none)
    SegmentHeader(
      uuidLow: 1, uuidHigh: 2, generation: 3, boot: 4, bootKey: 5, segmentByteCount: 6,
      createdMilliseconds: 7, previousGeneration: 8
    ).write(to: buffer, at: 0, crc)
    for bit in 0..<80 * 8 {
      let byte = buffer.loadUInt8(at: bit / 8)
      buffer.store(byte ^ 1 << UInt8(bit % 8), at: bit / 8)
      let reading = SegmentHeader.read(buffer, at: 0, crc)
      // The last character of the magic is the version.
      #expect(reading == (bit / 8 == 7 ? .foreign : .none), "bit \(bit)")
      buffer.store(byte, at: bit / 8)
    }
    // Sound, but with a feature that a reader must know.
    buffer.store(UInt32(1), at: 8)
    buffer.store(crc.checksum(seed: 0, buffer, 0..<76), at: 76)
    #expect(SegmentHeader.read(buffer, at: 0, crc) == .foreign)
    buffer.store(UInt32(0), at: 8)
    buffer.store(UInt32(1), at: 16)
    buffer.store(crc.checksum(seed: 0, buffer, 0..<76), at: 76)
    #expect(SegmentHeader.read(buffer, at: 0, crc) != .foreign)
  }

  @Test("writes a batch header as specified")
  func batchHeader() {
    let header = BatchHeader(
      generation: 0x1122_3344, batch: 0x5566_7788, byteCount: 0x0001_2345, recordCount: 0x0BCD,
      durableThrough: 0x5566_7787, monotonicMilliseconds: 0x99AA_BBCC, salt: 0xD1D2_D3D4,
      previousGeneration: 0x1122_3340, replayGeneration: 0x1122_3330,
      oldestGeneration: 0x1122_3320)
    var bytes: [UInt8] = Array("BTC1".utf8)
    bytes += [0x44, 0x33, 0x22, 0x11]
    bytes += [0x88, 0x77, 0x66, 0x55]
    bytes += [0x45, 0x23, 0x01, 0x00]
    bytes += [0xCD, 0x0B, 0, 0]
    bytes += [0x87, 0x77, 0x66, 0x55]
    bytes += [0xCC, 0xBB, 0xAA, 0x99]
    bytes += [0xD4, 0xD3, 0xD2, 0xD1]
    bytes += [0x40, 0x33, 0x22, 0x11]
    bytes += [0x30, 0x33, 0x22, 0x11]
    bytes += [0x20, 0x33, 0x22, 0x11]
    bytes += littleEndian(UInt64(referenceCRC32C([0, 0, 0, 0, 0, 0, 0, 0] + bytes)), 4)
    let buffer = PageBuffer([UInt8](repeating: 0xEE, count: 68))
    let crc = CRC32C()
    header.write(to: buffer, at: 16, crc)
    #expect(buffer.bytes(16..<64) == bytes)
    #expect(buffer.loadUInt8(at: 64) == 0xEE)
    #expect(BatchHeader.read(buffer, at: 16, generation: 0x1122_3344, crc) == header)
    #expect(BatchHeader.read(buffer, at: 16, generation: nil, crc) == header)
    #expect(BatchHeader.read(buffer, at: 16, generation: 0x1122_3345, crc) == nil)
    for bit in 0..<48 * 8 {
      let byte = buffer.loadUInt8(at: 16 + bit / 8)
      buffer.store(byte ^ 1 << UInt8(bit % 8), at: 16 + bit / 8)
      #expect(BatchHeader.read(buffer, at: 16, generation: nil, crc) == nil, "bit \(bit)")
      buffer.store(byte, at: 16 + bit / 8)
    }
  }

  @Test("takes a batch of any whole number of pages up to the largest")
  func batchSizes() {
    let crc = CRC32C()
    let buffer = PageBuffer(byteCount: 48)
    for byteCount in [0, 47, 48, 49, 4_096, 4_097, 262_144, 262_145] {
      let header = BatchHeader(
        generation: 1, batch: 1, byteCount: byteCount, recordCount: 0, durableThrough: 0,
        monotonicMilliseconds: 0, salt: 0, previousGeneration: 0, replayGeneration: 0,
        oldestGeneration: 0)
      header.write(to: buffer, at: 0, crc)
      let isValid = byteCount >= 48 && byteCount <= 262_144
      #expect((BatchHeader.read(buffer, at: 0, generation: 1, crc) == header) == isValid)
    }
    #expect(BatchHeader.paged(48) == 4_096)
    #expect(BatchHeader.paged(4_096) == 4_096)
    #expect(BatchHeader.paged(4_097) == 8_192)
  }

  /// The bytes of a record, put together by hand.
  static func record(
    _ type: UInt8, device: UInt32, sequence: UInt32, delta: UInt16 = 0, boot: UInt16 = 1,
    generation: UInt32 = 1, batch: UInt32 = 1, salt: UInt32 = 0, _ payload: [UInt8]
  ) -> [UInt8] {
    var head = littleEndian(UInt64(payload.count), 2) + [type, 0]
    head += littleEndian(UInt64(device), 4) + littleEndian(UInt64(sequence), 4)
    head += littleEndian(UInt64(delta), 2) + littleEndian(UInt64(boot), 2)
    let seed = littleEndian(UInt64(generation ^ salt), 4) + littleEndian(UInt64(batch), 4)
    let bytes =
      head + littleEndian(UInt64(referenceCRC32C(seed + head + payload)), 4) + payload
    return bytes + [UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4)
  }

  /// A batch of the first segment.
  static func batch(
    _ number: UInt64, recordCount: UInt64, durableThrough: UInt64, at milliseconds: UInt64,
    replayGeneration: UInt64, _ salt: UInt32, _ records: [UInt8]
  ) -> [UInt8] {
    var batch = Array("BTC1".utf8) + littleEndian(1, 4) + littleEndian(number, 4)
    batch += littleEndian(UInt64(48 + records.count), 4) + littleEndian(recordCount, 2) + [0, 0]
    batch += littleEndian(durableThrough, 4) + littleEndian(milliseconds, 4)
    batch += littleEndian(UInt64(salt), 4) + littleEndian(0, 4) + littleEndian(replayGeneration, 4)
    batch += littleEndian(1, 4)
    batch += littleEndian(UInt64(referenceCRC32C([0, 0, 0, 0, 0, 0, 0, 0] + batch)), 4)
    return batch + records
  }

  @Test("writes a record as specified, whatever its length")
  func record() {
    let crc = CRC32C()
    for byteCount in [0, 1, 2, 3, 4, 5, 100, 60_000] {
      let payload = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 7) }
      let expected = Self.record(
        1, device: 0xDEAD_BEEF, sequence: 0x0102_0304, delta: 0x1234, boot: 0x5678,
        generation: 0xA1A2_A3A4, batch: 0xB1B2_B3B4, salt: 0xC1C2_C3C4, payload)
      let buffer = PageBuffer(byteCount: 65_536)
      payload.withUnsafeBufferPointer { buffer.store($0.span, at: 8 + 20) }
      let header = RecordHeader(
        payloadByteCount: byteCount, type: 1, flags: 0, device: 0xDEAD_BEEF,
        sequence: SequenceNumber(0x0102_0304), delta: 0x1234, boot: 0x5678)
      let seed = RecordHeader.seed(
        generation: 0xA1A2_A3A4, batch: 0xB1B2_B3B4, salt: 0xC1C2_C3C4)
      header.seal(in: buffer, at: 8, seed: seed, crc)
      #expect(buffer.bytes(8..<8 + expected.count) == expected)
      #expect(header.strideByteCount == expected.count)
      let end = 8 + expected.count
      #expect(RecordHeader.read(buffer, at: 8, end: end, seed: seed, crc) == header)
      #expect(RecordHeader.read(buffer, at: 8, end: end - 1, seed: seed, crc) == nil)
      #expect(RecordHeader.read(buffer, at: 8, end: end, seed: seed + 1, crc) == nil)
      #expect(RecordHeader.read(buffer, at: 8, end: end, seed: seed + 1 << 32, crc) == nil)
    }
  }

  @Test("of a whole spool is what the specification says, for every type of record")
  func wholeSpool() {
    let geometry = SpoolGeometry.small
    var spool = TestSpool(
      disk: SimulatedDisk(geometry), geometry: geometry, deviceCountMax: 4,
      secret: 0x0123_4567_89AB_CDEF, bootKey: 0x4142)
    let salt = UInt32(
      truncatingIfNeeded: 0x0123_4567_89AB_CDEF &* 0x9E37_79B9_7F4A_7C15 >> 32 as UInt64)
    let device = spool.device("AB")
    spool.tailByteCountMax = 0
    spool.logIn(device, "hello")
    spool.put(device, "frame", at: 1_000)
    spool.put(device, "", at: 1_007)
    spool.commit(at: 1_020)
    spool.drop(device, through: SequenceNumber(1), count: 1, .evicted)
    spool.acknowledge(
      device, through: SequenceNumber(2), at: LogPosition(generation: 1, offset: 12_288),
      now: instant(1_027))
    spool.commit(at: 1_030)
    let page = 4_096

    var header = Array("ERSPOOL1".utf8) + [UInt8](repeating: 0, count: 16)
    header += littleEndian(0x0123_4567_89AB_CDEF, 8)
    header += littleEndian(0x0123_4567_89AB_CDEF &* 0x9E37_79B9_7F4A_7C15, 8)
    header += littleEndian(1, 8) + littleEndian(1, 4) + littleEndian(UInt64(8 * page), 4)
    header += littleEndian(1_020, 8) + littleEndian(0x4142, 8) + littleEndian(0, 4)
    header += littleEndian(UInt64(referenceCRC32C([0, 0, 0, 0, 0, 0, 0, 0] + header)), 4)
    let segment = spool.disk.image[0]
    #expect(Array(segment[0..<80]) == header)
    #expect(segment[80..<3 * page].allSatisfy { $0 == 0 })

    // Family and form of a key made by the tests are 7 and 1.
    var records = Self.record(
      5, device: 0, sequence: 0, salt: salt,
      [7, 1, 2, 0, 5, 0, 0, 0] + [UInt8](repeating: 0, count: 20) + Array("ABhello".utf8))
    records += Self.record(1, device: 0, sequence: 1, salt: salt, Array("frame".utf8))
    records += Self.record(1, device: 0, sequence: 2, delta: 7, salt: salt, [])
    let first = Self.batch(
      1, recordCount: 3, durableThrough: 0, at: 1_000, replayGeneration: 0, salt, records)
    let drop =
      littleEndian(0, 4) + littleEndian(2, 4) + littleEndian(1, 4) + littleEndian(0, 4)
    var notes = Self.record(4, device: 0, sequence: 2, batch: 2, salt: salt, drop)
    notes += Self.record(
      3, device: 0, sequence: 0, batch: 2, salt: salt, littleEndian(0, 4) + littleEndian(2, 4))
    let second = Self.batch(
      2, recordCount: 2, durableThrough: 1, at: 1_030, replayGeneration: 1, salt, notes)
    #expect(Array(segment[3 * page..<3 * page + first.count]) == first)
    #expect(segment[(3 * page + first.count)..<4 * page].allSatisfy { $0 == 0 })
    #expect(Array(segment[4 * page..<4 * page + second.count]) == second)
    #expect(segment[(4 * page + second.count)...].allSatisfy { $0 == 0 })
    #expect(spool.disk.image[1].allSatisfy { $0 == 0 })
  }

  @Test("of two small commits a while apart is what the specification says")
  func tail() {
    let geometry = SpoolGeometry.small
    let secret: UInt64 = 0x0123_4567_89AB_CDEF
    var spool = TestSpool(
      disk: SimulatedDisk(geometry), geometry: geometry, deviceCountMax: 4, secret: secret,
      bootKey: 1)
    let salt = UInt32(truncatingIfNeeded: secret &* 0x9E37_79B9_7F4A_7C15 >> 32)
    let device = spool.device("AB")
    spool.put(device, "frame", at: 1_000)
    spool.commit(at: 1_020)
    spool.put(device, "later", at: 61_000)
    spool.commit(at: 61_020)
    var records = Self.record(
      5, device: 0, sequence: 0, salt: salt,
      [7, 1, 2, 0, 0, 0, 0, 0] + [UInt8](repeating: 0, count: 20) + Array("AB".utf8))
    records += Self.record(1, device: 0, sequence: 1, salt: salt, Array("frame".utf8))
    let first = Self.batch(
      1, recordCount: 2, durableThrough: 0, at: 1_000, replayGeneration: 0, salt, records)
    records += Self.record(6, device: 0, sequence: 0, salt: salt, littleEndian(61_000, 4))
    records += Self.record(1, device: 0, sequence: 2, salt: salt, Array("later".utf8))
    // The round that began with the segment was complete with the first commit.
    let second = Self.batch(
      1, recordCount: 4, durableThrough: 0, at: 1_000, replayGeneration: 1, salt, records)
    let (segment, page) = (spool.disk.image[0], 4_096)
    #expect(Array(segment[page..<page + first.count]) == first)
    #expect(Array(segment[2 * page..<2 * page + second.count]) == second)
    #expect(segment[(2 * page + second.count)...].allSatisfy { $0 == 0 })
  }

  @Test("of a later batch names what was durable when it was started")
  func durableThrough() {
    var spool = emptySpool()
    let a = spool.device("A")
    for i in 1...3 { spool.store(a, "\(i)") }
    let buffer = PageBuffer(spool.disk.image[0])
    for batch in 1...3 {
      let header = BatchHeader.read(
        buffer, at: (2 + batch) * 4_096, generation: 1, CRC32C())
      #expect(header?.batch == UInt32(batch))
      #expect(header?.durableThrough == UInt32(batch - 1))
    }
  }

  @Test(
    "cuts a cap into segments as specified",
    arguments: [
      (0, 278_528, 16), (1 << 20, 278_528, 16), (278_528 * 16, 278_528, 16),
      (278_528 * 17 - 1, 278_528, 16), (278_528 * 17, 278_528, 17), (16 << 20, 278_528, 60),
      (17 << 20, 278_528, 64), (18 << 20, 294_912, 64), (64 << 20, 1 << 20, 64),
      (100 << 20, 1_638_400, 64), (256 << 20, 4 << 20, 64), (1 << 30, 4 << 20, 256),
      (16 << 30, 4 << 20, 4_096), (1 << 40, 4 << 20, 4_096),
    ] as [(Int64, Int, Int)])
  func geometry(_ cap: Int64, _ segmentByteCount: Int, _ segmentCount: Int) {
    let geometry = SpoolGeometry(capBytes: cap)
    #expect(geometry.segmentByteCount == segmentByteCount)
    #expect(geometry.segmentCount == segmentCount)
    #expect(geometry.segmentByteCount % SpoolLimits.pageByteCount == 0)
    // A batch of the largest size fits.
    #expect(
      geometry.segmentByteCount
        >= SpoolLimits.reservedPageCount * SpoolLimits.pageByteCount + SpoolLimits.batchBytesMax)
  }

  @Test("of an existing spool keeps its segments' size and takes none away")
  func existingGeometry() {
    let wanted = SpoolGeometry(capBytes: 256 << 20)
    for (size, count, expectedSize, expectedCount) in [
      (1 << 20, 64, 1 << 20, 256), (4 << 20, 300, 4 << 20, 300), (278_528, 16, 278_528, 963),
      // No spool's size: a file cut short while it was created.
      (0, 1, 4 << 20, 64), (4_096, 1, 4 << 20, 64), (278_529, 3, 4 << 20, 64),
      (8 << 20, 3, 4 << 20, 64),
    ] {
      let geometry = SpoolGeometry(
        existingSegmentByteCount: size, existingCount: count, wanted: wanted)
      #expect(geometry.segmentByteCount == expectedSize)
      #expect(geometry.segmentCount == expectedCount)
    }
  }

  @Test("leaves room in a batch for the largest device record, the largest frame and the notes")
  func limits() {
    let geometry = SpoolGeometry(
      segmentByteCount: SpoolLimits.segmentBytesMin, segmentCount: 16)
    var spool = emptySpool(geometry)
    let a = spool.device("0123456789abcdef")
    let login = [UInt8](repeating: 1, count: SpoolLimits.loginBytesMax)
    spool.setLogin(a, login.span)
    let frame = [UInt8](repeating: 2, count: SpoolLimits.payloadBytesMax)
    #expect(spool.append(a, frame.span, .unlimited, now: instant(0)) != .full)
    spool.commit()
    var again = recovered(spool.disk.afterPowerCut(.nothing))
    again.open(DeviceIndex(0))
    let swept = again.nextFrame()!
    let isWhole = again.withSwept(swept) { $0.count == SpoolLimits.payloadBytesMax }
    #expect(isWhole)
    let loginCount = again.login(ofSwept: swept).count
    #expect(loginCount == SpoolLimits.loginBytesMax)
  }
}
