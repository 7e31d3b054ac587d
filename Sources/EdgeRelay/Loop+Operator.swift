// What the operator sees of a running relay, and what a reload changes.

import CLinux
import Configuration
import Queue
import Relay

extension Loop {
  /// Keys named in one line; a thousand devices may change at once.
  private static let namedKeyCountMax = 20

  /// How things stand, in the words an operator asks first.
  var statusText: Text {
    let status = engine.status
    var text = Text()
    text.append(status.onlineCount)
    text.append(" of ", status.deviceCount)
    text.append(status.deviceCount == 1 ? " device online, " : " devices online, ")
    text.append(status.waitingFrameCount)
    text.append(status.waitingFrameCount == 1 ? " frame waiting, " : " frames waiting, ")
    text.append(status.liveCount)
    text.append(status.liveCount == 1 ? " platform session live" : " platform sessions live")
    return text
  }

  /// Reads the configuration again and takes all of it that can change now, or nothing at all; returns
  /// a record of what came of it.
  @discardableResult
  @inline(never)
  mutating func reload(_ now: Instant) -> Text {
    var record = Text()
    guard let old = configuration else {
      let reason = Text("nothing to reload: this relay has no configuration file")
      log.write(.info, reason, now: now)
      record.appendField("outcome", "refused")
      record.appendField("reason", reason)
      record.append("\n")
      return record
    }
    service.sayReloading(now: now)
    do throws(ConfigurationError) {
      let settings = try old.source.load()
      guard let options = try RunOptions(settings) else {
        throw ConfigurationError(Text("no [upstream.NAME]"))
      }
      record.appendField("outcome", "reloaded")
      take(settings, options, now, &record)
    } catch {
      var line = Text("reload refused, everything stays as it was: ")
      line.append(error.message)
      log.write(.error, line, now: now)
      record.appendField("outcome", "refused")
      record.appendField("reason", error.message)
    }
    service.sayReady(statusText, now: now)
    record.append("\n")
    return record
  }

  private mutating func take(
    _ settings: Settings, _ options: RunOptions, _ now: Instant, _ record: inout Text
  ) {
    guard let configuration else { return }
    for warning in settings.warnings { log.write(.warning, warning, now: now) }
    engine.apply(options.policies, passesUnknown: options.passesUnknown)
    engine.apply(options.access, now: now)
    log.isQuiet = options.isQuiet
    summaryInterval = options.summaryInterval
    planSummary(now)
    isClockTrusted = options.isClockTrusted
    checkClock(now)
    let changed = Self.list(settings.differences(from: configuration.settings, .reload))
    configuration.settings = settings
    write(changed.isEmpty ? "reloaded, nothing changed" : "reloaded changed=", changed, .info, now)
    let waiting = Self.list(settings.differences(from: configuration.started, .restart))
    if !waiting.isEmpty { write("restart needed for ", waiting, .warning, now) }
    record.appendField("changed", changed.isEmpty ? Text("-") : changed)
    record.appendField("restart", waiting.isEmpty ? Text("-") : waiting)
    record.appendField(
      "unknown", settings.unknownNames.isEmpty ? Text("-") : Self.list(settings.unknownNames))
    if let summary = options.access.summary { log.write(.info, summary, now: now) }
  }

  private mutating func write(
    _ words: Literal, _ keys: Text, _ level: LogLevel, _ now: Instant
  ) {
    var line = Text(words)
    line.append(keys)
    log.write(level, line, now: now)
  }

  /// Names in one line.
  private static func list(_ keys: [Text]) -> Text {
    var line = Text()
    for (i, key) in keys.prefix(namedKeyCountMax).enumerated() {
      if i > 0 { line.append(",") }
      line.append(key)
    }
    if keys.count > namedKeyCountMax {
      line.append(" and others=", keys.count - namedKeyCountMax)
    }
    return line
  }
}
