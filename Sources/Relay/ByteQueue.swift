// Bytes waiting to be parsed or sent, first in, first out.
//
//   storage: | consumed ... head | waiting ... storage.count |
//
// Invariant: 0 <= head <= storage.count. Memory is kept while it is small, so that the path of a
// frame does not allocate, and given back when a burst made it large.

/// A byte queue with contiguous content.
struct ByteQueue {
  /// Bytes of capacity that an empty queue keeps.
  private static let keptCapacityMax = 4_096

  private var storage: [UInt8] = []
  private var head = 0

  var count: Int { storage.count - head }
  var isEmpty: Bool { head == storage.count }

  mutating func append(_ bytes: Span<UInt8>) {
    if bytes.count == 0 { return }
    compact()
    // SAFETY: the buffer is read before the closure returns.
    unsafe bytes.withUnsafeBufferPointer { unsafe storage.append(contentsOf: $0) }
  }

  mutating func append(_ bytes: Span<UInt8>, from offset: Int) {
    append(bytes.extracting(offset..<bytes.count))
  }

  /// Removes the first `byteCount` bytes.
  @inline(never)
  mutating func consume(_ byteCount: Int) {
    require(byteCount <= count)
    head += byteCount
    if head == storage.count { removeAll() }
  }

  @inline(never)
  mutating func removeAll() {
    head = 0
    if storage.capacity > Self.keptCapacityMax {
      storage = []
    } else {
      storage.removeAll(keepingCapacity: true)
    }
  }

  /// Calls `body` with everything that waits.
  func withBytes<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
    body(storage.span.extracting(head..<storage.count))
  }

  private mutating func compact() {
    if head > 0, head * 2 >= storage.count {
      storage.removeFirst(head)
      head = 0
    }
  }
}
