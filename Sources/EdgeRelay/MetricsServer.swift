// Where Prometheus may fetch the figures over HTTP, if the operator wishes so.
//
// Bounded in everything: a few clients at a time, of which the one that came first makes room for another;
// the bytes of a request; the time of an exchange. What is slow is closed, and the devices notice nothing.

import Queue
import Relay

/// A client and its exchange.
struct MetricsClient {
  var descriptor: Int32 = -1
  var request: [UInt8] = []
  /// Empty until the request is whole.
  var answer = Text()
  /// How much of `answer` is written.
  var offset = 0
  /// When its time is up.
  var endsAt = Instant.never
}

/// The listening socket and its clients.
struct MetricsServer {
  static let clientCountMax = 8
  /// Milliseconds that an exchange may take.
  static let exchangeTimeout = 5_000

  /// -1 when nobody wants it.
  let descriptor: Int32
  var clients = [MetricsClient](repeating: MetricsClient(), count: clientCountMax)
  var nextClient = 0

  /// When the first client's time is up.
  var nextDeadline: Instant {
    var deadline = Instant.never
    for client in clients { deadline = min(deadline, client.endsAt) }
    return deadline
  }
}
