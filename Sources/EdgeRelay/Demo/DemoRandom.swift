// Random numbers from a seed, so that a run can be asked for again (SplitMix64).

/// A source of random numbers.
struct DemoRandom {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }

  /// A number in `range`.
  @inline(never)
  mutating func number(in range: Range<Int>) -> Int {
    range.lowerBound + Int(next() % UInt64(range.count))
  }

  /// A length of time around `milliseconds`: between half of it and one and a half.
  mutating func around(_ milliseconds: Int) -> Int {
    number(in: milliseconds / 2..<milliseconds * 3 / 2 + 1)
  }
}
