import Detect
import Foundation
import Queue
import Testing

@testable import Relay

@Suite struct DeadlineHeapTests {
  @Test func `a deadline is brought forward and never put off`() {
    var heap = DeadlineHeap()
    heap.bring(3, forwardTo: Instant(milliseconds: 50))
    heap.bring(3, forwardTo: Instant(milliseconds: 70))
    heap.bring(3, forwardTo: .never)
    #expect(heap.earliest == Instant(milliseconds: 50))
    heap.bring(3, forwardTo: Instant(milliseconds: 20))
    heap.bring(4, forwardTo: Instant(milliseconds: 30))
    #expect(heap.popExpired(Instant(milliseconds: 40)) == 3)
    #expect(heap.popExpired(Instant(milliseconds: 40)) == 4)
    #expect(heap.popExpired(Instant(milliseconds: 90)) == nil)
    heap.bring(3, forwardTo: .never)
    #expect(heap.earliest == .never)
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `keys expire in the order of their deadlines, and of their numbers`(seed: UInt64) {
    var random = RandomSource(seed: seed)
    var heap = DeadlineHeap()
    var reference: [Int: Int64] = [:]
    for _ in 0..<600 {
      let key = random.below(40)
      switch random.below(4) {
      case 0, 1:
        let deadline = Int64(random.below(50))
        heap.set(key, Instant(milliseconds: deadline))
        reference[key] = deadline
      case 2:
        heap.set(key, .never)
        reference[key] = nil
      default:
        let now = Int64(random.below(50))
        let first = reference.min { ($0.value, $0.key) < ($1.value, $1.key) }
        let expected = first.flatMap { $0.value <= now ? $0.key : nil }
        #expect(heap.popExpired(Instant(milliseconds: now)) == expected, "seed \(seed)")
        if let expected { reference[expected] = nil }
      }
      let earliest = reference.values.min().map { Instant(milliseconds: $0) } ?? .never
      #expect(heap.earliest == earliest, "seed \(seed)")
    }
  }
}

@Suite struct ByteQueueTests {
  @Test(arguments: 1...10 as ClosedRange<UInt64>)
  func `what goes in comes out in order, whatever the cuts`(seed: UInt64) {
    var random = RandomSource(seed: seed)
    var queue = ByteQueue()
    var reference: [UInt8] = []
    for _ in 0..<400 {
      if random.below(2) == 0 {
        let bytes = (0..<random.below(random.below(20) == 0 ? 6_000 : 40)).map { _ in
          UInt8(random.below(256))
        }
        let offset = random.below(bytes.count + 1)
        queue.append(bytes.span, from: offset)
        reference += bytes[offset...]
      } else {
        let count = random.below(reference.count + 1)
        queue.consume(count)
        reference.removeFirst(count)
      }
      #expect(queue.count == reference.count)
      #expect(queue.isEmpty == reference.isEmpty)
      let content = queue.withBytes { span in span.indices.map { span[$0] } }
      #expect(content == reference, "seed \(seed)")
    }
    queue.removeAll()
    #expect(queue.isEmpty)
  }
}

@Suite struct GateTests {
  private func entry(ticket: UInt32) -> GateEntry {
    GateEntry(
      session: SessionSlot(0), sessionGeneration: 0, spoolTicket: ticket, reply: Reply(),
      isReleased: false)
  }

  @Test func `answers leave with their ticket and not before, also when the numbers wrap`() {
    var gate = Gate()
    let last = UInt32.max
    for ticket in [last - 1, last, 0, 1] as [UInt32] { _ = gate.add(entry(ticket: ticket)) }
    #expect(gate.takeDurable(through: last - 2) == nil)
    #expect(gate.takeDurable(through: last)?.spoolTicket == last - 1)
    #expect(gate.takeDurable(through: last)?.spoolTicket == last)
    #expect(gate.takeDurable(through: last) == nil)
    #expect(gate.takeDurable(through: 1)?.spoolTicket == 0)
    #expect(gate.takeDurable(through: 1)?.spoolTicket == 1)
    #expect(gate.count == 0)
  }

  @Test func `an answer is handed out once`() {
    var gate = Gate()
    let ticket = gate.add(entry(ticket: 7))
    #expect(gate.release(ticket)?.spoolTicket == 7)
    #expect(gate.release(ticket) == nil)
    #expect(gate.count == 0)
    #expect(gate.takeDurable(through: 7) == nil)
    #expect(gate.release(ticket) == nil)
    #expect(gate.release(Gate.none) == nil)
  }

  @Test func `a full ring of answers is refused and every ticket finds its own`() {
    var gate = Gate()
    var tickets: [UInt32] = []
    // Off the ring's start, so that places wrap.
    for _ in 0..<100 { _ = gate.add(entry(ticket: 1)) }
    while gate.takeDurable(through: 1) != nil {}
    for i in 0..<RelayLimits.gateCountMax {
      #expect(!gate.isFull)
      tickets.append(gate.add(entry(ticket: UInt32(10 + i))))
    }
    #expect(gate.isFull)
    for (i, ticket) in tickets.enumerated() {
      #expect(gate.release(ticket)?.spoolTicket == UInt32(10 + i))
    }
  }
}

@Suite struct AddressIndexTests {
  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `every bound source is found and no other, after any removals`(seed: UInt64) {
    var random = RandomSource(seed: seed)
    let capacity = 24
    var index = AddressIndex(capacity: capacity, secret: seed)
    var sessions = [DeviceSession](repeating: DeviceSession(), count: capacity)
    var bound: [Int?] = [Int?](repeating: nil, count: capacity)
    for _ in 0..<500 {
      let slot = random.below(capacity)
      if bound[slot] != nil {
        index.remove(SessionSlot(slot), sessions)
        // Twice is as good as once.
        if random.below(2) == 0 { index.remove(SessionSlot(slot), sessions) }
        bound[slot] = nil
      } else {
        let address = random.below(1_000)
        if bound.contains(address) { continue }
        sessions[slot].source = .number(address)
        index.insert(SessionSlot(slot), sessions)
        bound[slot] = address
      }
      for (other, address) in bound.enumerated() {
        guard let address else { continue }
        #expect(index.find(.number(address), sessions) == SessionSlot(other), "seed \(seed)")
      }
      #expect(index.find(.number(5_000 + random.below(100)), sessions) == nil)
    }
  }
}

@Suite struct RelayLimitsTests {
  @Test func `bounds fit each other`() {
    #expect(RelayLimits.windowCountMax > 1)
    #expect(RelayLimits.greetingTimeout < RelayLimits.answerTimeout)
    #expect(RelayLimits.probeDelaySoon < RelayLimits.probeDelayOnline)
    #expect(RelayLimits.probeDelayOnline < RelayLimits.answerTimeout)
    #expect(RelayLimits.backoffMin < RelayLimits.backoffMax)
    #expect(RelayLimits.unknownDeviceBackoff <= RelayLimits.backoffMax)
    #expect(RelayLimits.unknownDeviceBackoff > RelayLimits.greetingTimeout)
    #expect(Int64(Limits.longSilence) < Int64(RelayLimits.detectionTimeout))
    #expect(RelayLimits.detectionTimeout < RelayLimits.loginTimeout)
    #expect(RelayLimits.bindingIdleTimeout < RelayLimits.sessionIdleTimeout)
    #expect(RelayLimits.deviceCountMax <= SpoolLimits.deviceCountMax)
    #expect(RelayLimits.sessionCountMax <= RelayLimits.deviceCountMax)
    // The ring's places stay in step when tickets start again, and no ticket is `Gate.none`.
    #expect(RelayLimits.gateCountMax.nonzeroBitCount == 1)
    #expect(RelayLimits.gateCountMax * 0x1_0000 < Int(Gate.none) / 2)
    // A whole frame fits wherever it has to wait.
    #expect(Limits.frameBytesMax <= RelayLimits.upstreamInputBytesMax)
    #expect(Limits.frameBytesMax <= RelayLimits.sessionOutputBytesMax)
    #expect(Limits.frameBytesMax <= SpoolLimits.payloadBytesMax / 2)
    #expect(Limits.detectionBytesMax <= RelayLimits.readByteCountMax)
    // Deadlines of all devices in the ramp stay within minutes.
    #expect(RelayLimits.dialInterval * RelayLimits.deviceCountMax < 300_000)
  }
}
