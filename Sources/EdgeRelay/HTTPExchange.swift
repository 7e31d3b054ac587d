// The least of HTTP that Prometheus needs: one GET of /metrics, one answer, then the end. HTTP/1.0 and
// 1.1; a request is its first line, the rest up to the empty line is passed over.

/// What a client has sent so far.
enum HTTPExchange {
  /// Bytes of a request with all its header lines.
  static let requestBytesMax = 4_096

  /// The whole answer to `request`, or `nil` while more of it may come.
  static func answer(to request: [UInt8], _ metrics: () -> Text) -> Text? {
    guard isComplete(request) else {
      return request.count < requestBytesMax ? nil : failure("431 Request Header Fields Too Large")
    }
    let line = request.prefix { $0 != 0x0D && $0 != 0x0A }
    let words = Array(line).parts(at: 0x20)
    guard words.count == 3, Array(words[2].prefix(7)).spells("HTTP/1.") else {
      return failure("400 Bad Request")
    }
    guard words[0].spells("GET") else { return failure("405 Method Not Allowed") }
    guard Array(words[1].prefix { $0 != 0x3F }).spells("/metrics") else {
      return failure("404 Not Found")
    }
    return answer("200 OK", metrics())
  }

  /// Whether the empty line is there.
  private static func isComplete(_ request: [UInt8]) -> Bool {
    var isLineEmpty = false
    for byte in request {
      if byte == 0x0A, isLineEmpty { return true }
      if byte != 0x0D { isLineEmpty = byte == 0x0A }
    }
    return false
  }

  private static func failure(_ status: Literal) -> Text {
    var body = Text(status)
    body.append("; figures are at /metrics\n")
    return answer(status, body)
  }

  private static func answer(_ status: Literal, _ body: Text) -> Text {
    var text = Text("HTTP/1.1 ")
    text.append(status)
    text.append("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nAllow: GET\r\n")
    text.append("Connection: close\r\nContent-Length: ", body.count)
    text.append("\r\n\r\n")
    text.append(body)
    return text
  }
}
