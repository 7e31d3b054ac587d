// The relay's side of the devices' connections.

import Detect
import Queue

@testable import Relay

extension Simulation {
  /// Lets the relay read what has arrived.
  func readConnections() -> Bool {
    var isBusy = false
    for c in connections.indices {
      guard connections[c].isOpenAtRelay, let slot = connections[c].slot else { continue }
      if connections[c].isRead, !connections[c].buffer.isEmpty {
        let whole = min(connections[c].buffer.count, RelayLimits.readByteCountMax)
        let count = chance(20) ? 1 + random.below(whole) : whole
        let bytes = Array(connections[c].buffer[..<count])
        connections[c].buffer.removeFirst(count)
        noteRead(c, count)
        engine.received(slot, bytes.span, moment)
        isBusy = true
      } else if connections[c].end == .reset {
        connections[c].isOpenAtRelay = false
        connections[c].slot = nil
        engine.sessionClosed(slot, moment)
        isBusy = true
      } else if connections[c].isRead, connections[c].end == .finished, !connections[c].isEndSeen {
        connections[c].isEndSeen = true
        connections[c].isRead = false
        engine.sessionInputEnded(slot, moment)
        isBusy = true
      }
    }
    return isBusy
  }

  func arriveAtRelay(_ c: Int, _ bytes: [UInt8]) {
    if devices[connections[c].device].role.transport == .udp {
      guard connections[c].isOpenAtDevice else { return }
      if let sent = connections[c].sent.first(where: { $0.bytes == bytes }) { receive(c, sent) }
      engine.datagram(connections[c].source, bytes.span, moment)
    } else if connections[c].isOpenAtRelay, connections[c].end == .none {
      connections[c].buffer += bytes
    }
  }

  /// Notes the frames that are whole with the next `count` bytes.
  private func noteRead(_ c: Int, _ count: Int) {
    connections[c].readByteCount += count
    while let first = connections[c].sent.first, first.end <= connections[c].readByteCount {
      connections[c].sent.removeFirst()
      receive(c, first)
    }
  }

  private func receive(_ c: Int, _ frame: SimulatedConnection.Sent) {
    let i = connections[c].device
    switch frame.content {
    case .login:
      connections[c].login = frame.bytes
      connections[c].loginsOwed += 1
    case .heartbeat: connections[c].loginsOwed += 1
    case .reply: connections[c].courtesiesOwed += 1
    case .report(let number):
      devices[i].receiptCount += 1
      devices[i].reports[number].receipts.append(
        Report.Receipt(
          number: devices[i].receiptCount, connection: c, login: connections[c].login))
      if devices[i].reports[number].isAlarm {
        connections[c].alarmsOwed.append(number)
      } else {
        connections[c].courtesiesOwed += 1
      }
      if !devices[i].reports[number].isDurable { undurable.append((i, number)) }
    }
  }

  // MARK: Writing

  private func connection(at slot: SessionSlot) -> Int? {
    connections.firstIndex { $0.slot == slot && $0.isOpenAtRelay }
  }

  func writeToDevice(_ bytes: [UInt8], _ slot: SessionSlot) -> Int? {
    guard let c = connection(at: slot) else { return nil }
    connections[c].wantsWrite = false
    if bytes.isEmpty { return 0 }
    let room = max(0, SimulatedConnection.windowByteCount - connections[c].unread)
    let count = min(bytes.count, chance(5) ? random.below(room + 1) : room)
    connections[c].wantsWrite = count < bytes.count
    if count > 0 { emit(Array(bytes[..<count]), on: c) }
    // Something always comes that lets it write again, as the kernel's notice would.
    if connections[c].wantsWrite, connections[c].unread == 0 {
      connections[c].arrivalAtDevice = wire(
        connections[c].arrivalAtDevice, .toDevice(connection: c, []))
    }
    return count
  }

  private func emit(_ bytes: [UInt8], on c: Int) {
    mix(bytes.count)
    connections[c].unread += bytes.count
    connections[c].emitted += bytes
    checkEmitted(c)
    if connections[c].isSlow { connections[c].arrivalAtDevice += random.below(20_000) }
    connections[c].arrivalAtDevice = wire(
      connections[c].arrivalAtDevice, .toDevice(connection: c, bytes))
  }

  func sendToDevice(_ bytes: [UInt8], _ source: PeerAddress) {
    guard let c = connections.firstIndex(where: { $0.source == source }) else { return }
    connections[c].emitted = bytes
    checkEmitted(c)
    if !connections[c].emitted.isEmpty { violate("half a frame in a datagram") }
    if chance(isCalm ? 0 : 10) { return }
    connections[c].unread += bytes.count
    at(1 + random.below(200), .toDevice(connection: c, bytes))
  }

  func closeAtRelay(_ slot: SessionSlot) {
    guard let c = connection(at: slot) else { return }
    connections[c].isOpenAtRelay = false
    connections[c].slot = nil
    connections[c].arrivalAtDevice = wire(
      connections[c].arrivalAtDevice, .endAtDevice(connection: c))
  }

  func readAtRelay(_ slot: SessionSlot, _ isReading: Bool) {
    guard let c = connection(at: slot) else { return }
    connections[c].isRead = isReading
  }
}
