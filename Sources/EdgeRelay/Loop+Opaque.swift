// Descriptors of the platform's side of opaque sessions: one connection per session, whatever it says.

import Queue
import Relay

extension Loop {
  mutating func connectLink(_ slot: SessionSlot, _ moment: Moment) {
    let i = slot.rawValue
    while links.count <= i { links.append(Watched()) }
    guard !addresses.isEmpty else {
      engine.linkClosed(slot, moment)
      return
    }
    let interest = PollInterest(read: false, write: true)
    do {
      let descriptor = try Sockets.connect(addresses[addressIndex % addresses.count], .tcp)
      links[i] = Watched(descriptor: descriptor, interest: interest, isConnecting: true)
      try poller.add(descriptor, interest, token: Self.token(.link, i))
    } catch {
      endLink(slot, moment)
    }
  }

  @inline(never)
  mutating func handleLink(_ slot: SessionSlot, _ event: PollEvent, _ moment: Moment) {
    let i = slot.rawValue
    guard i < links.count, links[i].descriptor >= 0 else { return }
    if links[i].isConnecting {
      links[i].isConnecting = false
      guard Sockets.isConnected(links[i].descriptor) else {
        endLink(slot, moment)
        return
      }
      watchLink(slot, writes: false)
      engine.linkConnected(slot)
      return
    }
    if event.isWritable { flushLink(slot, moment) }
    guard event.isReadable || event.isBroken, links[i].descriptor >= 0 else { return }
    let buffer = buffer
    switch Sockets.receive(links[i].descriptor, into: buffer, max: RelayLimits.readByteCountMax) {
    case .bytes(let byteCount):
      buffer.withBytes(0..<byteCount) { engine.linkReceived(slot, $0, moment) }
    case .wouldBlock:
      break
    case .ended, .failed:
      endLink(slot, moment)
    }
  }

  @inline(never)
  mutating func flushLink(_ slot: SessionSlot, _ moment: Moment) {
    let i = slot.rawValue
    guard i < links.count, links[i].descriptor >= 0, !links[i].isConnecting else { return }
    let descriptor = links[i].descriptor
    let (transfer, waiting) = engine.withLinkOutput(slot) {
      (Sockets.send(descriptor, $0), $0.count)
    }
    switch transfer {
    case .bytes(let byteCount):
      watchLink(slot, writes: byteCount < waiting)
      engine.linkWrote(slot, byteCount, moment)
    case .wouldBlock:
      watchLink(slot, writes: true)
    case .ended, .failed:
      endLink(slot, moment)
    }
  }

  @inline(never)
  private mutating func watchLink(_ slot: SessionSlot, writes: Bool) {
    let i = slot.rawValue
    let interest = PollInterest(read: true, write: writes)
    guard links[i].interest != interest else { return }
    links[i].interest = interest
    poller.change(links[i].descriptor, interest, token: Self.token(.link, i))
  }

  private mutating func endLink(_ slot: SessionSlot, _ moment: Moment) {
    closeLink(slot)
    engine.linkClosed(slot, moment)
  }

  @inline(never)
  mutating func closeLink(_ slot: SessionSlot) {
    let i = slot.rawValue
    guard i < links.count, links[i].descriptor >= 0 else { return }
    Sockets.close(links[i].descriptor)
    links[i] = Watched()
  }
}
