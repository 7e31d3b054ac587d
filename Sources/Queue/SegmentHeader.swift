// Page 0 of a segment, little-endian:
//
//    0  magic          8   "ERSPOOL1"; the last character is the major version
//    8  incompatible   4   feature bits a reader must know
//   12  readOnly       4   feature bits a writer must know
//   16  compatible     4   feature bits anybody may ignore
//   20  class          1   0 main, 1 cold
//   21  zero           3
//   24  spool uuid    16
//   40  generation     8   grows by one at each use of any segment; bit 31 is set in a cold one
//   48  boot           4   number of the machine's boot it was created in
//   52  segment bytes  4
//   56  created        8   monotonic milliseconds of that boot
//   64  boot key       8   what tells one boot from another; zero is unknown
//   72  previous       4   generation of the segment that stands before it in the log, or zero
//   76  crc            4   CRC-32C of eight zero bytes and bytes 0 ..< 76
//
// A page whose magic begins with "ERSPOOL" but that has another version or an unknown incompatible
// bit is foreign: never read further and never written.
// Source: spool document, section 2.3; drawn in docs/SPOOL.md.

/// The first page of a segment.
struct SegmentHeader: Equatable {
  static let byteCount = 80
  static let magic: UInt64 = 0x314C_4F4F_5053_5245
  /// The magic without its last byte, the version.
  private static let magicStem: UInt64 = 0x004C_4F4F_5053_5245

  var uuidLow: UInt64
  var uuidHigh: UInt64
  var generation: UInt32
  var boot: UInt16
  var bootKey: UInt64
  var segmentByteCount: Int
  var createdMilliseconds: UInt64
  /// The newest segment with a durable batch when this one was begun.
  var previousGeneration: UInt32

  /// What page 0 of a segment turned out to be.
  enum Reading: Equatable {
    case header(SegmentHeader)
    /// Never written, torn while being written, or damaged: nothing in the segment can be trusted.
    case none
    /// Written by a version this one does not know.
    case foreign
  }

  func write(to buffer: PageBuffer, at offset: Int, _ crc: CRC32C) {
    buffer.zero(offset..<offset + SpoolLimits.pageByteCount)
    buffer.store(Self.magic, at: offset)
    buffer.store(UInt8(Generation.isCold(generation) ? 1 : 0), at: offset + 20)
    buffer.store(uuidLow, at: offset + 24)
    buffer.store(uuidHigh, at: offset + 32)
    buffer.store(UInt64(generation), at: offset + 40)
    buffer.store(UInt32(boot), at: offset + 48)
    buffer.store(UInt32(segmentByteCount), at: offset + 52)
    buffer.store(createdMilliseconds, at: offset + 56)
    buffer.store(bootKey, at: offset + 64)
    buffer.store(previousGeneration, at: offset + 72)
    buffer.store(crc.checksum(seed: 0, buffer, offset..<offset + 76), at: offset + 76)
  }

  static func read(_ buffer: PageBuffer, at offset: Int, _ crc: CRC32C) -> Reading {
    let magic = buffer.loadUInt64(at: offset)
    guard magic & 0x00FF_FFFF_FFFF_FFFF == magicStem else { return .none }
    let stored = buffer.loadUInt32(at: offset + 76)
    let isIntact = stored == crc.checksum(seed: 0, buffer, offset..<offset + 76)
    guard magic == Self.magic else { return .foreign }
    guard isIntact else { return .none }
    guard buffer.loadUInt32(at: offset + 8) == 0 else { return .foreign }
    let generation = buffer.loadUInt64(at: offset + 40)
    guard generation <= UInt64(UInt32.max),
      Generation.age(UInt32(generation)) < Generation.ageMax
    else { return .foreign }
    return .header(
      SegmentHeader(
        uuidLow: buffer.loadUInt64(at: offset + 24),
        uuidHigh: buffer.loadUInt64(at: offset + 32),
        generation: UInt32(generation),
        boot: UInt16(truncatingIfNeeded: buffer.loadUInt32(at: offset + 48)),
        bootKey: buffer.loadUInt64(at: offset + 64),
        segmentByteCount: Int(buffer.loadUInt32(at: offset + 52)),
        createdMilliseconds: buffer.loadUInt64(at: offset + 56),
        previousGeneration: buffer.loadUInt32(at: offset + 72)))
  }
}
