// A thread that writes and syncs, as the relay has one: the next batch is gathered meanwhile.

import Glibc

final class Writer: @unchecked Sendable {
  private let descriptors: [Int32]
  // Each side posts one of them when it has done with `order` and `result`.
  private let ordered = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
  private let finished = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
  private var order: CommitOrder?
  private var result: DiskError?

  init(_ descriptors: [Int32]) {
    self.descriptors = descriptors
    sem_init(ordered, 0, 0)
    sem_init(finished, 0, 0)
    var thread = pthread_t()
    let me = Unmanaged.passRetained(self).toOpaque()
    pthread_create(
      &thread, nil,
      { me in
        Unmanaged<Writer>.fromOpaque(me!).takeUnretainedValue().run()
        return nil
      }, me)
  }

  func start(_ order: CommitOrder) {
    self.order = order
    sem_post(ordered)
  }

  func finish() -> DiskError? {
    sem_wait(finished)
    return result
  }

  private func run() {
    while true {
      sem_wait(ordered)
      let page = SpoolLimits.pageByteCount
      if let order {
        let isWritten =
          (!order.writesHeader || write(order, 0..<page, at: 0))
          && write(order, page..<page + order.byteCount, at: order.offset)
        result = isWritten && fdatasync(descriptors[order.segment]) == 0 ? nil : .failed
      }
      sem_post(finished)
    }
  }

  private func write(_ order: CommitOrder, _ range: Range<Int>, at offset: Int) -> Bool {
    order.buffer.withMemory(range) {
      pwrite(descriptors[order.segment], $0.baseAddress, $0.count, offset) == $0.count
    }
  }
}
