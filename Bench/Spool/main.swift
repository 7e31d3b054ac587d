// How fast the spool commits, starts and drains on a real file system: `Bench/Spool/run`.
//
// usage: spool-bench commit DIRECTORY GROUP COUNT    GROUP records of 160 bytes a commit
//        spool-bench raw FILE GROUP COUNT            the same bytes, pwrite and fdatasync only
//        spool-bench backlog DIRECTORY MIB           stores what 10 000 devices send
//        spool-bench drain DIRECTORY MIB             starts with that and hands it out

import Glibc

let payload = [UInt8](repeating: 0x61, count: 160)
let arguments = CommandLine.arguments
let path = arguments[2]

func seconds(_ body: () -> Void) -> Double {
  let duration = ContinuousClock().measure(body)
  return Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
}

/// Three significant places are more than these figures are worth.
func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }

func key(_ i: Int) -> DeviceKey {
  var key = DeviceKey(family: 1, form: 1)
  for digit in String(100_000 + i).utf8 { key.append(digit) }
  return key
}

/// Resident memory in KiB, and its peak.
func memory() -> String {
  var usage = rusage()
  unsafe getrusage(0, &usage)
  return "peak RSS \(usage.ru_maxrss) KiB"
}

extension Spool where D == FileDisk {
  mutating func commit(_ now: Instant) {
    commitIfDue(now: now, isForced: true)
    commitFinished(disk.result, now: now)
  }

  mutating func put(_ device: DeviceIndex, _ now: Instant) {
    while append(device, payload.span, .unlimited, now: now) == .full { commit(now) }
  }
}

func commits(_ group: Int, _ count: Int) {
  let geometry = SpoolGeometry(capBytes: 64 << 20)
  var spool = Spool(
    disk: FileDisk(path, geometry, isFilled: true), geometry: geometry, deviceCountMax: 1_000,
    secret: 1, bootKey: 1)
  _ = spool.recover()
  let device = spool.device(named: key(0))!
  var now = Instant(milliseconds: 0)
  let time = seconds {
    for _ in 0..<count {
      now = now.advanced(by: 100)
      for _ in 0..<group { spool.put(device, now) }
      spool.commit(now)
      spool.acknowledge(
        device, through: spool.lastSequence(device), at: .nowhere, now: now)
    }
  }
  let bytes = Double(spool.disk.writtenByteCount) / Double(group * count * payload.count)
  print(
    "spool \(group) records/s \(Int(Double(group * count) / time)) bytes/byte \(rounded(bytes))"
      + " flushes/commit \(rounded(Double(spool.disk.commitCount) / Double(count)))")
}

/// What a commit of the spool writes, without the spool.
func raw(_ group: Int, _ count: Int) {
  let size = 64 << 20
  let descriptor = open(path, O_RDWR | O_CREAT, 0o644)
  let zeros = [UInt8](repeating: 0, count: 1 << 20)
  for i in 0..<64 { _ = unsafe pwrite(descriptor, zeros, zeros.count, i << 20) }
  fsync(descriptor)
  let byteCount = (48 + group * 180 + 4_095) / 4_096 * 4_096
  let bytes = [UInt8](repeating: 0x61, count: byteCount)
  var offset = 0
  let time = seconds {
    for _ in 0..<count {
      if offset + byteCount > size { offset = 0 }
      _ = unsafe pwrite(descriptor, bytes, byteCount, offset)
      fdatasync(descriptor)
      offset += byteCount
    }
  }
  print("raw \(group) records/s \(Int(Double(group * count) / time))")
}

func backlog(_ mebibytes: Int) {
  let geometry = SpoolGeometry(capBytes: Int64(mebibytes) << 20)
  let deviceCount = 10_000
  var stored = 0
  var spool = Spool(
    disk: FileDisk(path, geometry, isFilled: false), geometry: geometry,
    deviceCountMax: 16_384, secret: 2, bootKey: 1)
  _ = spool.recover()
  let devices = (0..<deviceCount).map { spool.device(named: key($0))! }
  let wanted = geometry.byteCount * 9 / 10
  let time = seconds {
    while spool.disk.writtenByteCount < wanted {
      // Devices send some frames at a time.
      let device = devices[stored / 4 % deviceCount]
      spool.put(device, Instant(milliseconds: Int64(stored / 20)))
      stored += 1
    }
    while spool.hasUncommitted { spool.commit(Instant(milliseconds: Int64(stored / 20) + 1_000)) }
  }
  print(
    "stored \(stored) frames in \(rounded(time)) s, \(Int(Double(stored) / time)) frames/s, "
      + "dropped \(spool.counters.droppedFrameCount), \(memory())")
}

func drain(_ mebibytes: Int) {
  let geometry = SpoolGeometry(capBytes: Int64(mebibytes) << 20)
  var spool = Spool(
    disk: FileDisk(path, geometry, isFilled: false), geometry: geometry,
    deviceCountMax: 16_384, secret: 3, bootKey: 1)
  var report = RecoveryReport()
  let time = seconds { report = spool.recover() }
  print(
    "start \(rounded(time)) s, \(spool.disk.readByteCount >> 20) MiB read, "
      + "\(report.undeliveredCount) undelivered, \(memory())")
  for i in 0..<spool.deviceCount {
    spool.setInterest(DeviceIndex(i), wants: true, hasRoom: true)
  }
  let now = Instant(milliseconds: 0)
  var handed = 0
  let drainTime = seconds {
    sweep: while true {
      switch spool.sweepStep(now: now) {
      case .frame(let frame):
        handed += 1
        spool.markSent(frame.device, frame.sequence)
        spool.acknowledge(frame.device, through: frame.sequence, at: frame.place, now: now)
      case .skipped: continue
      case .idle: break sweep
      }
    }
  }
  print(
    "drained \(handed) frames in \(rounded(drainTime)) s, \(Int(Double(handed) / drainTime)) "
      + "frames/s, \(memory())")
}

switch arguments[1] {
case "commit": commits(Int(arguments[3])!, Int(arguments[4])!)
case "raw": raw(Int(arguments[3])!, Int(arguments[4])!)
case "backlog": backlog(Int(arguments[3])!)
case "drain": drain(Int(arguments[3])!)
default: fatalError("unknown: \(arguments[1])")
}
