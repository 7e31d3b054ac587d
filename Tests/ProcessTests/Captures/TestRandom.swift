// Random numbers that a seed repeats.

/// A generator for tests.
struct TestRandom: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state &* 0x2545_F491_4F6C_DD1D
  }

  mutating func byte() -> UInt8 { UInt8(truncatingIfNeeded: next() >> 32) }
  mutating func number(below bound: Int) -> Int { Int(next() % UInt64(bound)) }

  mutating func bytes(upTo count: Int) -> [UInt8] {
    (0..<number(below: count) + 1).map { _ in byte() }
  }
}
