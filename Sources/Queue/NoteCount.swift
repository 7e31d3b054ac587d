// How many acknowledgements and drops have been queued for the disk, or have reached it.
//
// Both are written in the order they were queued, so that two counts tell whether everything that
// was queued at some time is durable: a segment that was freed then may be written over without a
// power cut making its frames come back, or go missing without a record of it.

/// Acknowledgements and drops, counted since the start.
struct NoteCount: Equatable {
  var acknowledgements: UInt64 = 0
  var drops: UInt64 = 0
  /// Segments whose frames were moved; every batch says which is the oldest that is left.
  var relocations: UInt64 = 0

  /// Whether everything counted here is counted in `other` too.
  func isCovered(by other: NoteCount) -> Bool {
    acknowledgements <= other.acknowledgements && drops <= other.drops
      && relocations <= other.relocations
  }
}
