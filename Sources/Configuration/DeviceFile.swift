// A file of devices: one name a line as the relay writes it; blank lines and # comments are passed over.

import Detect

/// Reads lists of devices.
public enum DeviceFile {
  /// Adds every device of a file to `names`.
  public static func read(
    _ bytes: [UInt8], name: [UInt8], into names: inout DeviceNames
  ) throws(ConfigurationError) {
    var place = TOMLPlace(line: 1, column: 1)
    var start = 0
    while start < bytes.count {
      var end = start
      while end < bytes.count, bytes[end] != 0x0A, bytes[end] != 0x23 { end += 1 }
      let next = end
      while end > start, isBlank(bytes[end - 1]) { end -= 1 }
      while start < end, isBlank(bytes[start]) { start += 1 }
      if start < end {
        var words = Text("expected one device in a line, 1 to 32 characters without blanks")
        if isName(bytes[start..<end]) {
          words = Text("expected no more than 65536 devices")
          if names.insert(bytes[start..<end]) { words = Text() }
        }
        if !words.isEmpty { throw ConfigurationError(Text(origin: name, place).bytes, words) }
      }
      start = next
      while start < bytes.count, bytes[start] != 0x0A { start += 1 }
      start += 1
      place.line += 1
    }
  }

  static func isName(_ word: ArraySlice<UInt8>) -> Bool {
    !word.isEmpty && word.count <= DeviceNames.nameBytesMax
      && word.allSatisfy { $0 > 0x20 && $0 < 0x7F }
  }

  private static func isBlank(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x09 || byte == 0x0D
  }
}
