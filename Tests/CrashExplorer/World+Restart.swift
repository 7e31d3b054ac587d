// The checks after a crash: what recovery says, and what a drain then hands out.

/// What may be missing after a crash.
enum Soundness {
  /// Nothing but what was never durable.
  case sound
  /// What a single damaged bit can spoil; losses are to be counted.
  case damaged
}

extension World {
  /// I1, I4, I5: compares what a start has found with the ledger, and goes on from there.
  mutating func reconcile(_ soundness: Soundness) throws(Violation) {
    guard spool.order.count <= spool.segments.count else { throw Violation("segments twice") }
    if soundness == .sound, spool.coldCount < spool.order.count,
      spool.segments[spool.order[spool.coldCount]].generation < ledger.oldestDurable
    {
      throw Violation("a segment that was moved takes up room again")
    }
    ledger.oldestUnderWay = 0
    for d in 0..<ledger.devices.count { try reconcile(d, soundness) }
  }

  private mutating func reconcile(_ d: Int, _ soundness: Soundness) throws(Violation) {
    let device = ledger.devices[d]
    let name = String(decoding: device.name, as: UTF8.self)
    let found = spool.table.find(Self.key(device.name))
    if soundness == .sound, found == nil, device.durable > 0 {
      throw Violation("\(name) is unknown, with \(device.durable) durable frames")
    }
    let index = spool.device(named: Self.key(device.name))!
    spool.setHeld(index, true)
    let entry = spool.table[index]
    let (cursor, last) = (entry.acknowledged.rawValue, entry.last.rawValue)
    if last > device.last { throw Violation("\(name) \(last) was never appended") }
    // All that a device has may be where nothing can be read; it is counted then.
    let damaged = soundness == .sound ? 0 : entry.dropped.damaged
    if cursor > device.cursor + damaged {
      throw Violation("\(name) \(cursor) is called done with")
    }
    if soundness == .sound {
      if last < device.durable { throw Violation("\(name) \(device.durable) lost, \(last) left") }
      if cursor < device.cursorDurable {
        throw Violation("\(name) \(cursor), \(device.cursorDurable) was durably done with")
      }
      if entry.dropped.total < device.dropCount(through: cursor) {
        throw Violation("\(name): \(entry.dropped.total) counted as given up")
      }
      if entry.dropped.total > device.drops.last?.total ?? 0 || entry.dropped.damaged > 0 {
        throw Violation("\(name): \(entry.dropped.total) counted as given up, too many")
      }
    }
    ledger.devices[d].index = index
    ledger.devices[d].frames.removeLast(Int(device.last - last))
    ledger.devices[d].durable = last
    ledger.devices[d].cursor = cursor
    ledger.devices[d].cursorDurable = min(device.cursorDurable, cursor)
    ledger.devices[d].cursorUnderWay = 0
    ledger.devices[d].drops.removeAll { $0.through > cursor }
    if ledger.devices[d].drops.last?.total ?? 0 != entry.dropped.total {
      ledger.devices[d].drops.append((cursor, entry.dropped.total))
    }
    // The next login of this run must not be taken for one of the run before.
    let login = ledger.devices[d].login
    spool.setLogin(index, Ledger.login(ledger.devices[d], login).span)
  }

  /// Has a tail written that the sweep asks for; whether there was one.
  private mutating func bringTailHome() throws(Violation) -> Bool {
    guard spool.tail != nil, spool.tailDueAt <= now, spool.disk.order == nil else { return false }
    spool.commitIfDue(now: now)
    guard spool.disk.order != nil else { throw Violation("the tail is not written home") }
    try finishCommit()
    return true
  }

  /// I2, I3, I6: hands out everything there is and proves it; returns how many frames came.
  mutating func drain(_ soundness: Soundness) throws(Violation) -> Int {
    var count = 0
    inFlight.removeAll()
    for device in ledger.devices {
      spool.rewind(device.index)
      spool.setInterest(device.index, wants: true, hasRoom: true)
    }
    // What could not be read is tried again a little later.
    for _ in 0...SpoolLimits.unreadablePassesMax {
      repeat {
        while let frame = try next() {
          try take(frame, isSound: soundness == .sound)
          count += 1
        }
      } while try bringTailHome()
      ledger.now += Int64(SpoolLimits.unreadableDelay)
    }
    for device in ledger.devices {
      let entry = spool.table[device.index]
      spool.setInterest(device.index, wants: false, hasRoom: false)
      let isOnItsWay = entry.lastBatch > spool.durableThrough && spool.tail == nil
      guard entry.acknowledged.rawValue == device.last || isOnItsWay else {
        let name = String(decoding: device.name, as: UTF8.self)
        throw Violation("\(name): \(entry.acknowledged.rawValue) handed out of \(device.last)")
      }
      if soundness == .sound, entry.dropped.damaged > 0 {
        let name = String(decoding: device.name, as: UTF8.self)
        throw Violation("\(name): \(entry.dropped.damaged) damaged on a sound disk")
      }
    }
    return count
  }
}
