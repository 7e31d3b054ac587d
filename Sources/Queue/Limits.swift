// Every bound of the spool, with unit and reason.

/// The bounds of the disk queue.
public enum SpoolLimits {
  // Given by the format (docs/SPOOL.md).

  /// Bytes: what every batch starts on a multiple of, so that no acknowledged block is rewritten.
  public static let pageByteCount = 4_096
  /// Pages of a segment before its first batch: header and two tail slots.
  static let reservedPageCount = 3
  /// Bytes of a payload; the record header counts them in 16 bits, with room for its own.
  public static let payloadBytesMax = 60_000
  /// Bytes of a login: a device record and a frame fit in one batch.
  static let loginBytesMax = payloadBytesMax / 2
  /// Slots of the device table; a device's number on disk holds the slot in 16 bits.
  public static let deviceCountMax = 65_536

  // Chosen by us.

  /// Bytes of a batch that still goes to a tail slot: what is written home instead fills its page, so
  /// that tail slots never cost a write.
  static let tailBytesMax = pageByteCount * 3 / 4
  /// Bytes kept free in every batch for the tail that may be put in front of it, and for where the times
  /// of what follows count from.
  static let tailReserve = pageByteCount
  /// Milliseconds for which the times of a tail's new records count from where its last ones do; they
  /// are 16 bits.
  static let tailBaseAgeMax = 30_000

  /// Bytes of one batch: large enough that a commit costs its bytes and not its flush.
  public static let batchBytesMax = 256 * 1_024
  /// Bytes: the smallest and largest segment.
  static let segmentBytesMin = 256 * 1_024 + 4 * 4_096
  static let segmentBytesMax = 4 * 1_024 * 1_024
  /// Segments: fewer could not keep a reserve while one is stuck.
  static let segmentCountMin = 16
  /// Segments kept free by evicting ahead: what is evicted is written over only after the next
  /// segment has been taken, when the drops are durable; two, so that this holds for the segment
  /// that a torn commit has used up as well. Rings of a few segments keep fewer.
  static let spareSegmentCountMax = 2
  static let segmentsPerSpare = 8
  /// Segments written before every device's record is written again: bounds what a start reads,
  /// 16 MiB and the time of a round. Rings of a few segments keep fewer.
  static let segmentsPerRoundMax: UInt32 = 4
  static let segmentsPerRoundShare = 16
  /// Parts of a batch or segment: one of them per batch is for the round's device records.
  static let roundShare = 32
  /// Parts of a segment: what is left of it is left alone when it is less than one, and than the last batch;
  /// groups of a size that comes again and again need not be cut in two there, and flushed twice.
  static let endShare = 16
  /// Parts of a segment: with more than one of them undelivered, moving it frees too little.
  static let relocationShare = 2
  /// Parts of the ring: one is for all cold segments, one for a single device's cold frames.
  static let coldShare = 2
  static let coldDeviceShare = 10
  /// Segments: the table of segments stays small.
  static let segmentCountMax = 4_096
  /// Milliseconds the oldest frame waits for company before a commit starts.
  static let commitDelay = 10
  /// Milliseconds that a frame on its way to the platform waits for its proof before it is written:
  /// several times the round trip of a mobile link, and a tenth of a tracker's patience.
  public static let holdMilliseconds = 250
  /// Parts of a batch: one of them delivered makes it worth looking through.
  static let shrinkShare = 4
  /// Milliseconds without a frame before the newest batch is closed.
  static let closingDelay = 1_000
  /// Milliseconds that acknowledgements wait for a batch to ride on.
  static let acknowledgementDelay = 250
  /// Acknowledgements in one batch: bounds what a commit adds to the frames in it.
  static let acknowledgementsPerBatchMax = 512
  /// Commits that may fail in a row before the spool is reported as failing.
  public static let failedCommitsMax = 3
  /// Milliseconds before a failed commit is written to another segment.
  static let failedCommitDelay = 1_000
  /// Milliseconds between two passes of the sweep when the first found a part unreadable.
  static let unreadableDelay = 1_000
  /// Reads of the same bytes before they count as unreadable.
  static let readAttempts = 3
  /// Milliseconds that the sweep waits for a device without room while it could serve others: answers take
  /// as long, or less, when the platform is near.
  static let sweepPatience = 16
  /// Passes of the sweep that find a part unreadable before its frames are given up.
  static let unreadablePassesMax = 3
  /// Generations skipped at most at a start: small against the two thousand million there are.
  static let generationGapMax: UInt64 = 1_021
  /// Damaged regions told apart in a segment, and at a start; what follows is counted in bytes only.
  static let damagedRegionsMax = 64
  /// Table slots looked at for one that can be given to a new device when the table is full.
  static let releaseProbesMax = 64
}
