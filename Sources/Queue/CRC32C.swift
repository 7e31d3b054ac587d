// CRC-32C (Castagnoli): polynomial 0x1EDC6F41 reflected (0x82F63B78), start and final xor FFFFFFFF;
// "123456789" gives E3069283. By the processor's instructions where it has them. Elsewhere eight bytes a
// step from eight tables of 1 KiB each, which are read without a check of the index: every index is
// a table's start plus one byte.

import CChecksum

/// The checksum of everything in the spool and beside it.
public struct CRC32C: Sendable {
  static let tableCount = 8
  /// `nil` where the processor does without.
  private let tables: PageBuffer?

  public init() {
    self.init(usesInstructions: cchecksum_is_available() != 0)
  }

  /// With instructions only where the processor has them.
  init(usesInstructions: Bool) {
    tables = usesInstructions ? nil : Self.makeTables()
  }

  private static func makeTables() -> PageBuffer {
    let tables = PageBuffer(byteCount: tableCount * 1_024)
    for i in 0..<256 {
      var register = UInt32(i)
      for _ in 0..<8 { register = register & 1 == 1 ? register >> 1 ^ 0x82F6_3B78 : register >> 1 }
      tables.store(register, at: i * 4)
    }
    for i in 256..<tableCount * 256 {
      let before = tables.loadUInt32(at: (i - 256) * 4)
      tables.store(before >> 8 ^ tables.loadUInt32(at: Int(before & 0xFF) * 4), at: i * 4)
    }
    return tables
  }

  /// The checksum of `buffer[range]`, preceded by the eight bytes of `seed`, little-endian.
  @inline(never)
  public func checksum(seed: UInt64, _ buffer: PageBuffer, _ range: Range<Int>) -> UInt32 {
    finish(update(start(seed), buffer, range))
  }

  /// The register after the eight bytes of `seed`.
  func start(_ seed: UInt64) -> UInt32 {
    guard let tables else {
      return unsafe withUnsafeBytes(of: seed.littleEndian) {
        unsafe cchecksum_fold(0xFFFF_FFFF, $0.baseAddress, 8)
      }
    }
    let low = Self.step(0xFFFF_FFFF, UInt32(truncatingIfNeeded: seed), tables)
    return Self.step(low, UInt32(truncatingIfNeeded: seed >> 32), tables)
  }

  func update(_ register: UInt32, _ buffer: PageBuffer, _ range: Range<Int>) -> UInt32 {
    guard let tables else {
      return unsafe buffer.withMemory(range) {
        unsafe cchecksum_fold(register, $0.baseAddress, $0.count)
      }
    }
    let pairCount = range.count / 8
    var register = buffer.foldWordPairs(register, at: range.lowerBound, pairCount, tables)
    var offset = range.lowerBound + pairCount * 8
    if offset + 4 <= range.upperBound {
      register = Self.step(register, buffer.loadUInt32(at: offset), tables)
      offset += 4
    }
    while offset < range.upperBound {
      let index = Int((register ^ UInt32(buffer.loadUInt8(at: offset))) & 0xFF)
      register = register >> 8 ^ tables.loadUInt32(at: index * 4)
      offset += 1
    }
    return register
  }

  func finish(_ register: UInt32) -> UInt32 { register ^ 0xFFFF_FFFF }

  @inline(never)
  private static func step(_ register: UInt32, _ word: UInt32, _ tables: PageBuffer) -> UInt32 {
    let mixed = register ^ word
    return entry(3, mixed, tables) ^ entry(2, mixed >> 8, tables) ^ entry(1, mixed >> 16, tables)
      ^ entry(0, mixed >> 24, tables)
  }

  private static func entry(_ table: Int, _ byte: UInt32, _ tables: PageBuffer) -> UInt32 {
    tables.loadUInt32(at: table * 1_024 + Int(byte & 0xFF) * 4)
  }
}
