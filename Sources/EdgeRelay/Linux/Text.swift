// Text under construction, as bytes. Strings would bring Unicode tables into a static binary.

import CLinux

/// ASCII or UTF-8 text being built.
struct Text {
  private(set) var bytes: [UInt8] = []

  init() {}
  init(_ text: StaticString) { append(text) }
  init(hex bytes: Span<UInt8>) { append(hex: bytes) }

  var isEmpty: Bool { bytes.isEmpty }
  var count: Int { bytes.count }

  mutating func append(_ text: StaticString) {
    // SAFETY: a static string's bytes live for ever.
    text.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
  }

  mutating func append(_ text: Text) { bytes.append(contentsOf: text.bytes) }
  mutating func append(_ text: [UInt8]) { bytes.append(contentsOf: text) }
  mutating func append(byte: UInt8) { bytes.append(byte) }

  mutating func append(_ number: Int) { append(Int64(number)) }

  mutating func append(_ number: Int64) {
    if number < 0 { bytes.append(0x2D) }
    append(number.magnitude)
  }

  /// Appends a label and a number.
  mutating func append(_ label: StaticString, _ number: Int) {
    append(label)
    append(number)
  }

  /// Appends a label and a number.
  mutating func append(_ label: StaticString, _ number: UInt64) {
    append(label)
    append(number)
  }

  mutating func append(_ number: UInt64) {
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
      bytes.append(digits[count])
    }
  }

  /// Appends `number` right-aligned in `width` columns.
  mutating func append(_ number: UInt64, width: Int) {
    var text = Text()
    text.append(number)
    for _ in 0..<max(0, width - text.count) { bytes.append(0x20) }
    append(text)
  }

  /// Appends `number` with zeros before it, in `digits` digits at least.
  mutating func append(_ number: UInt64, digits: Int) {
    var text = Text()
    text.append(number)
    for _ in 0..<max(0, digits - text.count) { bytes.append(0x30) }
    append(text)
  }

  /// Appends `text` left-aligned in `width` columns.
  mutating func append(_ text: StaticString, width: Int) {
    append(text)
    for _ in 0..<max(0, width - text.utf8CodeUnitCount) { bytes.append(0x20) }
  }

  /// Appends milliseconds as seconds with one decimal.
  mutating func append(seconds milliseconds: Int64) {
    append(milliseconds / 1_000)
    bytes.append(0x2E)
    bytes.append(0x30 + UInt8(milliseconds / 100 % 10))
  }

  mutating func append(hex bytes: Span<UInt8>) {
    for i in 0..<bytes.count { append(hex: bytes[i]) }
  }

  mutating func append(hex byte: UInt8) {
    for nibble in [byte >> 4, byte & 0x0F] {
      bytes.append(nibble < 10 ? 0x30 + nibble : 0x61 + nibble - 10)
    }
  }

  /// Appends a terminated C string.
  @unsafe mutating func append(cString: UnsafePointer<CChar>) {
    var i = 0
    while unsafe cString[i] != 0 {
      unsafe bytes.append(UInt8(bitPattern: cString[i]))
      i += 1
    }
  }

  /// Writes everything to a descriptor, ignoring errors: there is nobody left to tell.
  func write(to descriptor: Int32) {
    var offset = 0
    while offset < bytes.count {
      // SAFETY: the pointer is used within the call only.
      let written = unsafe bytes.withUnsafeBytes {
        unsafe clinux_write(descriptor, $0.baseAddress! + offset, $0.count - offset)
      }
      if written <= 0 { return }
      offset += Int(written)
    }
  }

  func print() { write(to: 1) }
  func printError() { write(to: 2) }

  /// The bytes with a terminating zero, for C.
  var terminated: [UInt8] { bytes + [0] }
}
