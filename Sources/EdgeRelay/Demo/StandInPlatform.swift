// A tracking platform to deliver to: takes connections, answers as servers do, writes down what came.
//
//   up    --cut-->     down: listener closed, every connection reset
//   down  --restore--> up, on the same port
//
// It judges for itself: its parsers, checksums and records share nothing with the relay. It runs on the
// caller's poller and reads no clock. Descriptors are closed by `close`, which the owner calls last.

import CLinux
import Queue
import Relay

/// A stand-in for the operator's platform.
struct StandInPlatform {
  /// One connection from the relay.
  struct Connection {
    var descriptor: Int32 = -1
    /// Whose it is since its last login, as an index into `records`; -1 before one.
    var record = -1
    /// What is spoken on it, once its first bytes have told.
    var speech: Speech?
    var input: [UInt8] = []
    var output: [UInt8] = []
    var isWriteWatched = false
  }

  /// Connections taken in one go.
  private static let acceptCountMax = 64
  /// Bytes read from a connection in one go.
  private static let readByteCountMax = 16 * 1_024

  /// Where it listens, and listens again after a cut.
  let address: PeerAddress
  var manners = PlatformManners()
  /// One per device that has logged in, in the order of first logins.
  var records: [PlatformRecord] = []
  /// Frames on a connection before its login, or under another name than the login's.
  var strangerFrameCount = 0
  /// Frames that were changed on their way, and bytes that are no frame.
  var corruptedCount = 0
  /// Frames of kinds or sequence numbers that no tracker sends.
  var unexpectedCount = 0
  private(set) var acceptedCount = 0
  private var listener: Int32 = -1
  var connections: [Connection] = []

  init(address: PeerAddress) { self.address = address }

  // MARK: Up and down

  var isUp: Bool { listener >= 0 }

  /// Listens, also again after a cut.
  @inline(never)
  mutating func restore(_ poller: borrowing Poller) throws(SystemError) {
    guard listener < 0 else { return }
    listener = try Sockets.bind(address, .tcp)
    try poller.add(
      listener, PollInterest(read: true, write: false), token: StageSource.listener.token(0))
  }

  /// The network or the platform fails: no listener, and every connection is reset.
  mutating func cut() {
    closeListener()
    for slot in connections.indices where connections[slot].descriptor >= 0 {
      clinux_reset_on_close(connections[slot].descriptor)
      end(slot)
    }
  }

  /// Closes everything for good.
  mutating func close() {
    closeListener()
    for slot in connections.indices { end(slot) }
  }

  private mutating func closeListener() {
    if listener >= 0 { Sockets.close(listener) }
    listener = -1
  }

  // MARK: Events

  mutating func accept(_ poller: borrowing Poller) {
    for _ in 0..<Self.acceptCountMax {
      guard listener >= 0, let accepted = try? Sockets.accept(listener) else { return }
      acceptedCount += 1
      let slot = connections.firstIndex { $0.descriptor < 0 } ?? connections.count
      if slot == connections.count { connections.append(Connection()) }
      connections[slot] = Connection(descriptor: accepted.descriptor)
      do {
        try poller.add(
          accepted.descriptor, PollInterest(read: true, write: false),
          token: StageSource.connection.token(slot))
      } catch {
        end(slot)
      }
    }
  }

  @inline(never)
  mutating func handle(
    _ slot: Int, _ event: PollEvent, _ poller: borrowing Poller, _ buffer: PageBuffer
  ) {
    guard slot < connections.count, connections[slot].descriptor >= 0 else { return }
    if event.isWritable { flush(slot, poller) }
    guard event.isReadable || event.isBroken, connections[slot].descriptor >= 0 else { return }
    let received = Sockets.receive(
      connections[slot].descriptor, into: buffer, max: Self.readByteCountMax)
    switch received {
    case .bytes(let count):
      buffer.withBytes(0..<count) { connections[slot].input.append($0) }
      read(slot)
      flush(slot, poller)
    case .wouldBlock:
      break
    case .ended, .failed:
      end(slot)
    }
  }

  // MARK: Commands

  /// Sends the command with number `flag` to a device; `false` when it has no connection now, or its
  /// protocol no commands.
  mutating func sendCommand(
    to number: Int, flag: UInt32, _ poller: borrowing Poller
  ) -> Bool {
    guard let record = records.firstIndex(where: { $0.number == number }) else { return false }
    let slot = records[record].connection
    guard slot >= 0, let command = connections[slot].speech?.command else { return false }
    connections[slot].output += command(number, flag)
    flush(slot, poller)
    return true
  }

  // MARK: Queries

  func record(of number: Int) -> PlatformRecord? { records.first { $0.number == number } }

  /// Distinct reports that came.
  var deliveredCount: Int { records.reduce(0) { $0 + $1.deliveredCount } }

  var connectionCount: Int { connections.count { $0.descriptor >= 0 } }

  // MARK: Connections

  private mutating func flush(_ slot: Int, _ poller: borrowing Poller) {
    let descriptor = connections[slot].descriptor
    guard descriptor >= 0 else { return }
    let output = connections[slot].output
    switch Sockets.send(descriptor, output.span) {
    case .bytes(let count): connections[slot].output.removeFirst(count)
    case .wouldBlock: break
    case .ended, .failed:
      end(slot)
      return
    }
    let isWaiting = !connections[slot].output.isEmpty
    if isWaiting != connections[slot].isWriteWatched {
      connections[slot].isWriteWatched = isWaiting
      poller.change(
        descriptor, PollInterest(read: true, write: isWaiting),
        token: StageSource.connection.token(slot))
    }
  }

  @inline(never)
  private mutating func end(_ slot: Int) {
    guard connections[slot].descriptor >= 0 else { return }
    Sockets.close(connections[slot].descriptor)
    let record = connections[slot].record
    if record >= 0, records[record].connection == slot { records[record].connection = -1 }
    connections[slot] = Connection()
  }
}
