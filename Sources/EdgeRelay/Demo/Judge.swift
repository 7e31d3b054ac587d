// Compares what the trackers sent with what the platform got.
//
// Promised is what an answer said, and what TrackerLog vouches for. Promised and not delivered is
// lost. A position that nothing was promised for is counted apart, never as lost and never as
// delivered.

/// Sets up the tally from both ends.
enum Judge {
  static func tally(_ trackers: [SimulatedTracker], _ platform: StandInPlatform) -> Tally {
    var tally = Tally()
    tally.corrupted = platform.corruptedCount
    tally.unexpected = platform.unexpectedCount + platform.strangerFrameCount
    var knownCount = 0
    for tracker in trackers {
      tally.wrongAnswers += tracker.wrongAnswerCount
      let record = platform.record(of: tracker.number)
      if record != nil { knownCount += 1 }
      compare(tracker.log, record ?? PlatformRecord(number: tracker.number), &tally)
    }
    tally.unexpected += platform.records.count - knownCount
    return tally
  }

  /// Whether every promised frame has come whose sequence number is below its tracker's in `ends`.
  static func hasDelivered(
    _ trackers: [SimulatedTracker], _ platform: StandInPlatform, below ends: [Int]
  ) -> Bool {
    for (i, tracker) in trackers.enumerated() {
      let record = platform.record(of: tracker.number) ?? PlatformRecord(number: tracker.number)
      let log = tracker.log
      for sequence in 0..<ends[i] where log.frames[sequence].trust != .sent {
        if record.seenCount(sequence) == 0 { return false }
      }
    }
    return true
  }

  private static func compare(
    _ log: TrackerLog, _ record: PlatformRecord, _ tally: inout Tally
  ) {
    for sequence in 0..<log.sequenceEnd {
      let frame = log.frames[sequence]
      let seenCount = record.seenCount(sequence)
      if seenCount > 0, record.fingerprint(sequence) != frame.fingerprint {
        tally.corrupted += 1
      }
      if frame.isAlarm {
        count(frame.trust, seenCount, &tally.alarms)
      } else {
        count(frame.trust, seenCount, &tally.positions)
      }
    }
    for sequence in log.sequenceEnd..<max(log.sequenceEnd, record.sequenceEnd)
    where record.seenCount(sequence) > 0 {
      tally.unexpected += 1
    }
    tally.orderViolations += record.orderViolationCount
    tally.corrupted += record.contradictionCount
  }

  @inline(never)
  private static func count(_ trust: FrameTrust, _ seenCount: Int, _ column: inout TallyColumn) {
    column.sent += 1
    if trust == .answered { column.answered += 1 }
    if seenCount > 0 {
      column.delivered += 1
      column.duplicates += seenCount - 1
    } else if trust == .sent {
      column.unpromised += 1
    } else {
      column.lost += 1
    }
  }
}
