// What the engine relies on when it asks the spool for stored frames.

import Queue
import Testing

@Suite struct SpoolSweepTests {
  private static func key(_ name: UInt8) -> DeviceKey {
    var key = DeviceKey(family: 1, form: 0)
    key.append(name)
    return key
  }

  @Test func `a device without room passes over nothing when it gets some in a later pass`() {
    let image = DiskImage(segmentCount: Edge.geometry.segmentCount)
    var spool = Spool(
      disk: MemoryDisk(image: image), geometry: Edge.geometry, deviceCountMax: 4, secret: 1)
    _ = spool.recover()
    var now = Instant(milliseconds: 0)
    guard let full = spool.device(named: Self.key(1)), let other = spool.device(named: Self.key(2))
    else { return }
    let small = [UInt8](repeating: 1, count: 10)
    let large = [UInt8](repeating: 2, count: 3_000)
    // The other device's frame stands first in every batch, and so in the second segment.
    var generations: [UInt32] = []
    while (generations.last ?? 1) == 1 || generations.count < 3 {
      for (device, bytes) in [(other, large), (full, small)] {
        if case .stored(_, _, let generation) = spool.append(device, bytes.span, now: now) {
          generations.append(generation)
        }
      }
      now = now.advanced(by: 20)
      spool.commitIfDue(now: now)
      image.apply()
      spool.commitFinished(nil, now: now)
    }
    #expect(generations.count % 2 == 0)
    #expect(generations.suffix(2) == [2, 2])
    // Everything of the other device but its newest frame is done with.
    let newest = spool.lastSequence(other)
    let before = SequenceNumber(newest.rawValue - 1)
    spool.markSent(other, before)
    spool.acknowledge(other, through: before, generation: 2, now: now)
    spool.setInterest(full, wants: true, hasRoom: false)
    spool.setInterest(other, wants: true, hasRoom: true)
    #expect(next(&spool, now)?.sequence == newest)
    spool.markSent(other, newest)
    #expect(next(&spool, now) == nil)
    spool.setInterest(full, wants: true, hasRoom: true)
    #expect(next(&spool, now)?.sequence == SequenceNumber(1))
  }

  private func next(_ spool: inout Spool<MemoryDisk>, _ now: Instant) -> SweptFrame? {
    for _ in 0..<10_000 {
      switch spool.sweepStep(now: now) {
      case .frame(let frame): return frame
      case .skipped: continue
      case .idle: return nil
      }
    }
    return nil
  }
}
