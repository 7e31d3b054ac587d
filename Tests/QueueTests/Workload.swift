// A random workload with every kind of device: one that is always busy, one that falls silent, one
// whose upstream never comes, one that comes in bursts, one whose login changes all the time, and
// many that send a single frame.

@testable import Queue

extension World {
  static let kinds = ["Busy", "Quiet", "Stuck", "Burst", "Login"]

  mutating func addDevices() {
    for name in Self.kinds { changeLogin(add(name)) }
    connect(0, window: 4)
  }

  /// One random operation, `progress` percent into the run. Commits are the caller's.
  mutating func act(progress: Int) {
    model.now += Int64(random.below(4))
    switch random.below(20) {
    case 0..<6: append(0, byteCount: size())
    case 6: if progress < 20 { append(1, byteCount: size()) }
    case 7: if random.chance(30) { append(2, byteCount: size()) }
    case 8:
      for _ in 0..<random.below(8) { append(3, byteCount: size()) }
    case 9:
      if random.chance(40) { changeLogin(4) }
      append(4, byteCount: size())
    case 10:
      if random.chance(20), model.devices.count < 40 {
        let d = add("One\(model.devices.count)")
        if random.chance(50) { changeLogin(d) }
        append(d, byteCount: size())
        if random.chance(50) { connect(d, window: 1) }
      }
    case 11: comeAndGo(3)
    case 12: comeAndGo(4)
    case 13: if random.chance(10) { comeAndGo(0) }
    case 14: if progress > 60 { comeAndGo(1) }
    case 15..<18:
      let d = random.below(model.devices.count)
      prove(d, random.below(model.devices[d].inFlight.count + 1))
    case 18: if random.chance(10) { rewind(random.below(model.devices.count)) }
    default: sweep(steps: random.below(60))
    }
  }

  private mutating func comeAndGo(_ d: Int) {
    if model.devices[d].isLive { disconnect(d) } else { connect(d, window: 1 + random.below(6)) }
  }

  /// Mostly small, at times larger than a page.
  private mutating func size() -> Int {
    random.chance(3) ? 4_000 + random.below(2_000) : 4 + random.below(60)
  }
}
