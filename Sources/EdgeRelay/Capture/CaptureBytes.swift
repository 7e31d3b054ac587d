// Numbers in capture files and packets. Every caller has checked the length.
//
// Nothing here is an `Int` before its size is known: on a 32-bit machine a hostile length would trap.

/// Which byte of a number is written first.
enum ByteOrder {
  case big, little
}

extension Span where Element == UInt8 {
  @inline(never)
  func uint16(at offset: Int, _ order: ByteOrder = .big) -> UInt16 {
    let (first, second) = (UInt16(self[offset]), UInt16(self[offset + 1]))
    return switch order {
    case .big: first << 8 | second
    case .little: second << 8 | first
    }
  }

  @inline(never)
  func uint32(at offset: Int, _ order: ByteOrder = .big) -> UInt32 {
    let first = UInt32(uint16(at: offset, order))
    let second = UInt32(uint16(at: offset + 2, order))
    return switch order {
    case .big: first << 16 | second
    case .little: second << 16 | first
    }
  }

  /// Eight bytes, the first one highest.
  func uint64(at offset: Int) -> UInt64 {
    UInt64(uint32(at: offset)) << 32 | UInt64(uint32(at: offset + 4))
  }
}
