// Sets of devices against identities of every notation.

import Testing

@testable import Detect

@Suite("Names of devices")
struct DeviceNamesTests {
  private func identity(_ notation: DeviceIdentity.Notation, _ bytes: [UInt8]) -> DeviceIdentity? {
    DeviceIdentity(.gt06, notation, bytes.span, at: 0, count: bytes.count)
  }

  @Test("A device is found by the name that people write, and by no other")
  func found() throws {
    var names = DeviceNames()
    let imei = try #require(identity(.imei8, [0x03, 0x58, 0x91, 0x10, 0x20, 0x01, 0x23, 0x45]))
    let text = try #require(identity(.ascii, Array("AB12".utf8)))
    let number = try #require(identity(.bcd, [0x00, 0x01, 0x23]))
    let isIn = { (names: DeviceNames) in
      [imei, text, number].map { (identity: DeviceIdentity) in names.contains(identity) }
    }
    #expect(isIn(names) == [false, false, false])
    for (name, expected) in [
      ("358911020012345", [true, false, false]), ("35891102001234", [true, false, false]),
      ("AB12", [true, true, false]), ("AB12", [true, true, false]),
      ("123", [true, true, true]),
    ] {
      let isInserted = names.insert(Array(name.utf8)[...])
      #expect(isInserted)
      #expect(isIn(names) == expected)
    }
    #expect(names.count == 4)
  }

  @Test("As many as there may be are all found, and no more are taken")
  func many() throws {
    var names = DeviceNames()
    for i in 0..<DeviceNames.countMax { _ = names.insert(Array("\(100_000 + i)".utf8)[...]) }
    #expect(names.count == DeviceNames.countMax)
    let isInserted = names.insert(Array("x".utf8)[...])
    #expect(!isInserted)
    for i in stride(from: 0, to: DeviceNames.countMax + 100, by: 7) {
      let device = try #require(identity(.ascii, Array("\(100_000 + i)".utf8)))
      #expect(names.contains(device) == (i < DeviceNames.countMax))
    }
  }
}
