// What is going to happen, in the order of time; equal times in the order they were made.
//
// A binary heap of (time, number, event), so that a seed replays.

/// Events by time.
struct EventQueue<Event> {
  struct Entry {
    var time: Int
    var number: Int
    var event: Event

    func isBefore(_ other: Entry) -> Bool {
      time == other.time ? number < other.number : time < other.time
    }
  }

  private var heap: [Entry] = []
  private var count = 0

  /// The time of the first event, or `nil`.
  var firstTime: Int? { heap.first?.time }

  mutating func push(_ time: Int, _ event: Event) {
    count += 1
    heap.append(Entry(time: time, number: count, event: event))
    var place = heap.count - 1
    while place > 0, heap[place].isBefore(heap[(place - 1) / 2]) {
      heap.swapAt(place, (place - 1) / 2)
      place = (place - 1) / 2
    }
  }

  /// Takes the first event if its time has come.
  mutating func pop(_ now: Int) -> Event? {
    guard let first = heap.first, first.time <= now else { return nil }
    let last = heap.removeLast()
    if heap.isEmpty { return first.event }
    heap[0] = last
    var place = 0
    while true {
      var least = place
      for child in place * 2 + 1...place * 2 + 2 where child < heap.count {
        if heap[child].isBefore(heap[least]) { least = child }
      }
      if least == place { return first.event }
      heap.swapAt(place, least)
      place = least
    }
  }
}
