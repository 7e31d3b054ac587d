// Answering those who fetch the figures over HTTP.

import CLinux
import Queue
import Relay

extension Loop {
  mutating func acceptMetrics(_ now: Instant) {
    while true {
      let accepted: (descriptor: Int32, peer: PeerAddress)
      do {
        accepted = try Sockets.accept(metrics.descriptor)
      } catch {
        if error.code != clinux_eagain { restListeners(error, now) }
        return
      }
      let i = metrics.nextClient
      metrics.nextClient = (i + 1) % MetricsServer.clientCountMax
      closeMetrics(i)
      metrics.clients[i].descriptor = accepted.descriptor
      metrics.clients[i].endsAt = now.advanced(by: MetricsServer.exchangeTimeout)
      if !watchMetrics(i, PollInterest(read: true, write: false), isNew: true) { closeMetrics(i) }
    }
  }

  @inline(never)
  mutating func handleMetrics(_ i: Int) {
    guard metrics.clients[i].descriptor >= 0 else { return }
    if metrics.clients[i].answer.isEmpty { readMetrics(i) } else { writeMetrics(i) }
  }

  private mutating func readMetrics(_ i: Int) {
    let buffer = buffer
    let room = HTTPExchange.requestBytesMax - metrics.clients[i].request.count
    switch Sockets.receive(metrics.clients[i].descriptor, into: buffer, max: room) {
    case .bytes(let count):
      buffer.withBytes(0..<count) { metrics.clients[i].request.append($0) }
    case .wouldBlock:
      return
    case .ended, .failed:
      closeMetrics(i)
      return
    }
    let answer = HTTPExchange.answer(to: metrics.clients[i].request) {
      var status = Text()
      writeStatus(to: &status)
      return Metric.text(Record.all(status.bytes)[0])
    }
    guard let answer else { return }
    metrics.clients[i].answer = answer
    _ = watchMetrics(i, PollInterest(read: false, write: true), isNew: false)
  }

  private mutating func writeMetrics(_ i: Int) {
    let client = metrics.clients[i]
    let rest = client.answer.bytes.span.extracting(client.offset..<client.answer.count)
    switch Sockets.send(client.descriptor, rest) {
    case .bytes(let count):
      metrics.clients[i].offset += count
      if count == rest.count { closeMetrics(i) }
    case .wouldBlock: break
    case .ended, .failed: closeMetrics(i)
    }
  }

  /// Ends the exchanges whose time is up.
  mutating func expireMetrics(_ now: Instant) {
    for i in metrics.clients.indices where metrics.clients[i].endsAt <= now { closeMetrics(i) }
  }

  @inline(never)
  private mutating func closeMetrics(_ i: Int) {
    if metrics.clients[i].descriptor >= 0 { Sockets.close(metrics.clients[i].descriptor) }
    metrics.clients[i] = MetricsClient()
  }
}
