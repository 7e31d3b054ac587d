// The socket in the spool's directory on which a running relay answers the operator's commands.
//
//   client:  WORD\n, or WORD and its operands between tabs
//   relay:   records, one a line, each of fields between tabs; then the end
//            field: NAME=TEXT or NAME:NUMBER; the text - means that there is none
//
// The directory is locked by the relay, so a socket that stands there at start is nobody's. Devices
// are written piece by piece as the client reads, so that a large table costs little memory. A client
// that follows what happens stays until it goes, and loses what it does not read in time.

import CLinux
import Detect

/// What a client wants.
enum ControlQuestion: UInt8, CaseIterable {
  case status, devices, unknown, ledger, send, park, resume, drop, tail, reload
  /// Part of `dump`, and no command of its own.
  case settings

  var name: Literal {
    switch self {
    case .status: "status"
    case .devices: "devices"
    case .unknown: "unknown"
    case .ledger: "ledger"
    case .send: "send"
    case .park: "park"
    case .resume: "resume"
    case .drop: "drop"
    case .tail: "tail"
    case .reload: "reload"
    case .settings: "settings"
    }
  }

  /// Words that follow in a line; an empty one is any.
  var operandCount: Int {
    switch self {
    case .status, .devices, .unknown, .ledger, .reload, .settings: 0
    case .park, .resume, .drop, .tail: 2
    case .send: 3
    }
  }

  /// Whether it may be about one device.
  var namesDevice: Bool {
    switch self {
    case .status, .unknown, .reload, .settings: false
    case .devices, .ledger, .send, .park, .resume, .drop, .tail: true
    }
  }

  /// Whether it changes something or shows what devices say: for root and the relay's own user only.
  var isForOwner: Bool {
    switch self {
    case .status, .devices, .unknown, .ledger, .settings: false
    case .send, .park, .resume, .drop, .tail, .reload: true
    }
  }
}

/// A client and what it is still to be told.
struct ControlClient {
  var descriptor: Int32 = -1
  /// Grows with every client, so that the one that came first is known.
  var arrival: UInt64 = 0
  var input: [UInt8] = []
  var question: ControlQuestion?
  var output = Text()
  /// How much of `output` is written.
  var offset = 0
  /// The first device that is not in `output` yet.
  var nextDevice = 0
  /// Whether everything is in `output`.
  var isComplete = false
  /// Whether it waits for what will happen, and is told then.
  var isFollowing = false
  /// Whether it is watched for being able to take more.
  var isWriting = false
  /// The command that it has sent; zero is none.
  var ticket: UInt32 = 0
  /// The device that it follows, and its protocol; empty is any.
  var device: [UInt8] = []
  var protocolName: [UInt8] = []
  /// Lines that it was too slow for.
  var lostCount: UInt64 = 0

  var waitingByteCount: Int { output.count - offset }

  /// Whether it follows this device.
  func wants(_ identity: DeviceIdentity?, _ spoken: ProtocolID?) -> Bool {
    (device.isEmpty || identity?.isCalled(device) == true)
      && (protocolName.isEmpty || protocolID(named: protocolName) == spoken)
  }
}

/// The listening socket and its clients.
struct Control {
  /// Clients at a time; the one that came first makes room for another.
  static let clientCountMax = 8
  /// Those of them that may follow what happens; others find a place always.
  static let followerCountMax = 4
  /// Bytes kept for one that follows.
  static let followerBytesMax = 64 * 1_024
  /// Bytes of a question: a command for a device in hex, and its name.
  static let questionBytesMax = 4_352
  /// Devices written at a time.
  static let deviceCountPerPiece = 256

  /// -1 when the socket could not be made.
  let descriptor: Int32
  private let path: [UInt8]
  var clients = [ControlClient](repeating: ControlClient(), count: clientCountMax)
  private var arrivalCount: UInt64 = 0
  private var ticketCount: UInt32 = 0

  static func path(inSpool directory: [UInt8]) -> [UInt8] {
    directory + Text("/control.sock").bytes
  }

  init(spool directory: [UInt8], log: inout Log, clock: Clock) {
    path = Self.path(inSpool: directory)
    let made = withCString(path) { unsafe clinux_bind_local($0) }
    descriptor = made < 0 ? -1 : Int32(made)
    guard made < 0 else { return }
    var line = Text("no control socket, 'status' cannot ask path=")
    line.append(path)
    line.append(" error=")
    SystemError(code: Int32(-made)).write(to: &line)
    log.write(.warning, line, now: clock.now)
  }

  /// The place for another client: a free one, or that of the client that came first and does not
  /// follow.
  mutating func takePlace() -> Int {
    arrivalCount += 1
    var place: Int?
    for (i, client) in clients.enumerated() where !client.isFollowing {
      if client.arrival < place.map({ clients[$0].arrival }) ?? UInt64.max { place = i }
    }
    return place ?? 0
  }

  var followerCount: Int { clients.count { $0.isFollowing } }

  mutating func takeTicket() -> UInt32 {
    ticketCount = max(1, ticketCount &+ 1)
    return ticketCount
  }

  mutating func seat(_ descriptor: Int32, at place: Int) {
    clients[place].descriptor = descriptor
    clients[place].arrival = arrivalCount
  }

  /// Removes the socket: nobody answers from now on.
  func remove() {
    guard descriptor >= 0 else { return }
    _ = withCString(path) { unsafe clinux_unlink($0) }
  }
}

extension Text {
  /// Appends a field of text; a tab goes before every field but the first of a line.
  @inline(never)
  mutating func appendField(_ name: Literal, _ text: Text) {
    appendName(name)
    append(byte: 0x3D)
    for byte in text.bytes { append(byte: byte < 0x20 ? 0x3F : byte) }
  }

  @inline(never)
  mutating func appendField(_ name: Literal, _ text: Literal) {
    appendField(name, Text(text))
  }

  @inline(never)
  mutating func appendField(_ name: Literal, _ number: UInt64) {
    appendField("", name, number)
  }

  /// Appends a number under a name of two parts.
  @inline(never)
  mutating func appendField(_ prefix: Literal, _ name: Literal, _ number: UInt64) {
    appendName(prefix)
    append(name)
    append(byte: 0x3A)
    append(number)
  }

  /// Appends whole seconds, or that there are none.
  @inline(never)
  mutating func appendField(_ name: Literal, seconds milliseconds: Int64?) {
    if let milliseconds {
      appendField(name, UInt64(max(0, milliseconds / 1_000)))
    } else {
      appendField(name, "-")
    }
  }

  private mutating func appendName(_ name: Literal) {
    if !bytes.isEmpty, bytes.last != 0x0A { append(byte: 0x09) }
    append(name)
  }
}
