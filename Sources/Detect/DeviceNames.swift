// Many devices by the names that people write, looked up by identity without building a name.
//
//   bytes    every name, one behind the other
//   starts   where each begins; the last element is where the next one will
//   places   open addressing: the number of a name, or -1; at most half full
//
// Invariant: starts.count == count + 1, starts.last == bytes.count, places.count a power of two.
// A device with a chosen identity cannot slow a look-up down: the names are the operator's.

/// A set of devices.
public struct DeviceNames: Sendable {
  /// Names in one set; four times what the relay remembers of devices.
  public static let countMax = 65_536
  /// Characters of a name; the longest identity of any protocol.
  public static let nameBytesMax = 2 * DeviceIdentity.byteCountMax

  private var bytes: [UInt8] = []
  private var starts: [Int32] = [0]
  private var places = [Int32](repeating: -1, count: 16)

  public init() {}

  public var count: Int { starts.count - 1 }

  /// Adds the device that people write as `name`; `false` when there are too many.
  public mutating func insert(_ name: ArraySlice<UInt8>) -> Bool {
    let place = place(name.count) { name[name.startIndex + $0] }
    if places[place] >= 0 { return true }
    guard count < Self.countMax else { return false }
    places[place] = Int32(count)
    bytes.append(contentsOf: name)
    starts.append(Int32(bytes.count))
    if count * 2 > places.count { grow() }
    return true
  }

  public func contains(_ identity: DeviceIdentity) -> Bool {
    if count == 0 { return false }
    return places[place(identity.characterCount) { identity.character($0) }] >= 0
  }

  /// Where a name of `count` characters stands, or would.
  private func place(_ count: Int, _ character: (Int) -> UInt8) -> Int {
    var hash: UInt32 = 0x811C_9DC5
    for i in 0..<count { hash = (hash ^ UInt32(character(i))) &* 0x0100_0193 }
    let mask = places.count - 1
    var place = Int(truncatingIfNeeded: hash ^ hash >> 15) & mask
    while places[place] >= 0, !isName(Int(places[place]), count, character) {
      place = (place + 1) & mask
    }
    return place
  }

  private func isName(_ number: Int, _ count: Int, _ character: (Int) -> UInt8) -> Bool {
    let start = Int(starts[number])
    guard Int(starts[number + 1]) - start == count else { return false }
    for i in 0..<count where bytes[start + i] != character(i) { return false }
    return true
  }

  private mutating func grow() {
    places = [Int32](repeating: -1, count: places.count * 4)
    for number in 0..<count {
      let name = bytes[Int(starts[number])..<Int(starts[number + 1])]
      places[place(name.count) { name[name.startIndex + $0] }] = Int32(number)
    }
  }
}
