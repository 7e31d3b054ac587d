// One segment file as the running spool sees it.
// Source: spool document, section 2.2.

/// What the spool knows of one segment file.
struct SegmentState {
  enum Use: Equatable {
    case free
    case used
    /// Of a version this one does not know, or unreadable at start: neither read nor written.
    case foreign
  }

  var use = Use.free
  /// Of what the segment holds; zero when nothing was ever written.
  var generation: UInt32 = 0
  /// The newest segment with a durable batch when this one was begun.
  var previousGeneration: UInt32 = 0
  /// Whether page 0 is lost, and the first batch has told the generation.
  var isAdopted = false
  /// The generation before the present use.
  var formerGeneration: UInt32 = 0
  /// The notes that explain why it is free.
  var notes = NoteCount()
  /// Devices that may have frames here.
  var presence = DevicePresence.all
  /// Devices whose first undelivered frame may lie here.
  var pinCount = 0
  /// Bytes from the start that may be read back.
  var durableByteCount = 0
  /// The header of its first batch, as a start has read it.
  var firstBatch: BatchHeader?
  /// Batches up to this number were durable, known from the next segment or a tail slot.
  var provenThrough = UInt32.max
  /// The same, known from a tail slot.
  var provenByTail: UInt32 = 0

  init() {}

  /// One that is used.
  @inline(never)
  init(generation: UInt32) {
    use = .used
    self.generation = generation
  }
}
