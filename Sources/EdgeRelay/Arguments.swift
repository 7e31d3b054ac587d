// The command line as words, read from left to right.
//
// Options are `--name VALUE` or `--name=VALUE`. Every mistake names the word it is about.

/// A mistake in the command line, in words for the person who typed it.
struct UsageError: Error {
  var message: Text

  init(_ parts: StaticString, _ word: [UInt8] = [], _ rest: StaticString = "") {
    message = Text(parts)
    message.append(word)
    message.append(rest)
  }
}

/// The words that are left.
struct Arguments {
  private var words: [[UInt8]]
  private var next = 0
  /// The value behind `=` of the option that was taken last.
  private var inlineValue: [UInt8]?

  init(_ words: [[UInt8]]) { self.words = words }

  var isEmpty: Bool { next == words.count }

  /// The next word: an option without its `=VALUE`, or an operand.
  mutating func take() -> [UInt8]? {
    guard next < words.count else { return nil }
    let word = words[next]
    next += 1
    inlineValue = nil
    if word.count > 2, word[0] == 0x2D, word[1] == 0x2D, let equals = word.firstIndex(of: 0x3D) {
      inlineValue = Array(word[(equals + 1)...])
      return Array(word[..<equals])
    }
    return word
  }

  /// The value of the option `name`, which was taken last.
  mutating func value(of name: [UInt8]) throws(UsageError) -> [UInt8] {
    if let value = inlineValue {
      inlineValue = nil
      return value
    }
    guard next < words.count else { throw UsageError("", name, " needs a value") }
    let value = words[next]
    next += 1
    return value
  }

  /// Makes sure that the option taken last was given no value.
  func requireNoValue(of name: [UInt8]) throws(UsageError) {
    if inlineValue != nil { throw UsageError("", name, " takes no value") }
  }
}

/// Values that several commands read alike.
enum ArgumentValue {
  /// A number of bytes: digits with an optional K, M or G (powers of 1024).
  static func byteCount(_ text: [UInt8]) -> Int64? {
    var digits = text[...]
    var unit: Int64 = 1
    switch digits.last {
    case 0x4B, 0x6B: unit = 1 << 10
    case 0x4D, 0x6D: unit = 1 << 20
    case 0x47, 0x67: unit = 1 << 30
    default: break
    }
    if unit > 1 { digits.removeLast() }
    guard let number = HostAndPort.number(digits, max: Int64(1) << 42) else { return nil }
    let (product, overflow) = number.multipliedReportingOverflow(by: unit)
    return overflow ? nil : product
  }

  static func number(_ text: [UInt8], max: Int64) -> Int64? {
    HostAndPort.number(text[...], max: max)
  }
}
