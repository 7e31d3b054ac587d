// Text under construction, as bytes. Strings would bring Unicode tables into a static binary.
//
// What is called everywhere is never inlined: nowhere is there a hurry, and it would be a tenth of the
// binary.

import Detect

public typealias Literal = Detect.Literal

/// ASCII or UTF-8 text being built.
public struct Text: Sendable {
  public private(set) var bytes: [UInt8] = []

  public init() {}
  @inline(never)
  public init(_ text: Literal) { append(text) }
  public init(hex bytes: Span<UInt8>) { append(hex: bytes) }
  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  public var isEmpty: Bool { bytes.isEmpty }
  public var count: Int { bytes.count }

  @inline(never)
  public mutating func append(_ text: Literal) { text.forEachByte { append(byte: $0) } }

  @inline(never)
  public mutating func append(_ text: Text) { bytes.append(contentsOf: text.bytes) }
  @inline(never)
  public mutating func append(_ text: [UInt8]) { bytes.append(contentsOf: text) }
  @inline(never)
  public mutating func append(byte: UInt8) { bytes.append(byte) }

  @inline(never)
  public mutating func append(_ number: Int) { append(Int64(number)) }

  @inline(never)
  public mutating func append(_ number: Int64) {
    if number < 0 { append(byte: 0x2D) }
    append(number.magnitude)
  }

  /// Appends a label and a number.
  @inline(never)
  public mutating func append(_ label: Literal, _ number: Int) {
    append(label)
    append(number)
  }

  /// Appends a label and a number.
  @inline(never)
  public mutating func append(_ label: Literal, _ number: UInt64) {
    append(label)
    append(number)
  }

  @inline(never)
  public mutating func append(_ number: UInt64) {
    var digits = InlineArray<20, UInt8>(repeating: 0)
    var rest = number
    var count = 0
    repeat {
      digits[count] = 0x30 + UInt8(rest % 10)
      rest /= 10
      count += 1
    } while rest > 0
    while count > 0 {
      count -= 1
      append(byte: digits[count])
    }
  }

  /// Appends `number` right-aligned in `width` columns.
  public mutating func append(_ number: UInt64, width: Int) {
    var text = Text()
    text.append(number)
    for _ in 0..<max(0, width - text.count) { append(byte: 0x20) }
    append(text)
  }

  /// Appends `number` with zeros before it, in `digits` digits at least.
  @inline(never)
  public mutating func append(_ number: UInt64, digits: Int) {
    var text = Text()
    text.append(number)
    for _ in 0..<max(0, digits - text.count) { append(byte: 0x30) }
    append(text)
  }

  /// Appends `text` left-aligned in `width` columns.
  public mutating func append(_ text: Literal, width: Int) {
    append(text)
    for _ in 0..<max(0, width - text.count) { append(byte: 0x20) }
  }

  /// Appends milliseconds as seconds with one decimal.
  public mutating func append(seconds milliseconds: Int64) {
    append(milliseconds / 1_000)
    append(byte: 0x2E)
    append(byte: 0x30 + UInt8(milliseconds / 100 % 10))
  }

  @inline(never)
  public mutating func append(hex bytes: Span<UInt8>) {
    for i in 0..<bytes.count { append(hex: bytes[i]) }
  }

  @inline(never)
  public mutating func append(hex byte: UInt8) {
    for nibble in [byte >> 4, byte & 0x0F] {
      append(byte: nibble < 10 ? 0x30 + nibble : 0x61 + nibble - 10)
    }
  }

  /// Appends a terminated C string.
  @inline(never)
  @unsafe public mutating func append(cString: UnsafePointer<CChar>) {
    var i = 0
    while unsafe cString[i] != 0 {
      unsafe append(byte: UInt8(bitPattern: cString[i]))
      i += 1
    }
  }

  /// Appends `bytes` in quotes, as a file would have them.
  @inline(never)
  public mutating func append(quoted bytes: [UInt8]) {
    append(byte: 0x22)
    for byte in bytes {
      switch byte {
      case 0x22: append("\\\"")
      case 0x5C: append("\\\\")
      case 0x0A: append("\\n")
      case 0x09: append("\\t")
      default: append(byte: byte)
      }
    }
    append(byte: 0x22)
  }

  /// The bytes with a terminating zero, for C.
  public var terminated: [UInt8] { bytes + [0] }
}

extension [UInt8] {
  /// Whether these bytes spell `text`.
  @inline(never)
  public func spells(_ text: Literal) -> Bool {
    var position = 0
    var isEqual = true
    text.forEachByte { byte in
      if position >= count || self[position] != byte { isEqual = false }
      position += 1
    }
    return isEqual && position == count
  }

  /// What stands before, between and behind the bytes `mark`, empty parts included.
  @inline(never)
  public func parts(at mark: UInt8) -> [[UInt8]] {
    var parts: [[UInt8]] = []
    var part = Text()
    for byte in self {
      if byte == mark {
        parts.append(part.bytes)
        part = Text()
      } else {
        part.append(byte: byte)
      }
    }
    parts.append(part.bytes)
    return parts
  }

  /// The words between blanks.
  @inline(never)
  public var words: [[UInt8]] { parts(at: 0x20).filter { !$0.isEmpty } }
}
