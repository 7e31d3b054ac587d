// The writer thread: one commit at a time, `pwrite` and then one `fdatasync`. Where nothing is gained by
// writing over blocks (Medium.swift), a segment is emptied first at the first commit of a use. Elsewhere all
// blocks are written once, in pauses and at the latest before a segment's first commit (SegmentFill.swift).
//
//   loop:   start(order) -- state idle -> busy, ring `orders`
//   writer: write, sync  -- state busy -> done, ring `results`
//   loop:   takeResult() -- state done -> idle
//
// The order belongs to the writer while the state is busy and to the loop otherwise; the atomic
// state carries it over. A failed sync is never repeated: the pages it was about may be marked
// clean although the disk never had them.

import CLinux
import Queue
import Synchronization

/// Writes batches in the background. A class, because the thread and the loop share it.
final class CommitWriter: @unchecked Sendable {
  private enum State {
    static let idle = 0
    static let busy = 1
    static let done = 2
  }

  /// Readable when a result waits.
  let results: Wakeup
  private let orders: Wakeup
  private let state = Atomic<Int>(State.idle)
  private var order: CommitOrder?
  private var descriptor: Int32 = -1
  /// Bytes of a segment that is emptied before a use; `nil` leaves it as it is.
  private let renewedByteCount: Int?
  private var error: DiskError?
  /// Segments that are to be written once.
  private let fills: [SegmentFill]

  init(renewedByteCount: Int?, fills: [SegmentFill]) throws(SystemError) {
    self.renewedByteCount = renewedByteCount
    self.fills = fills
    results = try Wakeup(isBlocking: false)
    orders = try Wakeup(isBlocking: true)
    // SAFETY: the thread lives as long as the program, and so does the reference it is given.
    let context = unsafe Unmanaged.passRetained(self).toOpaque()
    let started = unsafe clinux_start_thread(
      { context in
        guard let context = unsafe context else { return nil }
        unsafe Unmanaged<CommitWriter>.fromOpaque(context).takeUnretainedValue().run()
      }, context)
    _ = try SystemError.check(started)
  }

  func start(_ order: CommitOrder, descriptor: Int32) {
    precondition(state.load(ordering: .acquiring) == State.idle)
    self.order = order
    self.descriptor = descriptor
    state.store(State.busy, ordering: .releasing)
    orders.ring()
  }

  /// The result of the commit that has finished: an error, or `nil` for success.
  ///
  /// Returns `nil` on the outside when none has.
  func takeResult() -> Result? {
    results.take()
    guard state.load(ordering: .acquiring) == State.done else { return nil }
    let result = Result(error: error)
    order = nil
    state.store(State.idle, ordering: .releasing)
    return result
  }

  struct Result {
    var error: DiskError?
  }

  private func run() -> Never {
    // The thread's own: what is left of them, and when one is written though commits leave no pause.
    var fills = fills
    var fillAt: Int64 = 0
    while true {
      if !fills.isEmpty {
        let isRung = orders.isRung(within: SegmentFill.pause)
        let now = clinux_monotonic_milliseconds()
        if !isRung || now >= fillAt {
          if !fills[0].step() { fills.removeFirst() }
          fillAt = now + SegmentFill.longestPause
        }
        if !isRung { continue }
      }
      orders.take()
      guard state.load(ordering: .acquiring) == State.busy, let order else { continue }
      if order.writesHeader { finishFill(&fills) }
      error = write(order)
      state.store(State.done, ordering: .releasing)
      results.ring()
    }
  }

  private func write(_ order: CommitOrder) -> DiskError? {
    let page = SpoolLimits.pageByteCount
    if order.writesHeader, let error = renew() ?? write(order.buffer, 0..<page, at: 0) {
      return error
    }
    let batch = page..<page + order.byteCount
    if let error = write(order.buffer, batch, at: order.offset) { return error }
    let synced = clinux_sync_data(descriptor)
    return synced < 0 ? SpoolDirectory.diskError(Int32(-synced)) : nil
  }

  /// Writes the rest of the segment's blocks, so that no frame is in one that never was.
  private func finishFill(_ fills: inout [SegmentFill]) {
    guard let i = fills.firstIndex(where: { $0.descriptor == descriptor }) else { return }
    while fills[i].step() {}
    fills.remove(at: i)
  }

  /// Gives the segment's blocks back; its size stays, so that it says what it is after a power cut.
  private func renew() -> DiskError? {
    guard let renewedByteCount else { return nil }
    for size in [0, renewedByteCount] {
      let done = clinux_truncate(descriptor, Int64(size))
      if done < 0 { return SpoolDirectory.diskError(Int32(-done)) }
    }
    return nil
  }

  private func write(_ buffer: PageBuffer, _ range: Range<Int>, at offset: Int) -> DiskError? {
    var done = 0
    while done < range.count {
      let to = Int64(offset + done)
      let written = unsafe buffer.withMemory(range.lowerBound + done..<range.upperBound) {
        unsafe clinux_pwrite(descriptor, $0.baseAddress!, $0.count, to)
      }
      if written <= 0 { return SpoolDirectory.diskError(Int32(-written)) }
      done += written
    }
    return nil
  }
}
