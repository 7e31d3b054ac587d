// What one commit writes, from its first record in a buffer until it is durable.
//
//   buffer    page 0 | batch header | record | record | ...
//             0        pageByteCount
//
// A tail that is kept for the next commit has its header at the start of its own buffer.
// Source: spool document, section 2.4.

/// A batch being gathered or written.
struct OpenBatch {
  var buffer: Int
  var segment: Int
  var generation: UInt32
  var number: UInt32
  /// Tells batches that were gathered with the same number apart; zero was not gathered.
  var gathering: UInt32 = 0
  /// What its frames were promised by; zero where it has none. Rises from batch to batch, and stays
  /// when the number changes.
  var ticket: UInt32 = 0
  /// Bytes used, header included.
  var byteCount: Int
  var byteCountMax: Int
  var recordCount = 0
  /// What the times of the records that are appended count from.
  var openedAt: Instant
  /// What the times of its first records count from, where that is something else.
  var headerTime: Instant?
  var firstTime: Instant { headerTime ?? openedAt }
  /// Whether it is written before one that goes on gathering.
  var isAhead = false
  /// Whether it is written to a tail slot.
  var isTail = false
  /// Whether it carries frames to a cold segment, and nothing that anybody waits for.
  var isRelocation = false
  /// Whether it carries frames, so that it is to be closed when none follow.
  var hasFrames: Bool { frameCount > 0 }
  var frameCount = 0
  /// When everything in it is to be written, and when the first held frame has waited long enough.
  var dueAt = Instant.never
  var heldUntil = Instant.never
  /// Frames in it that were delivered meanwhile, about.
  var deliveredCount = 0
  /// The notes that are written when this batch is.
  var notes = NoteCount()
  /// Where it is to be written; a failed commit before it may still move it to a later segment.
  var offset: Int

  /// Where in its buffer the next record goes.
  var position: Int { SpoolLimits.pageByteCount + byteCount }

  /// Calls `body` with the place and header of every record; its header is at `start` of `bytes`. The
  /// record may be moved to an earlier place meanwhile.
  @inline(never)
  func forEachRecord(
    in bytes: PageBuffer, at start: Int = SpoolLimits.pageByteCount,
    _ body: (_ offset: Int, _ header: RecordHeader) -> Void
  ) {
    var offset = start + BatchHeader.byteCount
    for _ in 0..<recordCount {
      let header = RecordHeader.parse(bytes, at: offset)
      let next = offset + header.strideByteCount
      body(offset, header)
      offset = next
    }
  }
}
