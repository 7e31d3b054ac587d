// A literal is its address alone. The compiler puts a zero behind every literal, so that length and kind, which
// StaticString carries along, need not be written down at each of the thousand places that hand one over: a fiftieth of
// the binary. This file stands alone, because the fuzzer of captures is built with it.

/// Text that stands in the program and holds no zero.
@safe
public struct Literal: ExpressibleByStringLiteral, @unchecked Sendable {
  @usableFromInline
  let start: UnsafePointer<UInt8>

  // SAFETY: the bytes live for ever, and a zero ends them.
  @inlinable @inline(__always)
  public init(stringLiteral text: StaticString) { unsafe start = text.utf8Start }

  /// What a module names that knows of no text.
  @inlinable @inline(__always)
  public init(_ text: StaticString) { self.init(stringLiteral: text) }

  // SAFETY: the first byte is there, and be it the zero.
  public var isEmpty: Bool { unsafe start[0] == 0 }

  public var count: Int {
    var count = 0
    // SAFETY: no byte behind the zero is read.
    while unsafe start[count] != 0 { count += 1 }
    return count
  }

  /// Calls `body` with every byte.
  @inlinable
  public func forEachByte(_ body: (UInt8) -> Void) {
    var i = 0
    // SAFETY: no byte behind the zero is read.
    while unsafe start[i] != 0 {
      unsafe body(start[i])
      i += 1
    }
  }
}

extension Literal: CustomStringConvertible {
  // SAFETY: a zero ends the bytes.
  public var description: String { unsafe String(cString: start) }
}
