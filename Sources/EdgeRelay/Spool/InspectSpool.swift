// `edgerelay spool`: what stands in a spool.

import CLinux
import Queue

/// Looks at a spool and says what is there; returns the exit code.
func inspectSpool(_ options: SpoolOptions) -> Int32 {
  do throws(SystemError) {
    guard var look = try SpoolLook(options, writesFrames: true),
      look.report.foreignSegmentCount < look.spool.geometry.segmentCount
    else {
      return refuse(
        "no spool of this version (it may be in 'version-1' there) is in ", options.directory, nil,
        ExitCode.badData)
    }
    if look.isDoubtful, let again = try SpoolLook(options, writesFrames: false) {
      look.confirm(by: again)
    }
    if options.dumped == nil {
      write(&look, options)
    } else if look.isDoubtful {
      refuseDamage(options)
    }
    return look.isDoubtful ? ExitCode.failure : ExitCode.success
  } catch {
    return refuse("cannot read the spool ", options.directory, error, ExitCode.noInput)
  }
}

private func refuse(
  _ words: StaticString, _ directory: [UInt8], _ error: SystemError?, _ code: Int32
) -> Int32 {
  var text = Text("edgerelay: ")
  text.append(words)
  text.append(directory)
  if let error {
    text.append(": ")
    error.write(to: &text)
  }
  text.append("\n")
  text.printError()
  return code
}

private func refuseDamage(_ options: SpoolOptions) {
  _ = refuse(
    "frames are lost by damage; 'edgerelay spool' says where in ", options.directory, nil, 0)
}

private func write(_ look: inout SpoolLook, _ options: SpoolOptions) {
  let segments = segmentRecords(&look)
  let devices = deviceRecords(look)
  let damage = damageRecords(look)
  let summary = summaryRecord(look, options)
  var text = Text()
  if options.isJSON {
    for record in [summary] + segments + devices + damage { record.writeJSON(to: &text) }
  } else {
    summary.writeLines(to: &text)
    for records in [segments, devices, damage] where !records.isEmpty {
      text.append("\n")
      Record.writeTable(records, "", to: &text)
    }
  }
  text.print()
}

private func summaryRecord(_ look: borrowing SpoolLook, _ options: SpoolOptions) -> Record {
  var free = 0
  var used = 0
  for slot in 0..<look.spool.geometry.segmentCount {
    switch look.spool.standing(of: slot).state {
    case .used: used += 1
    case .blank, .free: free += 1
    case .foreign: break
    }
  }
  var total = WaitingFrames()
  for waiting in look.waiting {
    total.count += waiting.count
    total.byteCount += waiting.byteCount
    if let oldest = waiting.oldest { total.oldest = max(oldest, total.oldest ?? 0) }
  }
  var evicted: UInt64 = 0
  var damaged = UInt64(look.findings.missingFrameCount)
  for i in 0..<look.spool.deviceCount {
    let dropped = look.spool.dropCounts(of: DeviceIndex(i))
    evicted += UInt64(dropped.evicted)
    damaged += UInt64(dropped.damaged)
  }
  var record = Record()
  var directory = Text()
  directory.append(options.directory)
  record.append("spool", directory)
  record.append(
    "relay",
    isRelayAtWork(options) ? Text("at work, what it writes now may be missing") : Text("-"))
  record.append("file_system", Text(look.spool.disk.medium.name))
  record.append("weakness", Text(look.spool.disk.medium.weakness.name))
  record.append("segment_bytes", UInt64(look.spool.geometry.segmentByteCount))
  record.append("segments_used", UInt64(used))
  record.append("segments_free", UInt64(free))
  record.append("segments_foreign", UInt64(look.report.foreignSegmentCount))
  record.append("segments_unreadable", UInt64(look.findings.unreadableSegmentCount))
  record.append("devices", UInt64(look.report.deviceCount))
  record.append("frames_waiting", UInt64(total.count))
  record.append("bytes_waiting", UInt64(total.byteCount))
  record.append(seconds: "oldest_seconds", total.oldest)
  record.append("lost_full", evicted)
  record.append("lost_damaged", damaged)
  record.append("orphaned", UInt64(look.report.orphanCount))
  record.append("damaged_places", UInt64(look.findings.damagedRegions.count))
  record.append("torn_end", look.report.hasTornTail ? Text("yes, never answered") : Text("no"))
  record.append("read", options.isVerifying ? Text("everything") : Text("what waits"))
  return record
}

private func segmentRecords(_ look: inout SpoolLook) -> [Record] {
  var records: [Record] = []
  for slot in 0..<look.spool.geometry.segmentCount {
    let standing = look.spool.standing(of: slot)
    if standing.state == .blank { continue }
    var record = Record()
    record.append("segment", SpoolDirectory.name(of: slot))
    record.append("generation", UInt64(standing.generation))
    record.append("class", standing.isCold ? Text("cold") : Text("main"))
    switch standing.state {
    case .blank, .free: record.append("state", Text("free"))
    case .used: record.append("state", Text("used"))
    case .foreign: record.append("state", Text("foreign"))
    }
    record.append("filled", standing.state == .foreign ? 0 : UInt64(look.spool.fill(of: slot)))
    records.append(record)
  }
  return records
}

private func deviceRecords(_ look: borrowing SpoolLook) -> [Record] {
  var records: [Record] = []
  for (i, waiting) in look.waiting.enumerated() {
    let device = DeviceIndex(i)
    guard let identity = SpoolLook.identity(device, in: look.spool) else { continue }
    let dropped = look.spool.dropCounts(of: device)
    var record = Record()
    record.append("device", identity.name)
    record.append("protocol", identity.protocolName)
    record.append("waiting", UInt64(waiting.count))
    record.append("bytes", UInt64(waiting.byteCount))
    record.append(seconds: "oldest_seconds", waiting.oldest)
    record.append("lost_full", UInt64(dropped.evicted))
    record.append("lost_damaged", UInt64(dropped.damaged))
    records.append(record)
  }
  return records
}

private func damageRecords(_ look: borrowing SpoolLook) -> [Record] {
  var records: [Record] = []
  for region in look.findings.damagedRegions {
    var record = Record()
    record.append("damaged", SpoolDirectory.name(of: region.segment))
    record.append("generation", UInt64(region.generation & 0x7FFF_FFFF))
    record.append("offset", UInt64(region.range.lowerBound))
    record.append("bytes", UInt64(region.range.count))
    records.append(record)
  }
  return records
}

/// Whether a relay answers on the spool's socket.
private func isRelayAtWork(_ options: SpoolOptions) -> Bool {
  let connected = withCString(Control.path(inSpool: options.directory)) {
    unsafe clinux_connect_local($0)
  }
  if connected >= 0 { Sockets.close(Int32(connected)) }
  return connected >= 0
}
