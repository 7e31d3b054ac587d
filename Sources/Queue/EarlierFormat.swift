// Segments as they were written while version 1 was being developed, under the same magic: their headers
// were shorter, and the checksum stood earlier. They are as foreign as those of a later version.

/// Recognises what no release has written.
enum EarlierFormat {
  /// Where the checksum of page 0 stood, and that of a batch header.
  private static let segmentHeader = [64, 72]
  private static let batchHeader = [28, 36, 40]

  /// Whether a segment's page 0, or its first batch, which does not validate, is of such a format.
  static func matches(_ buffer: PageBuffer, firstBatch: Int, _ crc: CRC32C) -> Bool {
    func ends(_ start: Int, _ lengths: [Int]) -> Bool {
      lengths.contains {
        buffer.loadUInt32(at: start + $0) == crc.checksum(seed: 0, buffer, start..<start + $0)
      }
    }
    return buffer.loadUInt64(at: 0) == SegmentHeader.magic && ends(0, segmentHeader)
      || buffer.loadUInt32(at: firstBatch) == BatchHeader.magic && ends(firstBatch, batchHeader)
  }
}
