// The platform's bytes: answers are swallowed, everything else goes to the device, whole.
//
// A command for a device that cannot be reached waits for its next frame: then a connection stands, and
// every address translation on the way is open. What has waited for a minute is dropped, so that no
// command is ever carried out late; one that was passed is never passed again.

import Detect
import Queue

extension Engine where D: ~Copyable {
  /// Takes bytes from the platform's side of a device's session.
  public mutating func upstreamReceived(
    _ device: DeviceIndex, _ bytes: Span<UInt8>, _ moment: Moment
  ) {
    let i = device.rawValue
    guard upstreams[i].phase == .greeting || upstreams[i].phase == .live else { return }
    upstreams[i].lastByteAt = moment.instant
    upstreams[i].input.append(bytes)
    readUpstream(device, .none, moment)
  }

  /// Cuts and handles what the platform has sent so far.
  mutating func readUpstream(_ device: DeviceIndex, _ silence: Silence, _ moment: Moment) {
    let i = device.rawValue
    let row = upstreams[i].protocolID.row
    // Out of the session while it is read, so that reading may change the session.
    var input = ByteQueue()
    swap(&input, &upstreams[i].input)
    let consumed = input.withBytes { bytes in
      var offset = 0
      while offset < bytes.count, upstreams[i].phase == .greeting || upstreams[i].phase == .live {
        let rest = bytes.extracting(offset..<bytes.count)
        switch row.downCut(rest, silence) {
        case .needMore:
          return offset
        case .skip(let byteCount, let reason):
          if reason == .garbage {
            // After a silence: the start of a frame whose end was lost on the way. The device would
            // take it for the start of what comes next.
            noise(device, rest.extracting(0..<byteCount), isPart: silence != .none)
          }
          offset += byteCount
        case .frame(let byteCount, _):
          let frame = rest.extracting(0..<byteCount)
          switch row.downMeaning(frame) {
          case .answer(let key): confirm(device, key, frame, moment.instant)
          case .command: command(device, frame, .platform, moment.instant)
          }
          offset += byteCount
        }
      }
      return offset
    }
    guard upstreams[i].phase == .greeting || upstreams[i].phase == .live else { return }
    input.consume(consumed)
    swap(&input, &upstreams[i].input)
    if upstreams[i].input.count > RelayLimits.upstreamInputBytesMax {
      closeUpstream(device, .floods, moment.instant)
      return
    }
    schedule(device)
  }

  // MARK: Commands

  /// Hands a command to the device, or keeps it for a while when the device cannot be reached.
  @inline(never)
  mutating func command(
    _ device: DeviceIndex, _ bytes: Span<UInt8>, _ source: CommandSource, _ now: Instant
  ) {
    let key = spool.key(of: device)
    let mustWait = holdsCommand(for: key)
    if !mustWait, let slot = upstreams[device.rawValue].session, isReachable(slot, now) {
      pass(device, bytes, to: slot, .passed, source)
      return
    }
    guard bytes.count <= RelayLimits.heldCommandBytesMax,
      heldCommands.count < RelayLimits.heldCommandCountMax
    else {
      drop(device, .refused, byteCount: bytes.count, source)
      return
    }
    Self.append(
      HeldCommand(device: key, bytes: bytes.copied(), source: source, heldAt: now),
      to: &heldCommands)
    emit(.log(.command(device, .held, byteCount: bytes.count, source)))
  }

  /// Passes what is kept for a session's device, which has just sent a frame.
  mutating func passHeldCommands(to slot: SessionSlot, _ now: Instant) {
    dropStaleCommands(now)
    guard let device = sessions[slot.rawValue].device else { return }
    let key = spool.key(of: device)
    guard holdsCommand(for: key) else { return }
    for command in takeCommands({ $0.device == key }) {
      pass(device, command.bytes.span, to: slot, .passedLate, command.source)
    }
  }

  /// Drops the commands that nobody waits for any more.
  mutating func dropStaleCommands(_ now: Instant) {
    guard let first = heldCommands.first, first.expiresAt <= now else { return }
    for stale in takeCommands({ $0.expiresAt <= now }) {
      drop(spool.find(stale.device), .expired, byteCount: stale.bytes.count, stale.source)
    }
  }

  @inline(never)
  private mutating func holdsCommand(for key: DeviceKey) -> Bool {
    for command in heldCommands where command.device == key { return true }
    return false
  }

  /// Takes the commands that are `wanted` out of those that are kept.
  @inline(never)
  private mutating func takeCommands(_ wanted: (HeldCommand) -> Bool) -> [HeldCommand] {
    var taken: [HeldCommand] = []
    var kept: [HeldCommand] = []
    for command in heldCommands {
      if wanted(command) {
        Self.append(command, to: &taken)
      } else {
        Self.append(command, to: &kept)
      }
    }
    heldCommands = kept
    return taken
  }

  /// The one place where a list of commands grows, which is a few hundred bytes of code.
  @inline(never)
  private static func append(_ command: HeldCommand, to commands: inout [HeldCommand]) {
    commands.append(command)
  }

  private func isReachable(_ slot: SessionSlot, _ now: Instant) -> Bool {
    switch sessions[slot.rawValue].transport {
    case .tcp: true
    case .udp:
      now.since(sessions[slot.rawValue].lastByteAt) <= Int64(RelayLimits.datagramReachInterval)
    }
  }

  @inline(never)
  private mutating func pass(
    _ device: DeviceIndex, _ bytes: Span<UInt8>, to slot: SessionSlot, _ fate: CommandFate,
    _ source: CommandSource
  ) {
    ledger.commandCount += 1
    emit(.log(.command(device, fate, byteCount: bytes.count, source)))
    if isWatched { watch(slot, bytes, .command) }
    output(bytes, to: slot)
  }

  @inline(never)
  private mutating func drop(
    _ device: DeviceIndex?, _ fate: CommandFate, byteCount: Int, _ source: CommandSource
  ) {
    ledger.droppedCommandCount += 1
    emit(.log(.command(device, fate, byteCount: byteCount, source)))
  }

  /// Hands bytes that are no frame, nor part of one, to the device if it is there: who knows what they
  /// are.
  @inline(never)
  private mutating func noise(_ device: DeviceIndex, _ bytes: Span<UInt8>, isPart: Bool) {
    if !isPart, let slot = upstreams[device.rawValue].session {
      if isWatched { watch(slot, bytes, .noise) }
      output(bytes, to: slot)
    } else {
      emit(.log(.noiseDropped(device, byteCount: bytes.count)))
    }
  }
}
