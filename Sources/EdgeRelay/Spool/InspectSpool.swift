// `edgerelay spool`: what stands in a spool.

import CLinux
import Detect
import Queue

/// Looks at a spool and says what is there; returns the exit code.
@inline(never)
func inspectSpool(_ options: SpoolOptions) -> Int32 {
  do throws(SystemError) {
    guard let look = try SpoolLook(options, writesFrames: true),
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
      write(look, options)
    } else if look.isDoubtful {
      complain("frames are lost by damage; 'edgerelay spool' says where in ", options.directory)
    }
    return look.isDoubtful ? ExitCode.failure : ExitCode.success
  } catch {
    return refuse("cannot read the spool ", options.directory, error, ExitCode.noInput)
  }
}

private func refuse(
  _ words: Literal, _ directory: [UInt8], _ error: SystemError?, _ code: Int32
) -> Int32 {
  complain(words, directory, error)
  return code
}

private func write(_ look: SpoolLook, _ options: SpoolOptions) {
  let segments = Record.all(segmentLines(look).bytes)
  let devices = Record.all(deviceLines(look).bytes)
  let damage = Record.all(damageLines(look).bytes)
  let summary = Record.all(summaryLines(look, options).bytes)
  var text = Text()
  if options.isJSON {
    for record in summary + segments + devices + damage { record.writeJSON(to: &text) }
  } else {
    for record in summary { record.writeLines(to: &text) }
    for records in [segments, devices, damage] where !records.isEmpty {
      text.append("\n")
      Record.writeTable(records, "", to: &text)
    }
  }
  text.print()
}

private func summaryLines(_ look: SpoolLook, _ options: SpoolOptions) -> Text {
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
  var givenUp: UInt64 = 0
  var damaged = UInt64(look.findings.missingFrameCount)
  for i in 0..<look.spool.deviceCount {
    let dropped = look.spool.dropCounts(of: DeviceIndex(i))
    evicted += UInt64(dropped.evicted)
    damaged += UInt64(dropped.damaged)
    givenUp += UInt64(dropped.byOperator)
  }
  var text = Text()
  var directory = Text()
  directory.append(options.directory)
  text.appendField("spool", directory)
  text.appendField(
    "relay",
    isRelayAtWork(options) ? "at work, what it writes now may be missing" : "-")
  text.appendField("file_system", Literal(look.spool.disk.medium.name))
  text.appendField("weakness", Literal(look.spool.disk.medium.weakness.name))
  text.appendField("segment_bytes", UInt64(look.spool.geometry.segmentByteCount))
  text.appendField("segments_used", UInt64(used))
  text.appendField("segments_free", UInt64(free))
  text.appendField("segments_foreign", UInt64(look.report.foreignSegmentCount))
  text.appendField("segments_unreadable", UInt64(look.findings.unreadableSegmentCount))
  text.appendField("devices", UInt64(look.report.deviceCount))
  text.appendField("frames_waiting", UInt64(total.count))
  text.appendField("bytes_waiting", UInt64(total.byteCount))
  text.appendField("oldest_seconds", seconds: total.oldest)
  text.appendField("lost_full", evicted)
  text.appendField("lost_damaged", damaged)
  text.appendField("lost_operator", givenUp)
  text.appendField("orphaned", UInt64(look.report.orphanCount))
  text.appendField("damaged_places", UInt64(look.findings.damagedRegions.count))
  text.appendField("torn_end", look.report.hasTornTail ? "yes, never answered" : "no")
  text.appendField("read", options.isVerifying ? "everything" : "what waits")
  text.append("\n")
  return text
}

private func segmentLines(_ look: SpoolLook) -> Text {
  var text = Text()
  for slot in 0..<look.spool.geometry.segmentCount {
    let standing = look.spool.standing(of: slot)
    if standing.state == .blank { continue }
    text.appendField("segment", SpoolDirectory.name(of: slot))
    text.appendField("generation", UInt64(standing.generation))
    text.appendField("class", standing.isCold ? "cold" : "main")
    switch standing.state {
    case .blank, .free: text.appendField("state", "free")
    case .used: text.appendField("state", "used")
    case .foreign: text.appendField("state", "foreign")
    }
    text.appendField("filled", standing.state == .foreign ? 0 : UInt64(look.spool.fill(of: slot)))
    text.append("\n")
  }
  return text
}

private func deviceLines(_ look: SpoolLook) -> Text {
  var text = Text()
  for (i, waiting) in look.waiting.enumerated() {
    let device = DeviceIndex(i)
    guard let identity = SpoolLook.identity(device, in: look.spool) else { continue }
    let dropped = look.spool.dropCounts(of: device)
    text.appendField("device", identity.written)
    text.appendField("protocol", identity.protocolID.row.name)
    text.appendField("waiting", UInt64(waiting.count))
    text.appendField("bytes", UInt64(waiting.byteCount))
    text.appendField("oldest_seconds", seconds: waiting.oldest)
    text.appendField("lost_full", UInt64(dropped.evicted))
    text.appendField("lost_damaged", UInt64(dropped.damaged))
    text.appendField("lost_operator", UInt64(dropped.byOperator))
    text.append("\n")
  }
  return text
}

private func damageLines(_ look: SpoolLook) -> Text {
  var text = Text()
  for region in look.findings.damagedRegions {
    text.appendField("damaged", SpoolDirectory.name(of: region.segment))
    text.appendField("generation", UInt64(region.generation & 0x7FFF_FFFF))
    text.appendField("offset", UInt64(region.range.lowerBound))
    text.appendField("bytes", UInt64(region.range.count))
    text.append("\n")
  }
  return text
}

/// Whether a relay answers on the spool's socket.
private func isRelayAtWork(_ options: SpoolOptions) -> Bool {
  let connected = withCString(Control.path(inSpool: options.directory)) {
    unsafe clinux_connect_local($0)
  }
  if connected >= 0 { Sockets.close(Int32(connected)) }
  return connected >= 0
}
