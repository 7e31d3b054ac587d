// How bytes that nobody understands are explained to people: for `inspect` and for the relay's log.

import Detect

/// Bytes of which no protocol made anything.
enum UnknownTraffic {
  /// Bytes from the start that are shown.
  static let shownByteCountMax = 256

  /// Printable ASCII as it is, a dot for everything else.
  ///
  /// Quotes and backslashes become dots too, so that the text can stand between quotes anywhere.
  static func writeText(_ bytes: Span<UInt8>, to text: inout Text) {
    for i in 0..<min(bytes.count, shownByteCountMax) {
      let byte = bytes[i]
      let isPlain = byte >= 0x20 && byte < 0x7F && byte != 0x22 && byte != 0x5C
      text.append(byte: isPlain ? byte : 0x2E)
    }
  }

  static func writeHex(_ bytes: Span<UInt8>, to text: inout Text) {
    text.append(hex: bytes.extracting(0..<min(bytes.count, shownByteCountMax)))
  }

  /// One sentence for each of the nearest protocols, or one that there is none.
  static func explanations(_ bytes: Span<UInt8>) -> [Text] {
    let nearest = NearestProtocols(bytes)
    var sentences: [Text] = []
    for i in 0..<nearest.count {
      guard let near = nearest[i] else { continue }
      let row = near.protocolID.row
      var sentence = Text("near ")
      sentence.append(row.name)
      sentence.append(", which begins with ")
      sentence.append(row.notes().start)
      sentence.append(": ")
      if let wanted = near.wantedByteCount {
        sentence.append("everything fits, but ", wanted)
        sentence.append(" bytes or more should be there")
      } else if near.byteCount < bytes.count {
        sentence.append(near.byteCount)
        sentence.append(near.byteCount == 1 ? " byte fits" : " bytes fit")
        sentence.append(", the next (")
        sentence.append(hex: bytes[near.byteCount])
        sentence.append(") does not")
      } else {
        sentence.append("everything fits, but no frame is found")
      }
      sentences.append(sentence)
    }
    if sentences.isEmpty, bytes.count > 0 {
      var sentence = Text("near nothing: no protocol begins with ")
      sentence.append(hex: bytes[0])
      sentences.append(sentence)
    }
    if let sentence = laterStart(bytes) { sentences.append(sentence) }
    return sentences
  }

  /// The first place behind the start at which a protocol certainly begins.
  private static func laterStart(_ bytes: Span<UInt8>) -> Text? {
    for offset in 1..<max(1, min(bytes.count, shownByteCountMax)) {
      let rest = bytes.extracting(offset..<bytes.count)
      guard case .bound(let protocolID, .certain, skip: 0) = Detector.verdict(rest, silence: .none)
      else { continue }
      var sentence = Text(protocolID.row.name)
      sentence.append(" begins at byte ")
      sentence.append(offset)
      return sentence
    }
    return nil
  }

  /// The nearest protocols with the bytes that fit each.
  static func writeNear(_ bytes: Span<UInt8>, to line: inout Text) {
    let nearest = NearestProtocols(bytes)
    if nearest.count == 0 { line.append("none") }
    for i in 0..<nearest.count {
      guard let near = nearest[i] else { continue }
      if i > 0 { line.append(",") }
      line.append(near.protocolID.row.name)
      line.append(":", near.byteCount)
    }
  }
}
