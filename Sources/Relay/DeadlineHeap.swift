// All timers of the engine: at most one deadline per key, the earliest on top.
//
// A binary heap of (deadline, key) with the place of every key, so that setting, moving and taking
// away a deadline cost O(log n). Equal deadlines expire in the order of their keys, so that a
// simulation replays.

import Queue

/// Deadlines by key.
struct DeadlineHeap {
  private struct Entry {
    var deadline: Instant
    var key: Int32

    func isBefore(_ other: Entry) -> Bool {
      deadline == other.deadline ? key < other.key : deadline < other.deadline
    }
  }

  private var heap: [Entry] = []
  /// The place of a key in the heap, -1 without one.
  private var places: [Int32] = []

  /// The earliest deadline, or `never`.
  var earliest: Instant { heap.isEmpty ? .never : heap[0].deadline }

  /// Sets the deadline of `key`; `never` takes it away.
  mutating func set(_ key: Int, _ deadline: Instant) {
    while places.count <= key { places.append(-1) }
    let place = Int(places[key])
    if deadline == .never {
      if place >= 0 { remove(place) }
    } else if place < 0 {
      heap.append(Entry(deadline: deadline, key: Int32(key)))
      places[key] = Int32(heap.count - 1)
      rise(heap.count - 1)
    } else if heap[place].deadline != deadline {
      heap[place].deadline = deadline
      rise(place)
      sink(Int(places[key]))
    }
  }

  /// Sets the deadline of `key` unless it has one that is no later: who talks on and on is not moved each time.
  @inline(never)
  mutating func bring(_ key: Int, forwardTo deadline: Instant) {
    if key < places.count, places[key] >= 0, heap[Int(places[key])].deadline <= deadline { return }
    set(key, deadline)
  }

  /// Takes the earliest key whose deadline has come.
  mutating func popExpired(_ now: Instant) -> Int? {
    guard let first = heap.first, first.deadline <= now else { return nil }
    remove(0)
    return Int(first.key)
  }

  private mutating func remove(_ place: Int) {
    places[Int(heap[place].key)] = -1
    let last = heap.removeLast()
    if place == heap.count { return }
    heap[place] = last
    places[Int(last.key)] = Int32(place)
    rise(place)
    sink(Int(places[Int(last.key)]))
  }

  private mutating func rise(_ start: Int) {
    var place = start
    while place > 0 {
      let parent = (place - 1) / 2
      guard heap[place].isBefore(heap[parent]) else { return }
      exchange(place, parent)
      place = parent
    }
  }

  private mutating func sink(_ start: Int) {
    var place = start
    while true {
      var least = place
      for child in place * 2 + 1...place * 2 + 2 where child < heap.count {
        if heap[child].isBefore(heap[least]) { least = child }
      }
      if least == place { return }
      exchange(place, least)
      place = least
    }
  }

  @inline(never)
  private mutating func exchange(_ a: Int, _ b: Int) {
    heap.swapAt(a, b)
    places[Int(heap[a].key)] = Int32(a)
    places[Int(heap[b].key)] = Int32(b)
  }
}
