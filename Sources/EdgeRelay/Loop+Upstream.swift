// Descriptors of the devices' sessions with the platform.

import Queue
import Relay

extension Loop {
  @inline(never)
  mutating func handleUpstream(
    _ device: DeviceIndex, _ event: PollEvent, _ moment: Moment
  ) {
    let i = device.rawValue
    guard i < upstreams.count, upstreams[i].descriptor >= 0 else { return }
    if upstreams[i].isConnecting {
      finishConnecting(device, moment)
      return
    }
    if event.isWritable { flushUpstream(device, moment) }
    guard event.isReadable || event.isBroken, upstreams[i].descriptor >= 0 else { return }
    let buffer = buffer
    let limit = RelayLimits.readByteCountMax
    switch Sockets.receive(upstreams[i].descriptor, into: buffer, max: limit) {
    case .bytes(let byteCount):
      buffer.withBytes(0..<byteCount) { engine.upstreamReceived(device, $0, moment) }
    case .wouldBlock:
      break
    case .ended:
      // A reset that has come behind the end speaks against it.
      let descriptor = upstreams[i].descriptor
      let isInOrder = Sockets.isConnected(descriptor)
      let waiting = Sockets.unacknowledgedByteCount(descriptor)
      closeUpstream(device)
      engine.upstreamEnded(
        device, unacknowledgedByteCount: isInOrder ? waiting ?? .max : .max, moment)
    case .failed(let error):
      endUpstream(device, error.isByPeer ? .closedByPeer : .silent, moment)
    }
  }

  private mutating func finishConnecting(_ device: DeviceIndex, _ moment: Moment) {
    let i = device.rawValue
    upstreams[i].isConnecting = false
    guard Sockets.isConnected(upstreams[i].descriptor) else {
      addressIndex += 1
      endUpstream(device, .unreachable, moment)
      return
    }
    watchUpstream(device, PollInterest(read: true, write: false))
    engine.upstreamConnected(device, moment)
  }

  @inline(never)
  private mutating func endUpstream(
    _ device: DeviceIndex, _ loss: UpstreamLoss, _ moment: Moment
  ) {
    closeUpstream(device)
    engine.upstreamClosed(device, loss, moment)
  }

  @inline(never)
  mutating func closeUpstream(_ device: DeviceIndex) {
    let i = device.rawValue
    guard i < upstreams.count, upstreams[i].descriptor >= 0 else { return }
    Sockets.close(upstreams[i].descriptor)
    upstreams[i] = Watched()
  }

  mutating func measureUpstream(_ device: DeviceIndex, _ moment: Moment) {
    let i = device.rawValue
    guard i < upstreams.count, upstreams[i].descriptor >= 0, !upstreams[i].isConnecting,
      let waiting = Sockets.unacknowledgedByteCount(upstreams[i].descriptor)
    else { return }
    engine.upstreamMeasured(device, unacknowledgedByteCount: waiting, moment)
  }

  func endOutput(_ device: DeviceIndex) {
    let i = device.rawValue
    guard i < upstreams.count, upstreams[i].descriptor >= 0 else { return }
    Sockets.endOutput(upstreams[i].descriptor)
  }

  mutating func connect(_ device: DeviceIndex, _ moment: Moment) {
    let i = device.rawValue
    while upstreams.count <= i { upstreams.append(Watched()) }
    guard !addresses.isEmpty else {
      engine.upstreamClosed(device, .unreachable, moment)
      return
    }
    let address = addresses[addressIndex % addresses.count]
    let interest = PollInterest(read: false, write: true)
    do {
      let descriptor = try Sockets.connect(address, .tcp)
      upstreams[i] = Watched(descriptor: descriptor, interest: interest, isConnecting: true)
      try poller.add(descriptor, interest, token: Self.token(.upstream, i))
    } catch {
      addressIndex += 1
      closeUpstream(device)
      engine.upstreamClosed(device, .unreachable, moment)
    }
  }

  @inline(never)
  mutating func flushUpstream(_ device: DeviceIndex, _ moment: Moment) {
    let i = device.rawValue
    guard i < upstreams.count, upstreams[i].descriptor >= 0, !upstreams[i].isConnecting else {
      return
    }
    let descriptor = upstreams[i].descriptor
    let (transfer, waiting) = engine.withUpstreamOutput(device) {
      (Sockets.send(descriptor, $0), $0.count)
    }
    switch transfer {
    case .bytes(let byteCount):
      engine.upstreamWrote(device, byteCount)
      watchUpstream(device, PollInterest(read: true, write: byteCount < waiting))
    case .wouldBlock:
      engine.upstreamWrote(device, 0)
      watchUpstream(device, PollInterest(read: true, write: true))
    case .ended:
      endUpstream(device, .closedByPeer, moment)
    case .failed(let error):
      endUpstream(device, error.isByPeer ? .closedByPeer : .silent, moment)
    }
  }

  private mutating func watchUpstream(_ device: DeviceIndex, _ interest: PollInterest) {
    let i = device.rawValue
    guard upstreams[i].descriptor >= 0, upstreams[i].interest != interest else { return }
    upstreams[i].interest = interest
    poller.change(upstreams[i].descriptor, interest, token: Self.token(.upstream, i))
  }
}
