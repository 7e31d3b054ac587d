// How fast the spool commits, starts and drains on a real file system: `Bench/Spool/run`.
//
// usage: spool-bench commit DIRECTORY GROUP COUNT    GROUP records of 160 bytes a commit, beside the same
//                                                    bytes with pwrite and fdatasync only
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

/// Groups of records, each of them once with the bare system calls and once in the spool: on a disk
/// that others use too, only neighbours can be compared.
func commits(_ group: Int, _ count: Int) {
  mkdir(path, 0o755)
  // What is configured by default. Every block is written before anything is measured.
  let geometry = SpoolGeometry(capBytes: 256 << 20)
  var raw = RawFile("\(path)/raw", byteCount: 48 + group * 180)
  var spool = Spool(
    disk: FileDisk("\(path)/ring", geometry, isFilled: true), geometry: geometry,
    deviceCountMax: 1_000, secret: 1, bootKey: 1)
  _ = spool.recover()
  let device = spool.device(named: key(0))!
  var rawTimes: [Double] = []
  var spoolTimes: [Double] = []
  for i in 0..<count {
    let now = Instant(milliseconds: Int64(i + 1) * 100)
    rawTimes.append(seconds { raw.commit() })
    spoolTimes.append(
      seconds {
        for _ in 0..<group { spool.put(device, now) }
        spool.commit(now)
        spool.acknowledge(device, through: spool.lastSequence(device), at: .nowhere, now: now)
      })
  }
  let total = spoolTimes.reduce(0, +)
  let own = (total - spool.disk.commitSeconds) / Double(group * count) * 1e9
  let bytes = Double(spool.disk.writtenByteCount) / Double(group * count * payload.count)
  report("raw", group, rawTimes)
  report(
    "spool", group, spoolTimes,
    " bytes/byte \(rounded(bytes))"
      + " flushes/commit \(rounded(Double(spool.disk.commitCount) / Double(count)))"
      + " ns/record without the disk \(Int(own))")
  print(
    "spool/raw \(group) all \(rounded(rawTimes.reduce(0, +) / total))"
      + " median commit \(rounded(median(rawTimes) / median(spoolTimes)))")
}

func report(_ name: String, _ group: Int, _ times: [Double], _ more: String = "") {
  let total = times.reduce(0, +)
  print(
    "\(name) \(group) records/s \(Int(Double(group * times.count) / total))"
      + " median commit \(Int(median(times) * 1e6)) us" + more)
}

func median(_ times: [Double]) -> Double { times.sorted()[times.count / 2] }

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
case "backlog": backlog(Int(arguments[3])!)
case "drain": drain(Int(arguments[3])!)
default: fatalError("unknown: \(arguments[1])")
}
