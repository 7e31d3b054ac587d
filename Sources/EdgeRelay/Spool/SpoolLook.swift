// One look at a spool, with the relay's own recovery and walk over files that are open to be read only.
//
// A relay may be at work meanwhile: what it writes is half there when it is read, and a segment is written
// over while it is walked. So damage that one look finds is believed only when a second look, from the
// beginning, finds it in the same place of the same use of the segment.

import CLinux
import Detect
import Queue
import Relay

/// What waits for one device.
struct WaitingFrames {
  var count = 0
  var byteCount = 0
  /// Milliseconds since the oldest of known age was stored.
  var oldest: Int64?
}

/// What a look has found: a class, because it is large and handed about.
final class SpoolLook {
  var spool: Spool<SpoolDirectory>
  var report = RecoveryReport()
  var findings = SpoolFindings()
  var waiting: [WaitingFrames] = []

  /// Reads the spool in the directory of the options; `nil` when there is none.
  init?(_ options: SpoolOptions, writesFrames: Bool) throws(SystemError) {
    guard let disk = try SpoolDirectory.openToRead(path: options.directory) else { return nil }
    let geometry = disk.geometry
    spool = Spool(
      disk: disk, geometry: geometry, deviceCountMax: RelayLimits.deviceCountMax, secret: 1,
      bootKey: Clock.bootKey())
    report = spool.recover()
    let readsAll = options.isVerifying || options.dumpsAll
    waiting = [WaitingFrames](repeating: WaitingFrames(), count: spool.deviceCount)
    findings.unreadableSegmentCount = report.unreadableSegmentCount
    let wanted = writesFrames ? Self.devices(named: options.dumped ?? [], in: spool) : []
    let slots = spool.slotsToInspect(all: readsAll)
    let showsProgress = clinux_is_terminal(2) != 0
    for (i, slot) in slots.enumerated() {
      if showsProgress { Self.showProgress(i, slots.count) }
      var text = Text()
      spool.inspect(slot, now: Clock().now, &findings) { frame, bytes in
        let d = frame.device.rawValue
        if frame.isWaiting {
          waiting[d].count += 1
          waiting[d].byteCount += bytes.count
          if let age = frame.age { waiting[d].oldest = max(age, waiting[d].oldest ?? 0) }
        }
        guard frame.isWaiting || options.dumpsAll, wanted.contains(d) else { return }
        Self.write(frame, bytes, options, to: &text)
      }
      text.print()
    }
    if showsProgress { Text("\r\u{1B}[K").printError() }
    spool.countMissing(&findings)
    // What the recovery alone has read, and lost pages 0.
    for region in report.damagedRegions where !findings.has(region) {
      findings.damagedRegions.append(region)
    }
  }

  /// Whether anything is wrong that a relay at work may have caused by being read.
  var isDoubtful: Bool {
    !findings.damagedRegions.isEmpty || findings.missingFrameCount > 0
      || findings.unreadableSegmentCount > 0 || report.orphanCount > 0
  }

  /// Keeps of what is wrong only what another look has found as well.
  func confirm(by other: SpoolLook) {
    findings.damagedRegions = findings.damagedRegions.filter { other.findings.has($0) }
    findings.missingFrameCount = min(
      findings.missingFrameCount, other.findings.missingFrameCount)
    findings.unreadableSegmentCount = min(
      findings.unreadableSegmentCount, other.findings.unreadableSegmentCount)
    report.orphanCount = min(report.orphanCount, other.report.orphanCount)
  }

  /// Who a device is; `nil` for one of an unknown protocol.
  @inline(never)
  static func identity(
    _ device: DeviceIndex, in spool: borrowing Spool<SpoolDirectory>
  ) -> DeviceIdentity? {
    spool.isKnown(device) ? DeviceIdentity(spool.key(of: device)) : nil
  }

  private static func devices(
    named name: [UInt8], in spool: borrowing Spool<SpoolDirectory>
  ) -> [Int] {
    var found: [Int] = []
    for i in 0..<spool.deviceCount {
      if identity(DeviceIndex(i), in: spool)?.isCalled(name) == true { found.append(i) }
    }
    return found
  }

  private static func write(
    _ frame: StoredFrame, _ bytes: Span<UInt8>, _ options: SpoolOptions, to text: inout Text
  ) {
    guard options.isJSON else {
      text.append(hex: bytes)
      text.append("\n")
      return
    }
    var record = Text()
    record.appendField("sequence", UInt64(frame.sequence.rawValue))
    record.appendField("state", frame.isWaiting ? "waiting" : "delivered")
    record.appendField("age_seconds", seconds: frame.age)
    record.appendField("frame", Text(hex: bytes))
    record.append("\n")
    for record in Record.all(record.bytes) { record.writeJSON(to: &text) }
  }

  private static func showProgress(_ done: Int, _ count: Int) {
    var text = Text("\rsegment ")
    text.append(done + 1)
    text.append(" of ", count)
    text.printError()
  }
}

extension SpoolFindings {
  /// Whether any of this damage touches `region`.
  @inline(never)
  func has(_ region: DamagedRegion) -> Bool {
    damagedRegions.contains {
      $0.segment == region.segment && $0.generation == region.generation
        && $0.range.overlaps(region.range)
    }
  }
}
