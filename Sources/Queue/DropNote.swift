// Frames given up, as they are written to disk: device number 4, last sequence given up 4, and the
// device's totals: evicted 4, damaged 4, given up by the operator 4; little-endian. Totals, so that a
// note may be read twice. The last one is missing where it is zero.

/// Why frames were given up.
enum DropReason {
  /// The ring was full and these were the oldest.
  case evicted
  /// They did not validate when they were read back.
  case damaged
  /// The operator has given up what waited.
  case byOperator
}

/// How many frames of a device were given up since it is known, by reason.
public struct DropCounts: Equatable, Sendable {
  public var evicted: UInt32 = 0
  public var damaged: UInt32 = 0
  public var byOperator: UInt32 = 0

  public init(evicted: UInt32 = 0, damaged: UInt32 = 0, byOperator: UInt32 = 0) {
    self.evicted = evicted
    self.damaged = damaged
    self.byOperator = byOperator
  }

  public var total: Int { Int(evicted) + Int(damaged) + Int(byOperator) }

  mutating func add(_ count: Int, _ reason: DropReason) {
    switch reason {
    case .evicted: evicted = UInt32(clamping: Int64(evicted) + Int64(count))
    case .damaged: damaged = UInt32(clamping: Int64(damaged) + Int64(count))
    case .byOperator: byOperator = UInt32(clamping: Int64(byOperator) + Int64(count))
    }
  }

  /// Takes over what another record of the same device has counted.
  mutating func merge(_ other: DropCounts) {
    evicted = max(evicted, other.evicted)
    damaged = max(damaged, other.damaged)
    byOperator = max(byOperator, other.byOperator)
  }
}

/// One device's loss, counted.
struct DropNote {
  /// Bytes of a note without the operator's total.
  static let byteCount = 16

  var device: UInt32
  var last: SequenceNumber
  var dropped: DropCounts

  /// Bytes of the whole payload.
  var payloadByteCount: Int { Self.byteCount + (dropped.byOperator == 0 ? 0 : 4) }

  func write(to buffer: PageBuffer, at offset: Int) {
    buffer.store(device, at: offset)
    buffer.store(last.rawValue, at: offset + 4)
    buffer.store(dropped.evicted, at: offset + 8)
    buffer.store(dropped.damaged, at: offset + 12)
    if dropped.byOperator > 0 { buffer.store(dropped.byOperator, at: offset + Self.byteCount) }
  }

  /// The note in `payload`, or `nil` when it is too short.
  static func read(_ buffer: PageBuffer, _ payload: Range<Int>) -> DropNote? {
    guard payload.count >= byteCount else { return nil }
    let offset = payload.lowerBound
    return DropNote(
      device: buffer.loadUInt32(at: offset),
      last: SequenceNumber(buffer.loadUInt32(at: offset + 4)),
      dropped: DropCounts(
        evicted: buffer.loadUInt32(at: offset + 8), damaged: buffer.loadUInt32(at: offset + 12),
        byOperator: payload.count < byteCount + 4 ? 0 : buffer.loadUInt32(at: offset + byteCount)))
  }
}
