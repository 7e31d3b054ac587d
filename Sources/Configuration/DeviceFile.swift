// A file of devices: one name a line as the relay writes it; blank lines and # comments are passed over.

import Detect

/// Reads lists of devices.
public enum DeviceFile {
  /// Adds every device of a file to `names`.
  public static func read(
    _ bytes: [UInt8], name: [UInt8], into names: inout DeviceNames
  ) throws(ConfigurationError) {
    var lineNumber = 0
    for line in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
      lineNumber += 1
      var word = line.prefix { $0 != 0x23 }
      while let last = word.last, isBlank(last) { word.removeLast() }
      while let first = word.first, isBlank(first) { word.removeFirst() }
      if word.isEmpty { continue }
      let origin = Text(origin: name, TOMLPlace(line: lineNumber, column: 1)).bytes
      guard isName(word) else {
        throw ConfigurationError(
          origin, Text("expected one device in a line, 1 to 32 characters without blanks"))
      }
      guard names.insert(word) else {
        var words = Text("expected no more than ")
        words.append(DeviceNames.countMax)
        words.append(" devices")
        throw ConfigurationError(origin, words)
      }
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
