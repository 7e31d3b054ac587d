// What GT06 and its look-alikes share: doubled start marks, `0D 0A` at the end, and lengths that
// lie.
//
// A frame whose length field contradicts its stop bytes is cut at the first `0D 0A` that is
// followed by another start mark, or by the end of the burst. A complete frame with a valid
// checksum that begins inside the doubtful bytes ends them too, so that a lying length or a stray
// mark in garbage never swallows the good frame behind it, even where the length happens to lead to
// the stop bytes of a later frame. Only the first candidates are looked at: a peer must not be able to
// have a checksum computed for every few bytes it sends.
// Source: device-families document, section 3.2, steps 3 to 5. Deviation: a mark inside an
// incomplete frame is not believed before a brief silence or the full length, because payloads may
// contain `0D 0A 78 78` and the cut must not depend on how the network split the bytes.

/// Framing shared by the families that start with a doubled byte.
enum StartMarks {
  /// Whether a frame of the GT06 kind may start at `offset`; `false` beyond the end.
  static func isMark(_ bytes: Span<UInt8>, at offset: Int) -> Bool {
    bytes.hasMark(0x78, at: offset) || bytes.hasMark(0x79, at: offset)
      || bytes.hasMark(0x68, at: offset)
  }

  /// Whether `byte` may be the first of a start mark.
  static func isHalfMark(_ byte: UInt8) -> Bool {
    byte == 0x78 || byte == 0x79 || byte == 0x68
  }

  /// Counts the line ends and zeros at the start.
  static func paddingCount(_ bytes: Span<UInt8>) -> Int {
    var count = 0
    while count < bytes.count,
      bytes[count] == 0x00 || bytes[count] == 0x0D || bytes[count] == 0x0A
    {
      count += 1
    }
    return count
  }

  /// Skips to the next start mark behind offset 0; a trailing half mark is kept.
  static func skipGarbage(_ bytes: Span<UInt8>) -> Cut {
    var offset = 1
    while offset < bytes.count {
      if isMark(bytes, at: offset) { break }
      if offset + 1 == bytes.count, isHalfMark(bytes[offset]) { break }
      offset += 1
    }
    return .skip(byteCount: offset, .garbage)
  }

  /// Whether a start mark stands right behind a `0D 0A` in `range`: a sign that the length lies.
  static func hasInnerMark(_ bytes: Span<UInt8>) -> Bool {
    var offset = 4
    while offset + 3 < bytes.count {
      if bytes.hasStop(at: offset), isMark(bytes, at: offset + 2) { return true }
      offset += 1
    }
    return false
  }

  /// Whether a frame with a right checksum lies between offset 1 and `end`: a sign that the stop
  /// bytes that the length leads to are those of a later frame.
  static func hasInnerFrame(_ bytes: Span<UInt8>, before end: Int) -> Bool {
    let claimed = bytes.extracting(0..<end)
    var candidateCount = 0
    for offset in 1..<end where isMark(claimed, at: offset) {
      switch strictFrame(claimed, at: offset) {
      case .whole: return true
      case .wrong: candidateCount += 1
      case .none, .partial: break
      }
      if candidateCount == candidateCountMax { return false }
    }
    return false
  }

  /// Cuts a frame whose length field cannot be right; see the head comment.
  static func cutByStop(_ bytes: Span<UInt8>, _ silence: Silence, byteCountMax: Int) -> Cut {
    let end = min(bytes.count, byteCountMax)
    var offset = 1
    var candidateCount = 0
    while offset < end {
      if candidateCount < candidateCountMax, isMark(bytes, at: offset) {
        switch strictFrame(bytes, at: offset) {
        case .whole: return .skip(byteCount: offset, .garbage)
        case .partial where silence == .none: return .needMore(total: bytes.count + 1)
        case .wrong: candidateCount += 1
        case .partial, .none: break
        }
      }
      if offset >= 4, offset + 2 <= byteCountMax, bytes.hasStop(at: offset) {
        let next = offset + 2
        if isMark(bytes, at: next) { return .frame(byteCount: next, .lyingLength) }
        let mayBecomeMark =
          next == bytes.count || next + 1 == bytes.count && isHalfMark(bytes[next])
        if mayBecomeMark, silence == .none { return .needMore(total: bytes.count + 1) }
        if next == bytes.count { return .frame(byteCount: next, .lyingLength) }
      }
      offset += 1
    }
    if bytes.count >= byteCountMax { return skipGarbage(bytes) }
    return .needMore(total: bytes.count + 1)
  }

  /// Frames with right stop bytes and a wrong checksum, after which no further one is looked for.
  private static let candidateCountMax = 16

  private enum StrictFrame {
    case none, partial
    /// Stop bytes stand where the length says, and the checksum is wrong.
    case wrong
    case whole
  }

  /// Whether a GT06 frame with right stop bytes and checksum stands at `offset`.
  private static func strictFrame(_ bytes: Span<UInt8>, at offset: Int) -> StrictFrame {
    let lengthBytes = bytes[offset] == 0x79 ? 2 : 1
    if bytes[offset] == 0x68 { return .none }
    guard offset + 2 + lengthBytes <= bytes.count else { return .partial }
    let length =
      lengthBytes == 2 ? Int(bytes.be16(at: offset + 2)) : Int(bytes[offset + 2])
    guard length >= 5, length <= Limits.gt06LongLengthMax else { return .none }
    let end = offset + 2 + lengthBytes + length + 2
    guard end <= bytes.count else { return .partial }
    guard bytes.hasStop(at: end - 2) else { return .none }
    let checksum = CRCX25.checksum(bytes, offset + 2..<end - 4)
    return checksum == bytes.be16(at: end - 4) ? .whole : .wrong
  }
}
