// How far back a start must read: every device's record stands in segment `generation` or later.
//
// A checkpoint is no file of its own: it is the log from `generation` on. Now and then a round begins
// with a new segment, and every batch takes along a few records of devices that have none in this
// round yet; a device that sends has one anyway. When the last of them is durable, the round's first
// segment is where the next start begins. What a device record says is true at its place in the log,
// so that it does not matter that the others change meanwhile.
//
//   generation                      begun                       present segment
//   |-- read by the next start -----|-- records of this round ->|
//
// Invariant: a segment of `generation` or a later one is not written over, unless the checkpoint is
// abandoned; then the next start finds a gap there, or none named, and reads the whole spool.

/// The checkpoint in force and the round that will replace it.
struct Checkpoint {
  /// Where a start begins to read; zero is no checkpoint.
  private(set) var generation: UInt32 = 0
  /// The first segment of the present round; zero is no round.
  private(set) var begun: UInt32 = 0
  /// The next slot of the device table to be looked at.
  private(set) var slot = 0
  /// The batch with the last record of the round.
  private var lastBatch: UInt32?

  /// Whether a start would read the segment of this generation, now or when the round has ended.
  func covers(_ segment: UInt32) -> Bool {
    let first = generation != 0 ? generation : begun
    return first != 0 && segment >= first && !Generation.isCold(segment)
  }

  /// Whether records of this round are still to be written.
  var isWriting: Bool { begun != 0 && lastBatch == nil }

  mutating func begin(at segment: UInt32) {
    begun = segment
    slot = 0
    lastBatch = nil
  }

  /// Every slot below `slot` has a record of this round.
  mutating func advance(to slot: Int) { self.slot = slot }

  /// The last record of the round is in `batch`.
  mutating func complete(in batch: UInt32) { lastBatch = batch }

  /// A slot needs a record although the round may have passed it.
  @inline(never)
  mutating func revisit(_ slot: Int) {
    guard begun != 0 else { return }
    self.slot = min(self.slot, slot)
    lastBatch = nil
  }

  mutating func noteDurable(_ batch: UInt32) {
    guard let lastBatch, lastBatch == batch else { return }
    generation = begun
    begun = 0
    self.lastBatch = nil
  }

  /// Found by a start.
  mutating func resume(at segment: UInt32) { generation = segment }

  mutating func abandon() {
    generation = 0
    begun = 0
    lastBatch = nil
  }
}

extension Spool where D: ~Copyable {
  /// Begins a round with the segment that was just taken, when enough were written since the last.
  mutating func beginRoundIfDue() {
    guard checkpoint.begun == 0 else { return }
    let present = segments[writeSegment].generation
    let share = UInt32(segments.count / SpoolLimits.segmentsPerRoundShare)
    let interval = min(max(share, 1), SpoolLimits.segmentsPerRoundMax)
    guard checkpoint.generation == 0 || present &- checkpoint.generation >= interval else { return }
    checkpoint.begin(at: present)
  }

  /// Bytes kept free in every batch for records of the round.
  var roundReserve: Int {
    guard checkpoint.isWriting else { return 0 }
    guard checkpoint.slot < table.count else { return roundBudget }
    let next = table.recordByteCount(DeviceIndex(checkpoint.slot))
    return max(roundBudget, RecordHeader.stride(next))
  }

  private var roundBudget: Int {
    min(SpoolLimits.batchBytesMax, geometry.segmentByteCount) / SpoolLimits.roundShare
  }

  /// Writes device records of the round into a batch that is about to be written.
  mutating func continueRound(_ batch: inout OpenBatch, _ now: Instant) {
    guard checkpoint.isWriting else { return }
    let end = roomForNotes
    let began = batch.byteCount
    var slot = checkpoint.slot
    while slot < table.count {
      let device = DeviceIndex(slot)
      let written = table[device].recordGeneration
      if written != 0, written < checkpoint.begun {
        let byteCount = RecordHeader.stride(table.recordByteCount(device))
        let isFirst = batch.byteCount == began
        guard batch.byteCount + byteCount <= end,
          isFirst || batch.byteCount + byteCount <= began + roundBudget
        else { break }
        appendDeviceRecord(device, &batch, now)
      }
      slot += 1
    }
    checkpoint.advance(to: slot)
    if slot == table.count, batch.recordCount > 0 { checkpoint.complete(in: batch.number) }
  }
}
