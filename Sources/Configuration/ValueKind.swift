// What a key may be set to: how it is read, what is said when it cannot be, and how it is written.
//
// In a file, numbers and truth values are written without quotes and everything else in quotes, in
// brackets when it is a list; in the environment and on the command line everything is plain text, and
// blanks stand between the items of a list.

import Detect

/// A value that a key was given.
public struct SettingValue: Equatable, Sendable {
  /// As a file would have it, without quotes, and always alike for values that mean the same.
  public var text: [UInt8]
  /// A count, a size in bytes, 1 for true, or the place of a word among those allowed.
  public var number: Int64 = 0
}

/// A kind of value.
public enum ValueKind: Sendable {
  /// Where devices connect: a literal address with a port.
  case listenAddress
  /// A name or an address with a port.
  case remoteAddress
  case path
  /// Bytes.
  case size(min: Int64, max: Int64)
  case count(min: Int64, max: Int64)
  case boolean
  /// One of the words, which stand between blanks.
  case word(Literal)
  /// Addresses, or networks with the count of their leading bits.
  case networks
  /// Devices by the names that people write.
  case deviceNames

  /// How a file has values of this kind.
  var form: TOMLValue.Form {
    switch self {
    case .count: .integer
    case .boolean: .boolean
    case .networks, .deviceNames: .list
    case .listenAddress, .remoteAddress, .path, .size, .word: .string
    }
  }

  /// Reads plain text; `nil` when it is not of this kind.
  public func read(_ text: [UInt8]) -> SettingValue? {
    switch self {
    case .listenAddress, .remoteAddress:
      guard let endpoint = HostAndPort(text) else { return nil }
      if case .remoteAddress = self, endpoint.port == 0 { return nil }
      var canonical = Text()
      endpoint.write(to: &canonical)
      return SettingValue(text: canonical.bytes)
    case .path:
      let isPath = !text.isEmpty && text.count <= ConfigurationLimits.pathBytesMax
      return isPath && !text.contains { $0 < 0x20 || $0 == 0x7F } ? SettingValue(text: text) : nil
    case .size(let min, let max):
      guard let size = Self.byteCount(text), size >= min, size <= max else { return nil }
      var canonical = Text()
      Self.write(byteCount: size, to: &canonical)
      return SettingValue(text: canonical.bytes, number: size)
    case .count(let min, let max):
      guard let count = HostAndPort.number(text[...], max: max), count >= min else { return nil }
      var canonical = Text()
      canonical.append(count)
      return SettingValue(text: canonical.bytes, number: count)
    case .boolean:
      let isTrue = text.spells("true")
      return isTrue || text.spells("false") ? SettingValue(text: text, number: isTrue ? 1 : 0) : nil
    case .word(let words):
      let words = Text(words).bytes.words
      guard let place = words.firstIndex(where: { $0 == text }) else { return nil }
      return SettingValue(text: text, number: Int64(place))
    case .networks, .deviceNames:
      let items = text.words
      guard items.count <= ConfigurationLimits.listCountMax else { return nil }
      var canonical = Text()
      for item in items {
        let isGood: Bool
        if case .networks = self {
          isGood = NetworkText(item[...]) != nil
        } else {
          isGood = DeviceFile.isName(item[...])
        }
        guard isGood else { return nil }
        if !canonical.isEmpty { canonical.append(byte: 0x20) }
        canonical.append(item)
      }
      return SettingValue(text: canonical.bytes)
    }
  }

  /// Writes what is expected, for a person who wrote something else.
  @inline(never)
  public func writeExpectation(to text: inout Text) {
    switch self {
    case .listenAddress:
      text.append("\"ADDRESS:PORT\", such as \"0.0.0.0:8888\" or \"[::]:8888\"")
    case .remoteAddress: text.append("\"HOST:PORT\", such as \"d.example.com:8888\"")
    case .path: text.append("a path, such as \"/var/lib/edgerelay\"")
    case .size(let min, let max):
      text.append("a size from \"")
      Self.write(byteCount: min, to: &text)
      text.append("\" to \"")
      Self.write(byteCount: max, to: &text)
      text.append("\"")
    case .count(let min, let max):
      text.append("a whole number from ")
      text.append(min)
      text.append(" to ")
      text.append(max)
    case .boolean: text.append("true or false")
    case .word(let words):
      let words = Text(words).bytes.words
      for (i, word) in words.enumerated() {
        if i > 0 { text.append(i == words.count - 1 ? " or " : ", ") }
        text.append(quoted: word)
      }
    case .networks:
      text.append("a list of networks, such as [\"10.0.0.0/8\", \"2001:db8::/32\"]")
    case .deviceNames:
      text.append("a list of devices, such as [\"358911020012345\"]; longer ones belong in a file")
    }
  }

  /// Writes a value of this kind as it would stand in a file.
  @inline(never)
  func write(_ value: [UInt8], to text: inout Text) {
    switch form {
    case .string: text.append(quoted: value)
    case .integer, .boolean: text.append(value)
    case .list:
      text.append("[")
      for (i, item) in value.words.enumerated() {
        if i > 0 { text.append(", ") }
        text.append(quoted: item)
      }
      text.append("]")
    }
  }

  // MARK: Sizes

  /// A number of bytes: digits with an optional K, M or G (powers of 1024), or KiB, MiB, GiB.
  private static func byteCount(_ text: [UInt8]) -> Int64? {
    var digits = text[...]
    if digits.last == 0x42, digits.dropLast().last == 0x69 {
      digits = digits.dropLast(2)
      guard let unit = digits.last, unit > 0x39 else { return nil }
    }
    var unit: Int64 = 1
    switch digits.last {
    case 0x4B, 0x6B: unit = 1 << 10
    case 0x4D, 0x6D: unit = 1 << 20
    case 0x47, 0x67: unit = 1 << 30
    default: break
    }
    if unit > 1 { digits = digits[..<(digits.endIndex - 1)] }
    guard let number = HostAndPort.number(digits, max: Int64(1) << 42) else { return nil }
    let (product, overflow) = number.multipliedReportingOverflow(by: unit)
    return overflow ? nil : product
  }

  private static func write(byteCount: Int64, to text: inout Text) {
    var number = byteCount
    var unit = 0
    while unit < 3, number > 0, number % 1_024 == 0 {
      number /= 1_024
      unit += 1
    }
    text.append(number)
    switch unit {
    case 1: text.append("KiB")
    case 2: text.append("MiB")
    case 3: text.append("GiB")
    default: break
    }
  }
}
