// Somebody at the command line, in every other world: devices are parked and resumed, and now and then what
// waits of one is dropped.

import Queue

extension Simulation {
  func operate() {
    guard seed % 2 == 1, engine.spool.deviceCount > 0 else { return }
    let device = DeviceIndex(random.below(engine.spool.deviceCount))
    guard engine.spool.isKnown(device) else { return }
    let key = engine.spool.key(of: device)
    if chance(20) {
      note("drop \(device.rawValue): \(engine.giveUp(key, instant)) frames")
      for entry in undurable { devices[entry.device].reports[entry.report].isGivenUp = true }
    } else if engine.isParked(device) {
      note("resume \(device.rawValue)")
      engine.resume(key, instant)
    } else {
      note("park \(device.rawValue)")
      if !engine.park(key, instant) { violate("device \(device.rawValue) cannot be parked") }
    }
  }

  /// Nobody waits for the operator any more.
  func resumeAll() {
    for key in engine.parked { engine.resume(key, instant) }
  }
}
