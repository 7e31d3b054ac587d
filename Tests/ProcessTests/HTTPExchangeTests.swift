// Requests of HTTP, byte by byte.

import Testing

@testable import EdgeRelay

@Suite("HTTP exchanges")
struct HTTPExchangeTests {
  private func status(_ request: String) -> String? {
    let answer = HTTPExchange.answer(to: Array(request.utf8)) { Text("figures\n") }
    return answer.map { String(decoding: $0.bytes.prefix { $0 != 0x0D }, as: UTF8.self) }
  }

  @Test(
    "Every whole request has its answer, and no beginning of it has one",
    arguments: [
      ("GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n", "200 OK"),
      ("GET /metrics HTTP/1.0\r\n\r\n", "200 OK"),
      ("GET /metrics?name=x HTTP/1.1\n\n", "200 OK"),
      ("GET /metricsx HTTP/1.1\r\n\r\n", "404 Not Found"),
      ("GET http://a/metrics HTTP/1.1\r\n\r\n", "404 Not Found"),
      ("HEAD /metrics HTTP/1.1\r\n\r\n", "405 Method Not Allowed"),
      ("get /metrics HTTP/1.1\r\n\r\n", "405 Method Not Allowed"),
      ("GET /metrics\r\n\r\n", "400 Bad Request"),
      ("GET  /metrics HTTP/1.1\r\n\r\n", "400 Bad Request"),
      ("GET /metrics HTTP/2\r\n\r\n", "400 Bad Request"),
      ("\u{1}\u{2}\r\n\r\n", "400 Bad Request"),
    ])
  func answers(_ request: String, _ expected: String) {
    #expect(status(request) == "HTTP/1.1 \(expected)")
    for count in 0..<request.utf8.count {
      #expect(status(String(decoding: request.utf8.prefix(count), as: UTF8.self)) == nil)
    }
  }

  @Test("A request without end is given up")
  func endless() {
    #expect(status(String(repeating: "x", count: HTTPExchange.requestBytesMax - 1)) == nil)
    #expect(
      status(String(repeating: "x", count: HTTPExchange.requestBytesMax))
        == "HTTP/1.1 431 Request Header Fields Too Large")
  }
}
