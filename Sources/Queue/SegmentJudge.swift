// Whose a segment is, told from its first pages before the spool is opened: where a later version has been
// at work, nothing may be created, resized or written.

/// Tells this version's segments from others'.
public struct SegmentJudge {
  public enum Origin: Sendable {
    /// Of this version.
    case own
    /// Never written, or by nobody who is known.
    case blank
    /// Of another version of the format.
    case foreign
  }

  /// Bytes to be read from a segment's start.
  public static let byteCount = (SpoolLimits.reservedPageCount + 1) * SpoolLimits.pageByteCount
  private static let firstBatch = SpoolLimits.reservedPageCount * SpoolLimits.pageByteCount

  private let crc = CRC32C()

  public init() {}

  /// `head` holds the segment's first bytes.
  public func origin(of head: PageBuffer) -> Origin {
    if Self.isForeign(head, crc) { return .foreign }
    if case .header = SegmentHeader.read(head, at: 0, crc) { return .own }
    return BatchHeader.newest(atStartOf: head, crc) == nil ? .blank : .own
  }

  /// Whether the segment that begins with these pages was written by another version.
  @inline(never)
  static func isForeign(_ head: PageBuffer, _ crc: CRC32C) -> Bool {
    if SegmentHeader.read(head, at: 0, crc) == .foreign { return true }
    return BatchHeader.read(head, at: firstBatch, generation: nil, crc) == nil
      && EarlierFormat.matches(head, firstBatch: firstBatch, crc)
  }
}
