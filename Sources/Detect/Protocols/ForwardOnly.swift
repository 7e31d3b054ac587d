// What the dialects share that are forwarded line by line and never answered.

/// Framing of text lines, for devices and for servers whose answers are not known.
enum ForwardOnly {

  /// A line with its end, CR, LF or both; without one a long silence ends it.
  static func cutLine(_ bytes: Span<UInt8>, _ silence: Silence) -> Cut {
    for i in 0..<min(bytes.count, Limits.lineFrameBytesMax) {
      if bytes[i] == 0x0A { return .frame(byteCount: i + 1, []) }
      guard bytes[i] == 0x0D else { continue }
      if i + 1 < bytes.count {
        return .frame(byteCount: i + (bytes[i + 1] == 0x0A ? 2 : 1), [])
      }
      return silence > .none
        ? .frame(byteCount: i + 1, []) : .needMore(total: bytes.count + 1)
    }
    if bytes.count >= Limits.lineFrameBytesMax {
      return .skip(byteCount: Limits.lineFrameBytesMax, .garbage)
    }
    if silence == .long { return .frame(byteCount: bytes.count, []) }
    return .needMore(total: bytes.count + 1)
  }

  /// What a server says goes to the device line by line: nothing is known to be an answer. What has
  /// no line end goes after a silence.
  static func downCut(_ bytes: Span<UInt8>, _ silence: Silence) -> Cut {
    let padding = bytes.paddingCount()
    if padding > 0 { return .skip(byteCount: padding, .padding) }
    return cutLine(bytes, silence)
  }

  /// The place of `byteCount` digits that neither begin nor go on in more digits.
  static func placeOfDigits(_ frame: Span<UInt8>, byteCount: Int) -> Int? {
    var i = 0
    while i < frame.count {
      let digits = frame.digitCount(at: i)
      if digits == byteCount { return i }
      i += digits + 1
    }
    return nil
  }
}
