// Looking at a spool without changing it: after `recover`, over a disk that is only read.
//
// Segments are walked as recovery and the sweep walk them, in the order of the log. A frame waits when it is
// its device's next one, as the sweep would hand it out; a number that is skipped is a frame that is lost.
// Void segments (Spool+Recovery.swift) are left out: what stands there stands in another one too.

/// What a segment holds.
public struct SegmentStanding: Sendable {
  public enum State: Sendable {
    /// Never written, or by nobody who is known.
    case blank
    /// Done with: it will be written over.
    case free
    /// It may hold frames that are not delivered.
    case used
    /// Of another version, or unreadable.
    case foreign
  }

  public var state: State
  /// Grows at every use of any segment; zero when it is blank.
  public var generation: UInt32
  public var isCold: Bool
}

/// A frame that a look at the spool has found.
public struct StoredFrame: Sendable {
  public var device: DeviceIndex
  public var sequence: SequenceNumber
  /// Whether its delivery is not proven.
  public var isWaiting: Bool
  /// Milliseconds since it was stored; `nil` when that was before the machine's present boot.
  public var age: Int64?
}

/// What is wrong with the frames that were looked at.
public struct SpoolFindings: Sendable {
  public var damagedRegions: [DamagedRegion] = []
  /// Frames that wait for delivery and are on no segment any more.
  public var missingFrameCount = 0
  public var unreadableSegmentCount = 0
  public init() {}
}

extension Spool where D: ~Copyable {
  public func standing(of slot: Int) -> SegmentStanding {
    let segment = segments[slot]
    let state: SegmentStanding.State =
      switch segment.use {
      case .foreign: .foreign
      case .used: .used
      case .free: segment.generation == 0 ? .blank : .free
      }
    return SegmentStanding(
      state: state, generation: Generation.age(segment.generation),
      isCold: Generation.isCold(segment.generation))
  }

  /// Bytes of a segment up to where its batches end, as their headers say.
  public mutating func fill(of slot: Int) -> Int {
    let page = SpoolLimits.pageByteCount
    let generation = segments[slot].generation
    var end = SpoolLimits.reservedPageCount * page
    while end + page <= geometry.segmentByteCount {
      do {
        try disk.read(segment: slot, offset: end, into: walker.buffer, at: 0, count: page)
      } catch {
        return end
      }
      guard let batch = BatchHeader.read(walker.buffer, at: 0, generation: generation, crc) else {
        break
      }
      end += batch.pagedByteCount
    }
    return end
  }

  /// The segments to be walked for the frames that wait, or for everything that is still there.
  public func slotsToInspect(all: Bool) -> [Int] {
    guard all else {
      var oldest = order.count
      for entry in table.entries where entry.isUsed && entry.firstPin != .nowhere {
        oldest = min(oldest, place(of: entry.firstPin.generation))
      }
      return Array(order[oldest...])
    }
    var slots: [Int] = []
    for slot in segments.indices {
      let rank = Generation.rank(segments[slot].generation)
      let isVoid = segments[slot].use == .free && segments[slot].provenThrough == .max
      guard rank != 0, segments[slot].use != .foreign, !isVoid else { continue }
      var place = slots.count
      slots.append(slot)
      while place > 0, Generation.rank(segments[slots[place - 1]].generation) > rank {
        slots.swapAt(place - 1, place)
        place -= 1
      }
    }
    return slots
  }

  /// Shows every frame of a segment; to be called in the order of `slotsToInspect`.
  public mutating func inspect(
    _ slot: Int, now: Instant, _ findings: inout SpoolFindings,
    _ show: (StoredFrame, Span<UInt8>) -> Void
  ) {
    walker.open(
      segment: slot, generation: segments[slot].generation,
      provenThrough: segments[slot].provenThrough)
    do {
      while let record = try walker.next(&disk, limit: geometry.segmentByteCount) {
        inspect(record, walker.buffer, now: now, &findings, show)
      }
    } catch {
      findings.unreadableSegmentCount += 1
    }
    var regions = walker.damagedRegions
    if segments[slot].use == .free, let first = regions.first,
      first.range.lowerBound == SpoolLimits.reservedPageCount * SpoolLimits.pageByteCount
    {
      // A commit that was cut off has begun to write over it.
      regions.removeFirst()
    }
    findings.damagedRegions += lostHeader() + regions
    if slot == tail?.segment { inspectTail(now: now, &findings, show) }
  }

  @inline(never)
  private mutating func inspect(
    _ record: WalkedRecord, _ buffer: PageBuffer, now: Instant, _ findings: inout SpoolFindings,
    _ show: (StoredFrame, Span<UInt8>) -> Void
  ) {
    guard record.isFrame, let device = table.find(number: record.header.device) else { return }
    let sequence = record.header.sequence
    let sent = table[device].sent
    let isWaiting = sequence.isAfter(sent) && !sequence.isAfter(table[device].last)
    if isWaiting {
      findings.missingFrameCount += sequence.distance(after: sent) - 1
      table[device].sent = sequence
    }
    let frame = StoredFrame(
      device: device, sequence: sequence, isWaiting: isWaiting, age: age(of: record, now: now))
    buffer.withBytes(record.payload) { show(frame, $0) }
  }

  /// Shows the frames of the tail as the start has read it: its slot may have been written since.
  private mutating func inspectTail(
    now: Instant, _ findings: inout SpoolFindings, _ show: (StoredFrame, Span<UInt8>) -> Void
  ) {
    guard let tail else { return }
    var base = UInt32(truncatingIfNeeded: tail.firstTime.milliseconds)
    tail.forEachRecord(in: tailBuffer, at: 0) { offset, header in
      let payload = header.payload(at: offset)
      if header.type == RecordType.time.rawValue {
        base = tailBuffer.loadUInt32(at: payload.lowerBound)
      }
      let record = WalkedRecord(
        header: header, payload: payload, batch: tail.number, place: .nowhere,
        monotonicMilliseconds: base &+ UInt32(header.delta))
      inspect(record, tailBuffer, now: now, &findings, show)
    }
  }

  /// Counts the frames that no segment held; to be called after the last one.
  public func countMissing(_ findings: inout SpoolFindings) {
    for entry in table.entries where entry.isUsed {
      findings.missingFrameCount += entry.last.distance(after: entry.sent)
    }
  }
}
