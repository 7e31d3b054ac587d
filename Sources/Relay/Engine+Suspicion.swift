// Frames that break sessions; see Suspicion.swift.

import Detect
import Queue

extension Engine where D: ~Copyable {
  /// Notes that a session of a device has broken, before what it had in flight is forgotten.
  mutating func noteBreak(_ device: DeviceIndex, _ loss: UpstreamLoss, _ now: Instant) {
    let i = device.rawValue
    guard upstreams[i].phase == .live, loss == .closedByPeer else { return }
    if upstreams[i].endedAt != .never {
      // What the relay itself began says nothing about a frame, and would come to the same again.
      upstreams[i].refusesEnd = true
      return
    }
    for entry in upstreams[i].inFlight {
      switch entry.kind {
      case .login, .expired: continue
      case .stored: upstreams[i].suspicion.noteBreak(at: entry.sequence)
      case .neighbour:
        if upstreams[i].suspicion.noteNeighbourBroke() { emit(.log(.platformRefuses(device))) }
      case .suspect: convict(device, now)
      }
      return
    }
  }

  /// Keeps the suspect and its repetitions back, so that the next frame is sent without it; `false` for other
  /// frames, and while there is no next one.
  mutating func keepBack(_ device: DeviceIndex, _ frame: SweptFrame, _ bytes: Span<UInt8>) -> Bool {
    let i = device.rawValue
    guard upstreams[i].suspicion.measure == .behind,
      spool.lastSequence(device).isAfter(frame.sequence)
    else { return false }
    if upstreams[i].suspicion.bytes.isEmpty {
      guard frame.sequence == upstreams[i].suspicion.sequence else { return false }
      upstreams[i].suspicion.bytes = bytes.copied()
      upstreams[i].suspicion.login = spool.login(ofSwept: frame)
    } else {
      // Also under another login: the device has come back in between.
      guard frame.sequence == upstreams[i].suspicion.last.next,
        bytes.copied() == upstreams[i].suspicion.bytes
      else { return false }
    }
    upstreams[i].suspicion.last = frame.sequence
    return true
  }

  /// Sends the suspect behind a frame that is proven: both are settled by its proof.
  mutating func sendSuspect(_ device: DeviceIndex, behind neighbour: InFlight, _ now: Instant) {
    let i = device.rawValue
    let bytes = upstreams[i].suspicion.bytes
    let facts = upstreams[i].protocolID.row.facts(bytes.span)
    upstreams[i].suspicion.neighbour = neighbour
    sendLoginIfNew(device, upstreams[i].suspicion.login, now)
    push(
      device, bytes.span,
      InFlight(
        kind: .suspect, isRequired: facts.answer == .required, key: facts.key,
        sequence: neighbour.sequence, place: neighbour.place, ticket: Gate.none, sentAt: now,
        storedAt: neighbour.storedAt),
      now)
  }

  /// Lets a suspicion go once its frame is settled.
  mutating func clearSuspicion(_ device: DeviceIndex, settled last: SequenceNumber) {
    let i = device.rawValue
    guard upstreams[i].suspicion.brokenCount > 0,
      !upstreams[i].suspicion.sequence.isAfter(last)
    else { return }
    upstreams[i].suspicion.end()
  }

  private mutating func convict(_ device: DeviceIndex, _ now: Instant) {
    let i = device.rawValue
    guard upstreams[i].suspicion.convict(), let neighbour = upstreams[i].suspicion.neighbour else {
      return
    }
    var sequence = upstreams[i].suspicion.sequence
    while !sequence.isAfter(upstreams[i].suspicion.last) {
      noteQuarantined(device, sequence)
      sequence = sequence.next
    }
    noteDelivered(device, neighbour.sequence, .answer)
    emit(.quarantine(device, upstreams[i].suspicion.bytes))
    upstreams[i].suspicion.end()
    spool.acknowledge(device, through: neighbour.sequence, at: neighbour.place, now: now)
  }
}
