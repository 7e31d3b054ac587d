// Segment files, written and synced in the background.

import Glibc

struct FileDisk: Disk {
  private let descriptors: [Int32]
  private let writer: Writer
  private(set) var isCommitting = false
  private(set) var commitCount = 0
  private(set) var writtenByteCount = 0
  private(set) var readByteCount = 0

  /// Opens or creates the segments in `directory`; new ones are allocated and, if asked, filled.
  init(_ directory: String, _ geometry: SpoolGeometry, isFilled: Bool) {
    mkdir(directory, 0o755)
    var descriptors: [Int32] = []
    let zeros = [UInt8](repeating: 0, count: geometry.segmentByteCount)
    for i in 0..<geometry.segmentCount {
      let descriptor = open("\(directory)/seg.\(i)", O_RDWR | O_CREAT, 0o644)
      precondition(descriptor >= 0, "cannot open a segment")
      posix_fallocate(descriptor, 0, geometry.segmentByteCount)
      if isFilled { _ = unsafe pwrite(descriptor, zeros, zeros.count, 0) }
      fsync(descriptor)
      descriptors.append(descriptor)
    }
    self.descriptors = descriptors
    writer = Writer(descriptors)
  }

  mutating func read(
    segment: Int, offset: Int, into buffer: PageBuffer, at position: Int, count: Int
  ) throws(DiskError) {
    readByteCount += count
    let got = unsafe buffer.withMemory(position..<position + count) {
      unsafe pread(descriptors[segment], $0.baseAddress, $0.count, offset)
    }
    if got != count { throw .failed }
  }

  mutating func startCommit(_ order: CommitOrder) {
    commitCount += 1
    writtenByteCount += order.byteCount + (order.writesHeader ? SpoolLimits.pageByteCount : 0)
    isCommitting = true
    writer.start(order)
  }

  /// Waits for the commit under way.
  mutating func finishCommit() -> DiskError? {
    isCommitting = false
    return writer.finish()
  }
}
