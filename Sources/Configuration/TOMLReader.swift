// The bytes of a file as tables and keys, one at a time.
//
// Invariant: 0 <= offset <= bytes.count, lineStart <= offset; each call of `next` moves `offset` on
// or returns `nil`. Source: TOML 1.0.0.

import Detect

/// What a line holds.
enum TOMLItem {
  case table(TOMLTable)
  case entry(TOMLEntry)
}

/// Reads one file from its start to its end.
struct TOMLReader {
  private let bytes: [UInt8]
  private var offset = 0
  private var line = 1
  private var lineStart = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// Makes sure that the file is UTF-8 without control characters but tabs and line ends.
  func requireText() throws(TOMLError) {
    var place = self
    while place.offset < bytes.count {
      let byte = bytes[place.offset]
      if byte == 0x0A || byte == 0x0D && place.peek(1) == 0x0A {
        place.takeLineEnd()
        continue
      }
      if byte < 0x20 && byte != 0x09 || byte == 0x7F {
        throw place.expected("text; this is a control character")
      }
      let length = place.characterLength
      guard length > 0 else { throw place.expected("UTF-8 text; this byte is not") }
      if length == 3, place.offset == 0, byte == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF {
        throw place.expected("a file without a byte order mark")
      }
      place.offset += length
    }
  }

  /// The next table or key, `nil` at the end.
  mutating func next() throws(TOMLError) -> TOMLItem? {
    while true {
      skipBlanks()
      guard let byte = peek(0) else { return nil }
      if byte == 0x23 || byte == 0x0A || byte == 0x0D {
        try finishLine()
        continue
      }
      if byte == 0x5B {
        let table = try takeTable()
        try finishLine()
        return .table(table)
      }
      guard Self.isBare(byte) else { throw expected("a key, a [table] or a # comment") }
      let entry = try takeEntry()
      try finishLine()
      return .entry(entry)
    }
  }

  // MARK: Lines

  private mutating func takeTable() throws(TOMLError) -> TOMLTable {
    let place = place
    offset += 1
    if peek(0) == 0x5B { throw expected("one bracket, as in [listener.NAME]") }
    let first = try takeName()
    var second: [UInt8]?
    if peek(0) == 0x2E {
      offset += 1
      second = try takeName()
    }
    guard peek(0) == 0x5D else {
      throw second == nil ? expected("] or . behind the name") : expected("] behind the name")
    }
    offset += 1
    return TOMLTable(first: first, second: second, place: place, entries: [])
  }

  private mutating func takeName() throws(TOMLError) -> [UInt8] {
    if peek(0) == 0x22 { return try takeString() }
    let name = takeBare()
    if name.isEmpty { throw expected("a name of letters, digits, - and _, or one in quotes") }
    return name
  }

  private mutating func takeEntry() throws(TOMLError) -> TOMLEntry {
    let keyPlace = place
    let key = takeBare()
    skipBlanks()
    guard peek(0) == 0x3D else { throw expected("= behind the key") }
    offset += 1
    skipBlanks()
    let valuePlace = place
    let value = try takeValue()
    return TOMLEntry(key: key, keyPlace: keyPlace, value: value, valuePlace: valuePlace)
  }

  /// Takes blanks, a comment, and the end of the line or the file.
  @inline(never)
  private mutating func finishLine() throws(TOMLError) {
    skipBlanks()
    if peek(0) == 0x23 {
      while let byte = peek(0), byte != 0x0A, byte != 0x0D { offset += 1 }
    }
    guard peek(0) != nil else { return }
    guard peek(0) == 0x0A || peek(0) == 0x0D else { throw expected("the end of the line") }
    takeLineEnd()
  }

  private mutating func takeLineEnd() {
    offset += peek(0) == 0x0D ? 2 : 1
    line += 1
    lineStart = offset
  }

  // MARK: Values

  private mutating func takeValue() throws(TOMLError) -> TOMLValue {
    switch peek(0) {
    case 0x22: return TOMLValue(form: .string, text: try takeString())
    case 0x5B: return TOMLValue(form: .list, text: try takeList())
    case 0x2D, .some(0x30...0x39): return TOMLValue(form: .integer, text: try takeInteger())
    case 0x27: throw expected("a string in double quotes")
    default:
      let start = self
      let word = takeBare()
      guard isValueEnd, word.spells("true") || word.spells("false") else {
        throw start.expected("a \"string\", a whole number, true, false or [\"a\", \"list\"]")
      }
      return TOMLValue(form: .boolean, text: word)
    }
  }

  private mutating func takeString() throws(TOMLError) -> [UInt8] {
    if peek(1) == 0x22, peek(2) == 0x22 { throw expected("a string in one line") }
    offset += 1
    var string = Text()
    while let byte = peek(0), byte != 0x0A, byte != 0x0D {
      offset += 1
      if byte == 0x22 { return string.bytes }
      if byte != 0x5C {
        string.append(byte: byte)
        continue
      }
      switch peek(0) {
      case 0x22: string.append(byte: 0x22)
      case 0x5C: string.append(byte: 0x5C)
      case 0x6E: string.append(byte: 0x0A)
      case 0x74: string.append(byte: 0x09)
      default: throw expected("\", \\, n or t behind the backslash")
      }
      offset += 1
    }
    throw expected("\" at the end of the string")
  }

  private mutating func takeList() throws(TOMLError) -> [UInt8] {
    offset += 1
    var text: [UInt8] = []
    while true {
      skipBlanks()
      if peek(0) == 0x5D { break }
      guard peek(0) == 0x22 else { throw expected("a \"string\" or ]") }
      let start = self
      let string = try takeString()
      if string.isEmpty || string.contains(where: { $0 <= 0x20 }) {
        throw start.expected("a \"string\" without blanks")
      }
      if !text.isEmpty { text.append(0x20) }
      text += string
      skipBlanks()
      if peek(0) == 0x5D { break }
      guard peek(0) == 0x2C else { throw expected(", or ] in the same line") }
      offset += 1
    }
    offset += 1
    return text
  }

  /// Takes digits, perhaps with a sign, that are a number of 64 bits.
  private mutating func takeInteger() throws(TOMLError) -> [UInt8] {
    let start = self
    let isNegative = peek(0) == 0x2D
    if isNegative { offset += 1 }
    let max = UInt64(Int64.max) + (isNegative ? 1 : 0)
    var magnitude: UInt64 = 0
    var digitCount = 0
    while let byte = peek(0), byte >= 0x30, byte <= 0x39 {
      let (product, overflows) = magnitude.multipliedReportingOverflow(by: 10)
      let (sum, overflowsToo) = product.addingReportingOverflow(UInt64(byte - 0x30))
      if overflows || overflowsToo || sum > max { throw start.expected("a number of 64 bits") }
      magnitude = sum
      digitCount += 1
      offset += 1
    }
    let hasLeadingZero = digitCount > 1 && start.peek(isNegative ? 1 : 0) == 0x30
    guard digitCount > 0, !hasLeadingZero, isValueEnd else {
      throw start.expected("a whole number such as 30, or a \"string\"")
    }
    return Array(bytes[start.offset..<offset])
  }

  /// Whether a value may end here.
  private var isValueEnd: Bool {
    switch peek(0) {
    case nil, 0x09, 0x0A, 0x0D, 0x20, 0x23: true
    default: false
    }
  }

  // MARK: Characters

  private var place: TOMLPlace {
    var column = 1
    for i in lineStart..<offset where bytes[i] & 0xC0 != 0x80 { column += 1 }
    return TOMLPlace(line: line, column: column)
  }

  private func expected(_ words: Literal) -> TOMLError {
    var message = Text("expected ")
    message.append(words)
    return TOMLError(place: place, message: message)
  }

  @inline(never)
  private func peek(_ distance: Int) -> UInt8? {
    offset + distance < bytes.count ? bytes[offset + distance] : nil
  }

  @inline(never)
  private mutating func skipBlanks() {
    while let byte = peek(0), byte == 0x20 || byte == 0x09 { offset += 1 }
  }

  @inline(never)
  private mutating func takeBare() -> [UInt8] {
    let start = offset
    while let byte = peek(0), Self.isBare(byte) { offset += 1 }
    return Array(bytes[start..<offset])
  }

  /// Whether a name without quotes may hold this.
  static func isBare(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F: true
    default: false
    }
  }

  /// The bytes of the character here, 0 when it is not UTF-8: neither overlong, nor half a
  /// surrogate pair, nor beyond U+10FFFF.
  private var characterLength: Int {
    guard let first = peek(0) else { return 0 }
    if first < 0x80 { return 1 }
    let length: Int
    let second: ClosedRange<UInt8>
    switch first {
    case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
    case 0xE0: (length, second) = (3, 0xA0...0xBF)
    case 0xED: (length, second) = (3, 0x80...0x9F)
    case 0xE1...0xEF: (length, second) = (3, 0x80...0xBF)
    case 0xF0: (length, second) = (4, 0x90...0xBF)
    case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
    case 0xF4: (length, second) = (4, 0x80...0x8F)
    default: return 0
    }
    for i in 1..<length {
      guard let byte = peek(i), i == 1 ? second.contains(byte) : byte & 0xC0 == 0x80 else {
        return 0
      }
    }
    return length
  }
}
