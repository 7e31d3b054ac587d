// The command line as words, read from left to right.
//
// Options are `--name VALUE` or `--name=VALUE`. Every mistake names the word it is about.

import Configuration

/// A mistake in the command line, in words for the person who typed it.
struct UsageError: Error {
  var message: Text

  @inline(never)
  init(_ parts: Literal, _ word: [UInt8] = [], _ rest: Literal = "") {
    message = Text(parts)
    message.append(word)
    message.append(rest)
  }

  /// What is wrong with the value of `option`.
  @inline(never)
  init(option: [UInt8], _ words: Text) {
    self.init("", option, ": ")
    message.append(words)
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
  @inline(never)
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
  @inline(never)
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
  @inline(never)
  func requireNoValue(of name: [UInt8]) throws(UsageError) {
    if inlineValue != nil { throw UsageError("", name, " takes no value") }
  }
}

extension [UInt8] {
  /// Whether this word of the command line asks for help.
  @inline(never)
  var asksForHelp: Bool { spells("--help") || spells("-h") }
}

/// Values that several commands read alike.
enum ArgumentValue {
  @inline(never)
  static func number(_ text: [UInt8], max: Int64) -> Int64? {
    HostAndPort.number(text[...], max: max)
  }
}
