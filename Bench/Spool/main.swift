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

/// What is resident and not backed by a file, in KiB.
func anonymousMemory() -> Int {
  var text = [UInt8](repeating: 0, count: 200)
  let file = open("/proc/self/statm", O_RDONLY)
  let count = unsafe read(file, &text, text.count)
  close(file)
  let pages = text.prefix(max(0, count)).split(separator: 0x20).map {
    Int(String(decoding: $0, as: UTF8.self)) ?? 0
  }
  return (pages[1] - pages[2]) * 4
}

let memoryBefore = anonymousMemory()

/// What has been added since the start, and the peak of all resident memory.
func memory() -> String {
  var usage = rusage()
  unsafe getrusage(0, &usage)
  return "own memory \(anonymousMemory() - memoryBefore) KiB, peak RSS \(usage.ru_maxrss) KiB"
}

extension Spool where D == FileDisk {
  /// Waits for the commit under way.
  mutating func finish(_ now: Instant) {
    if disk.isCommitting { commitFinished(disk.finishCommit(), now: now) }
  }

  /// Starts the commit of what is gathered; the next batch gathers meanwhile.
  mutating func commit(_ now: Instant) {
    finish(now)
    commitIfDue(now: now, isForced: true)
  }

  /// Stores a record, and says where.
  @discardableResult
  mutating func put(_ device: DeviceIndex, _ now: Instant) -> LogPosition {
    while true {
      let result = append(device, payload.span, .unlimited, now: now)
      if case .stored(_, _, let place) = result { return place }
      if disk.isCommitting { finish(now) } else { commitIfDue(now: now, isForced: true) }
    }
  }
}

/// Groups of records, some with the bare system calls and as many in the spool, in turns: on a disk that
/// others use too, only neighbours can be compared.
func commits(_ group: Int, _ count: Int) {
  let turnCount = 16
  mkdir(path, 0o755)
  // What is configured by default. Every block is written before anything is measured.
  let geometry = SpoolGeometry(capBytes: 256 << 20)
  var raw = RawFile("\(path)/raw", byteCount: 48 + group * 180)
  var spool = Spool(
    disk: FileDisk("\(path)/ring", geometry, isFilled: true), geometry: geometry,
    deviceCountMax: 1_000, secret: 1, bootKey: 1)
  _ = spool.recover()
  let device = spool.device(named: key(0))!
  var now = Instant(milliseconds: 0)
  var rawTime = 0.0
  var spoolTime = 0.0
  var ownTime = 0.0
  var ratios: [Double] = []
  var place = LogPosition.nowhere
  for _ in stride(from: 0, to: count, by: turnCount) {
    let rawTurn = seconds { for _ in 0..<turnCount { raw.commit() } }
    let before = processorSeconds()
    let spoolTurn = seconds {
      for _ in 0..<turnCount {
        now = now.advanced(by: 100)
        let (last, lastPlace) = (spool.lastSequence(device), place)
        for _ in 0..<group { place = spool.put(device, now) }
        spool.finish(now)
        spool.acknowledge(device, through: last, at: lastPlace, now: now)
        spool.commitIfDue(now: now, isForced: true)
      }
      spool.finish(now)
    }
    ownTime += processorSeconds() - before
    rawTime += rawTurn
    spoolTime += spoolTurn
    ratios.append(rawTurn / spoolTurn)
  }
  let groupCount = ratios.count * turnCount
  let recordCount = Double(groupCount * group)
  let bytes = Double(spool.disk.writtenByteCount) / (recordCount * Double(payload.count))
  print("raw \(group) records/s \(Int(recordCount / rawTime))")
  print(
    "spool \(group) records/s \(Int(recordCount / spoolTime)) bytes/byte \(rounded(bytes))"
      + " flushes/commit \(rounded(Double(spool.disk.commitCount) / Double(groupCount)))"
      + " ns/record of the loop \(Int(ownTime / recordCount * 1e9))")
  print(
    "spool/raw \(group) all \(rounded(rawTime / spoolTime))"
      + " median \(rounded(ratios.sorted()[ratios.count / 2]))")
}

/// What the calling thread has used.
func processorSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
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
case "backlog": backlog(Int(arguments[3])!)
case "drain": drain(Int(arguments[3])!)
default: fatalError("unknown: \(arguments[1])")
}
