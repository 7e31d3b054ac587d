// CRC-16/X-25: polynomial 0x1021 reflected (0x8408), start FFFF, final xor FFFF, input and output
// reflected; "123456789" gives 906E. GT06 stores it big-endian over length .. serial number.
//
// Without a table, up to eight bytes a step. The register shifts right; a bit that leaves it comes back
// at bits 15, 10 and 3, which leave 16, 11 and 4 steps later. So the bits that leave, with the first one
// lowest, are q = w / (1 + z^4 + z^11 + z^16) over GF(2), w being register and input. The inverse of that
// is its 15th power below z^64, which is the product of its powers 1, 2, 4 and 8; squaring only doubles
// the exponents. What the last 16 bits of q put back is the new register.

/// The checksum of GT06 frames.
public enum CRCX25 {
  /// The checksum of `bytes[range]`.
  public static func checksum(_ bytes: Span<UInt8>, _ range: Range<Int>) -> UInt16 {
    var register: UInt16 = 0xFFFF
    var offset = range.lowerBound
    while offset + 8 <= range.upperBound {
      register = fold(register, bytes.le64(at: offset), byteCount: 8)
      offset += 8
    }
    let restCount = range.upperBound - offset
    if restCount > 0 {
      var word: UInt64 = 0
      if range.count >= 8 {
        let unused = UInt64(64 - 8 * restCount)
        word = (bytes.le64(at: range.upperBound - 8) >> unused) << unused
      } else {
        for i in offset..<range.upperBound { word = word >> 8 | UInt64(bytes[i]) << 56 }
      }
      register = fold(register, word, byteCount: restCount)
    }
    return register ^ 0xFFFF
  }

  /// The register after the upper `byteCount` bytes of `word`, 1 to 8, the lowest first; those below are zero.
  @inline(__always)
  private static func fold(_ register: UInt16, _ word: UInt64, byteCount: Int) -> UInt16 {
    var q = word ^ UInt64(register) << UInt64(64 - 8 * byteCount)
    q ^= q << 4 ^ q << 11 ^ q << 16
    q ^= q << 8 ^ q << 22 ^ q << 32
    q ^= q << 16 ^ q << 44
    q ^= q << 32
    // What a single byte leaves in the register has not been looked at.
    let rest = byteCount == 1 ? register >> 8 : 0
    return UInt16(truncatingIfNeeded: q >> 48 ^ q >> 53 ^ q >> 60) ^ rest
  }
}
