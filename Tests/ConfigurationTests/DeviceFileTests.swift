// Files of devices, line by line.

import Detect
import Testing

@testable import Configuration

@Suite("Files of devices")
struct DeviceFileTests {
  private func read(_ text: String) -> (count: Int, message: String) {
    var names = DeviceNames()
    do throws(ConfigurationError) {
      try DeviceFile.read(Array(text.utf8), name: Array("f".utf8), into: &names)
      return (names.count, "")
    } catch {
      return (names.count, String(decoding: error.message.bytes, as: UTF8.self))
    }
  }

  @Test(
    "One name a line, whatever stands around it",
    arguments: [
      ("", 0), ("\n\r\n \t\n", 0), ("# all\n", 0), ("1", 1), ("1\n", 1), ("1\r\n2\r\n", 2),
      (" 1 # van\n\t2\t#\n#3\n4", 3), ("1\n1\n01\n", 2),
    ])
  func names(_ text: String, _ count: Int) {
    let (read, message) = read(text)
    #expect(read == count)
    #expect(message == "")
  }

  @Test(
    "What is no name is told with its line",
    arguments: [("1 2", 1), ("1\n\n2\n3 4 # x\n", 4), ("#\n\u{1}", 2), ("é", 1)])
  func mistakes(_ text: String, _ line: Int) {
    #expect(
      read(text).message
        == "f:\(line):1: expected one device in a line, 1 to 32 characters without blanks")
  }

  @Test("There are no more than may be")
  func bounded() {
    let text = (0...DeviceNames.countMax).map { "\($0)\n" }.joined()
    let (count, message) = read(text)
    #expect(count == 65_536)
    #expect(message == "f:65537:1: expected no more than 65536 devices")
  }
}
