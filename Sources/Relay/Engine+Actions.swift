// What the operator does to single devices: a command, a park, a backlog given up.
//
// A device is named by its key, because its slot in the table may be another's later. A name that was
// given out anew while frames of its older number waited has two slots: what is done to the device is
// done to both.

import Detect
import Queue

/// Which device a name means.
public enum NamedDevice: Sendable {
  case none
  case one(DeviceKey)
  /// Devices of several protocols have the name.
  case several
}

extension Engine where D: ~Copyable {
  /// The device that people call `name`, of one protocol or of any; looks at every device.
  public func device(called name: [UInt8], _ protocolID: ProtocolID?) -> NamedDevice {
    var found = NamedDevice.none
    for i in 0..<spool.deviceCount where spool.isKnown(DeviceIndex(i)) {
      guard let identity = identity(of: DeviceIndex(i)), identity.isCalled(name),
        protocolID == nil || protocolID == identity.protocolID
      else { continue }
      let key = spool.key(of: DeviceIndex(i))
      switch found {
      case .none: found = .one(key)
      case .one(let other) where other == key: continue
      case .one, .several: return .several
      }
    }
    return found
  }

  /// Takes a command for a device as if the platform had sent it; its fate is logged under `ticket`.
  public mutating func command(
    _ key: DeviceKey, _ bytes: Span<UInt8>, ticket: UInt32, _ now: Instant
  ) {
    guard let device = spool.find(key) else {
      emit(.log(.command(nil, .refused, byteCount: bytes.count, .byOperator(ticket))))
      return
    }
    ensureUpstream(device)
    command(device, bytes, .byOperator(ticket), now)
  }

  // MARK: Parking

  /// Whether nothing of the device is sent to the platform for now.
  public func isParked(_ device: DeviceIndex) -> Bool {
    !parked.isEmpty && parked.contains(spool.key(of: device))
  }

  /// Stops sending what the device has and will have to the platform; its frames are kept and answered.
  /// Returns `false` when too many are parked.
  public mutating func park(_ key: DeviceKey, _ now: Instant) -> Bool {
    if parked.contains(key) { return true }
    guard parked.count < RelayLimits.parkedCountMax else { return false }
    parked.append(key)
    for device in slots(of: key) {
      let i = device.rawValue
      switch upstreams[i].phase {
      case .connecting, .greeting, .live:
        closeUpstream(device, nil, now)
      case .waiting:
        upstreams[i].phase = .idle
        schedule(device)
      case .idle, .closing:
        break
      }
    }
    return true
  }

  /// Sends a parked device's frames again.
  public mutating func resume(_ key: DeviceKey, _ now: Instant) {
    if let place = parked.firstIndex(of: key) {
      parked[place] = parked[parked.count - 1]
      parked.removeLast()
    }
    for device in slots(of: key) { wantUpstream(device, now) }
  }

  // MARK: Giving up

  /// Gives up everything of the device that waits for proof of delivery; returns how many frames.
  public mutating func giveUp(_ key: DeviceKey, _ now: Instant) -> Int {
    var count = 0
    for device in slots(of: key) {
      let i = device.rawValue
      count += spool.giveUp(device)
      upstreams[i].suspicion.end()
      if upstreams[i].phase == .live, !upstreams[i].inFlight.isEmpty {
        // An answer that is under way would prove another frame.
        upstreams[i].inFlight.removeAll()
        closeUpstream(device, nil, now)
      } else {
        updateInterest(device)
        settleUpstream(device, now)
      }
    }
    return count
  }

  /// The places of a device in the table that the engine has something to do with.
  @inline(never)
  private func slots(of key: DeviceKey) -> [DeviceIndex] {
    var slots: [DeviceIndex] = []
    for i in 0..<min(spool.deviceCount, upstreams.count)
    where spool.isKnown(DeviceIndex(i)) && spool.key(of: DeviceIndex(i)) == key {
      slots.append(DeviceIndex(i))
    }
    return slots
  }
}
