// The device table against a plain list.

import Testing

@testable import Queue

@Suite("The device table")
struct DeviceTableTests {
  @Test("finds every device by name and by number")
  func find() {
    var table = DeviceTable(capacity: 100, secret: 1)
    for i in 0..<100 {
      let device = table.add(deviceKey("N\(i)"))
      #expect(device == DeviceIndex(i))
      #expect(table[DeviceIndex(i)].number == UInt32(i))
    }
    for i in 0..<100 {
      #expect(table.find(deviceKey("N\(i)")) == DeviceIndex(i))
      #expect(table.find(number: UInt32(i)) == DeviceIndex(i))
    }
    #expect(table.find(deviceKey("other")) == nil)
    #expect(table.find(number: 100) == nil)
    #expect(table.find(number: 0x1_0005) == nil)
  }

  @Test("tells names apart by family, form and length too")
  func names() {
    var table = DeviceTable(capacity: 16, secret: 1)
    var keys: [DeviceKey] = []
    for family in UInt8(1)...2 {
      for form in UInt8(1)...2 {
        for bytes in [[0], [0, 0], [1]] as [[UInt8]] {
          var key = DeviceKey(family: family, form: form)
          for byte in bytes { key.append(byte) }
          keys.append(key)
          #expect(table.add(key) != nil)
        }
      }
    }
    for (i, key) in keys.enumerated() { #expect(table.find(key) == DeviceIndex(i)) }
  }

  @Test("gives the slot of a settled device to a new one, under a number never used")
  func reuse() {
    var table = DeviceTable(capacity: 2, secret: 1)
    let a = table.add(deviceKey("A"))!
    let b = table.add(deviceKey("B"))!
    table[a].last = SequenceNumber(7)
    table[a].sent = SequenceNumber(7)
    table[a].acknowledged = SequenceNumber(7)
    table[b].isHeld = true
    let c = table.add(deviceKey("C"))!
    #expect(c == a)
    #expect(table[c].number == 0x1_0000)
    #expect(table[c].last == SequenceNumber(7))
    #expect(!table[c].hasUndelivered)
    #expect(table.find(deviceKey("A")) == nil)
    #expect(table.find(number: 0) == nil)
    #expect(table.find(deviceKey("C")) == c)
  }

  @Test("keeps the slot of a device that still matters", arguments: 0..<4)
  func keeps(_ reason: Int) {
    var table = DeviceTable(capacity: 1, secret: 1)
    let a = table.add(deviceKey("A"))!
    switch reason {
    case 0: table[a].isHeld = true
    case 1: table[a].last = SequenceNumber(1)
    case 2: table[a].isAcknowledgementDirty = true
    default: table[a].isDropDirty = true
    }
    #expect(table.add(deviceKey("B")) == nil)
    #expect(table.find(deviceKey("A")) == a)
  }

  @Test("restores the numbers of the disk and gives out none of them again")
  func restore() {
    var table = DeviceTable(capacity: 4, secret: 1)
    #expect(table.restore(number: 2, deviceKey("A")) == DeviceIndex(2))
    #expect(table.restore(number: 2, deviceKey("A")) == DeviceIndex(2))
    // The slot's next device, and then a record of the older one that is still on the disk.
    #expect(table.restore(number: 0x3_0002, deviceKey("B")) == DeviceIndex(2))
    #expect(table.restore(number: 2, deviceKey("A")) == nil)
    #expect(table.find(deviceKey("A")) == nil)
    #expect(table.find(deviceKey("B")) == DeviceIndex(2))
    table.reserve(number: 0x5_0001)
    var numbers: [UInt32] = []
    for name in ["C", "D", "E"] {
      numbers.append(table[table.add(deviceKey(name))!].number)
    }
    #expect(numbers.sorted() == [3, 0x1_0000, 0x6_0001])
  }

  @Test("grows for numbers beyond its capacity, and still finds everything")
  func grows() {
    var table = DeviceTable(capacity: 1, secret: 1)
    for i in 0..<1_000 {
      #expect(table.restore(number: UInt32(i), deviceKey("N\(i)")) == DeviceIndex(i))
    }
    for i in 0..<1_000 { #expect(table.find(deviceKey("N\(i)")) == DeviceIndex(i)) }
  }

  @Test("keeps a name at its newest number when it grows")
  func growsWithTwoNumbers() {
    var table = DeviceTable(capacity: 1, secret: 1)
    #expect(table.restore(number: 0, deviceKey("A")) == DeviceIndex(0))
    #expect(table.restore(number: 1, deviceKey("A")) == DeviceIndex(1))
    for i in 2..<100 { _ = table.restore(number: UInt32(i), deviceKey("N\(i)")) }
    #expect(table.find(deviceKey("A")) == DeviceIndex(1))
    #expect(table.find(number: 0) == DeviceIndex(0))
  }

  @Test("agrees with a plain list in a random run", arguments: 1...4 as ClosedRange<UInt64>)
  func random(_ seed: UInt64) {
    var random = RandomNumbers(seed: seed)
    let capacity = 40
    var table = DeviceTable(capacity: capacity, secret: random.next())
    var names = [String?](repeating: nil, count: capacity)
    var held = [Bool](repeating: false, count: capacity)
    var numbers: [UInt32] = []
    for _ in 0..<4_000 {
      let name = "N\(random.below(120))"
      let known = names.firstIndex(of: name)
      #expect(table.find(deviceKey(name)) == known.map { DeviceIndex($0) }, "seed \(seed)")
      if let known {
        held[known] = random.chance(60)
        table[DeviceIndex(known)].isHeld = held[known]
      } else if let device = table.add(deviceKey(name)) {
        #expect(!held[device.rawValue], "seed \(seed)")
        names[device.rawValue] = name
        let number = table[device].number
        #expect(!numbers.contains(number), "seed \(seed)")
        numbers.append(number)
        #expect(table.find(number: number) == device, "seed \(seed)")
      } else {
        #expect(held.allSatisfy { $0 } || capacity > SpoolLimits.releaseProbesMax)
      }
    }
  }
}
