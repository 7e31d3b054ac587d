// How many power cuts this run of the tests has survived.

import Synchronization

/// A sum over tests that run side by side.
final class CutCount: Sendable {
  static let shared = CutCount()
  private let total = Atomic<Int>(0)

  /// Adds a test's power cuts, and says now and then how many there were.
  func add(_ count: Int) {
    let (before, after) = total.add(count, ordering: .relaxed)
    if before / 50_000 != after / 50_000 { print("power cuts so far: \(after)") }
  }
}
