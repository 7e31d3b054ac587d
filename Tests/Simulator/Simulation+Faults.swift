// What goes wrong, and the end of it.

import Queue

extension Simulation {
  func fault() {
    if isCalm { return }
    at(500 + random.below(15_000), .fault)
    switch random.below(16) {
    case 0: kill()
    case 1:
      note("platform \(isPlatformUp ? "down" : "up")")
      isPlatformUp.toggle()
      if !isPlatformUp { for i in platform.indices { endPlatform(i) } }
    case 2, 3:
      withUpstream { i in
        note("cut upstream \(i)")
        endPlatform(i)
      }
    case 4:
      withUpstream { i in
        note("swallow upstream \(i)")
        forget(i)
      }
    case 5:
      withUpstream { i in
        note("stall upstream \(i) \(!platform[i].isStalled)")
        platform[i].isStalled.toggle()
        readAtPlatform(i)
      }
    case 6:
      isDiskSlow.toggle()
      note("disk slow \(isDiskSlow)")
    case 7:
      isDiskFaulty.toggle()
      note("disk faulty \(isDiskFaulty)")
    case 8, 9: withConnection(cut)
    case 10:
      withConnection { c in
        note("slow reader on connection \(c)")
        connections[c].isSlow = true
        connections[c].wasSlow = true
      }
    case 11:
      note("storm")
      for c in connections.indices where connections[c].isOpenAtDevice { cut(c) }
      for i in devices.indices { devices[i].connectAt = now + random.below(300) }
    case 12:
      note("the path to the platform forgets all connections")
      for i in platform.indices { forget(i) }
    case 13, 14: operate()
    default:
      isPlatformUp = true
      isDiskFaulty = false
    }
  }

  /// The path forgets a connection. The platform's end that is under way is not lost with it: of families that
  /// nobody answers, a kernel's word and silence is all there would ever be.
  private func forget(_ i: Int) {
    if platform[i].isOpenAtPlatform { platform[i].isSwallowed = true }
  }

  /// One of the newest connections to the platform.
  private func withUpstream(_ body: (Int) -> Void) {
    guard !platform.isEmpty else { return }
    body(platform.count - 1 - random.below(min(platform.count, devices.count * 2)))
  }

  private func withConnection(_ body: (Int) -> Void) {
    guard !connections.isEmpty else { return }
    body(connections.count - 1 - random.below(min(connections.count, devices.count * 2)))
  }

  /// A reset that reaches one end, both or none of them.
  private func cut(_ c: Int) {
    guard devices[connections[c].device].role.transport == .tcp else { return }
    note("cut connection \(c)")
    let (atDevice, atRelay) = (chance(70), chance(70))
    if atDevice { at(random.below(500), .endAtDevice(connection: c)) }
    if atRelay { at(random.below(500), .endAtRelay(connection: c, .reset)) }
    if !atDevice || !atRelay { swallow(c) }
  }

  func calm() {
    note("calm")
    isCalm = true
    isPlatformUp = true
    isDiskSlow = false
    isDiskFaulty = false
    resumeAll()
    for c in connections.indices { connections[c].isSlow = false }
    for i in platform.indices {
      platform[i].isStalled = false
      platform[i].isLate = false
      readAtPlatform(i)
      guard platform[i].manner != .good || platform[i].isSwallowed else { continue }
      endPlatform(i)
      // Never well again: what was swallowed is missing in the stream.
      if platform[i].isSwallowed { at(random.below(500), .upstreamTimeout(i)) }
    }
  }
}
