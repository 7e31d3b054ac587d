// A spool over a simulated disk in two lines, and frames written as text.

import Testing

@testable import Queue

typealias TestSpool = Spool<SimulatedDisk>

extension SpoolGeometry {
  /// 16 segments of 8 pages; a commit of one page leaves room for four of them in a segment.
  static let small = SpoolGeometry(
    segmentByteCount: 8 * SpoolLimits.pageByteCount, segmentCount: SpoolLimits.segmentCountMin)

  /// Small commits that fit in a segment of `small`.
  static let commitsPerSegment = 4
}

/// An empty spool without tail slots: where its batches stand and how many there are is known.
func emptySpool(
  _ geometry: SpoolGeometry = .small, deviceCountMax: Int = 64
) -> TestSpool {
  var spool = TestSpool(
    disk: SimulatedDisk(geometry), geometry: geometry, deviceCountMax: deviceCountMax,
    secret: 0x5EC2E7, bootKey: 1)
  spool.tailByteCountMax = 0
  return spool
}

/// A spool that has read what is on `disk`.
func recovered(
  _ disk: SimulatedDisk, deviceCountMax: Int = 64, secret: UInt64 = 0,
  _ report: inout RecoveryReport
) -> TestSpool {
  let geometry = SpoolGeometry(
    segmentByteCount: disk.image[0].count, segmentCount: disk.image.count)
  var spool = TestSpool(
    disk: disk, geometry: geometry, deviceCountMax: deviceCountMax, secret: secret,
    bootKey: 1)
  spool.tailByteCountMax = 0
  report = spool.recover()
  return spool
}

func recovered(_ disk: SimulatedDisk, deviceCountMax: Int = 64) -> TestSpool {
  var report = RecoveryReport()
  return recovered(disk, deviceCountMax: deviceCountMax, &report)
}

func deviceKey(_ name: String) -> DeviceKey {
  var key = DeviceKey(family: 7, form: 1)
  for byte in name.utf8 { key.append(byte) }
  return key
}

func instant(_ milliseconds: Int64) -> Instant { Instant(milliseconds: milliseconds) }

extension Spool where D == SimulatedDisk {
  mutating func device(_ name: String) -> DeviceIndex { device(named: deviceKey(name))! }

  func name(_ device: DeviceIndex) -> String {
    key(of: device).withBytes { bytes in
      String(decoding: (0..<bytes.count).map { bytes[$0] }, as: UTF8.self)
    }
  }

  mutating func logIn(_ device: DeviceIndex, _ login: String) {
    setLogin(device, Array(login.utf8).span)
  }

  /// Appends a frame, which must find room.
  @discardableResult
  mutating func put(_ device: DeviceIndex, _ text: String, at now: Int64 = 0) -> AppendResult {
    let result = append(device, Array(text.utf8).span, .unlimited, now: instant(now))
    #expect(result != .full)
    return result
  }

  /// Appends and commits.
  mutating func store(_ device: DeviceIndex, _ text: String) {
    put(device, text)
    commit()
  }

  /// Makes everything durable.
  mutating func commit(at now: Int64 = 0) {
    var rounds = 0
    while hasUncommitted {
      rounds += 1
      guard rounds < 1_000 else {
        Issue.record("commits do not come to an end")
        return
      }
      commitIfDue(now: instant(now), isForced: true)
      let error = disk.finishCommit()
      commitFinished(error, now: instant(now))
    }
  }

  /// Writes what closes the newest batch.
  mutating func closeBatch(at now: Int64) {
    #expect(nextDeadline <= instant(now))
    commitIfDue(now: instant(now))
    let error = disk.finishCommit()
    commitFinished(error, now: instant(now))
  }

  /// Starts a commit and lets it fail.
  mutating func failCommit(
    _ fault: CommitFault = .write(.failed, byteCount: 0), at now: Int64 = 0
  ) {
    commitIfDue(now: instant(now), isForced: true)
    #expect(disk.isCommitting)
    let error = disk.finishCommit(fault)
    #expect(error != nil)
    commitFinished(error, now: instant(now))
  }

  /// Wants the frames of a device, without end.
  mutating func open(_ device: DeviceIndex) { setInterest(device, wants: true, hasRoom: true) }

  /// Sweeps until there is nothing to hand out, and says what was: "A1 text".
  mutating func sweepAll(at now: Int64 = 0, showsLogin: Bool = false) -> [String] {
    var handed: [String] = []
    var now = instant(now)
    for _ in 0..<100_000 {
      switch sweepStep(now: now) {
      case .frame(let frame):
        handed.append(text(frame, showsLogin: showsLogin))
        markSent(frame.device, frame.sequence)
      case .skipped: continue
      case .idle where sweep.wakeAt != .never: now = max(now, sweep.wakeAt)
      case .idle: return handed
      }
    }
    Issue.record("the sweep does not come to an end")
    return handed
  }

  /// The next frame the sweep hands out, not marked as sent yet.
  mutating func nextFrame(at now: Int64 = 0) -> SweptFrame? {
    var now = instant(now)
    for _ in 0..<100_000 {
      switch sweepStep(now: now) {
      case .frame(let frame): return frame
      case .skipped: continue
      case .idle where sweep.wakeAt != .never: now = max(now, sweep.wakeAt)
      case .idle: return nil
      }
    }
    Issue.record("the sweep does not come to an end")
    return nil
  }

  /// Opens every device and sweeps.
  mutating func drain(at now: Int64 = 0, showsLogin: Bool = false) -> [String] {
    for i in 0..<deviceCount where isKnown(DeviceIndex(i)) { open(DeviceIndex(i)) }
    return sweepAll(at: now, showsLogin: showsLogin)
  }

  func text(_ frame: SweptFrame, showsLogin: Bool = false) -> String {
    let bytes = withSwept(frame) { bytes in (0..<bytes.count).map { bytes[$0] } }
    let content = String(decoding: bytes, as: UTF8.self)
    let text = "\(name(frame.device))\(frame.sequence.rawValue) \(content)"
    if !showsLogin { return text }
    return text + " (\(String(decoding: login(ofSwept: frame), as: UTF8.self)))"
  }

  /// Proves delivery of everything up to `sequence`.
  mutating func confirm(_ device: DeviceIndex, _ sequence: UInt32, at place: LogPosition = .nowhere)
  {
    acknowledge(device, through: SequenceNumber(sequence), at: place, now: instant(0))
  }

  /// Proves delivery of everything a device has.
  mutating func confirmAll(_ device: DeviceIndex) {
    confirm(device, lastSequence(device).rawValue)
  }

  /// Frames of the device that were given up, as far as this spool knows.
  func droppedCount(_ device: DeviceIndex) -> Int { table[device].dropped.total }

  /// Lets `device` take up whole segments with frames that are delivered at once.
  mutating func passSegments(_ count: Int, _ device: DeviceIndex) {
    let target = nextGeneration + UInt32(count)
    while nextGeneration < target {
      store(device, "filler")
      confirmAll(device)
    }
  }
}
