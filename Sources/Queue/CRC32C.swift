// CRC-32C (Castagnoli): polynomial 0x1EDC6F41 reflected (0x82F63B78), start and final xor FFFFFFFF;
// "123456789" gives E3069283. Four bytes a step from four tables of 1 KiB each.

/// The checksum of everything in the spool.
struct CRC32C {
  private let table: [UInt32]

  init() {
    var table = [UInt32](repeating: 0, count: 1_024)
    for i in 0..<256 {
      var register = UInt32(i)
      for _ in 0..<8 { register = register & 1 == 1 ? register >> 1 ^ 0x82F6_3B78 : register >> 1 }
      table[i] = register
    }
    for i in 256..<1_024 {
      table[i] = table[i - 256] >> 8 ^ table[Int(table[i - 256] & 0xFF)]
    }
    self.table = table
  }

  /// The checksum of `buffer[range]`, preceded by the eight bytes of `seed`, little-endian.
  func checksum(seed: UInt64, _ buffer: PageBuffer, _ range: Range<Int>) -> UInt32 {
    finish(update(start(seed), buffer, range))
  }

  /// The register after the eight bytes of `seed`.
  func start(_ seed: UInt64) -> UInt32 {
    let low = step(0xFFFF_FFFF, UInt32(truncatingIfNeeded: seed))
    return step(low, UInt32(truncatingIfNeeded: seed >> 32))
  }

  func update(_ register: UInt32, _ buffer: PageBuffer, _ range: Range<Int>) -> UInt32 {
    var register = register
    var offset = range.lowerBound
    while offset + 4 <= range.upperBound {
      register = step(register, buffer.loadUInt32(at: offset))
      offset += 4
    }
    while offset < range.upperBound {
      let index = Int((register ^ UInt32(buffer.loadUInt8(at: offset))) & 0xFF)
      register = register >> 8 ^ table[index]
      offset += 1
    }
    return register
  }

  func finish(_ register: UInt32) -> UInt32 { register ^ 0xFFFF_FFFF }

  private func step(_ register: UInt32, _ word: UInt32) -> UInt32 {
    let mixed = register ^ word
    return table[768 + Int(mixed & 0xFF)] ^ table[512 + Int(mixed >> 8 & 0xFF)]
      ^ table[256 + Int(mixed >> 16 & 0xFF)] ^ table[Int(mixed >> 24)]
  }
}
