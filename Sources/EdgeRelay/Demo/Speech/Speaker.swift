// What a simulated tracker knows of itself when it makes a frame.
//
// Every protocol writes a device's name in its own way; here all of them end in the tracker's number
// in eight digits, behind a prefix that the speech chooses.

/// The voice of one tracker.
struct Speaker {
  static let digitCount = 8

  /// Which tracker it is.
  let number: Int
  /// Running number of its frames, where frames have one.
  private(set) var serial: UInt16 = 0
  /// The code it was given by whoever it registered with.
  var code: [UInt8] = []

  init(number: Int) { self.number = number }

  mutating func nextSerial() -> UInt16 {
    serial &+= 1
    return serial
  }

  /// The tracker's name behind `prefix`, in digits.
  @inline(never)
  static func name(_ prefix: Literal, _ number: Int) -> [UInt8] {
    var text = Text(prefix)
    text.append(UInt64(number), digits: digitCount)
    return text.bytes
  }

  /// The number that a name behind `prefix` ends in; `nil` when it is no such name.
  @inline(never)
  static func number(of name: ArraySlice<UInt8>, behind prefix: Literal) -> Int? {
    let start = Text(prefix).bytes
    guard name.count == start.count + digitCount, name.starts(with: start) else { return nil }
    return WireText.number(name.dropFirst(start.count)).map { Int($0) }
  }
}
