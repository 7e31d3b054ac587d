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

  /// Reads the configuration again and takes all of it that can change now, or nothing at all.
  mutating func reload(_ now: Instant) {
    guard let old = configuration else {
      log.write(.info, Text("nothing to reload: this relay has no configuration file"), now: now)
      return
    }
    service.sayReloading(now: now)
    do throws(ConfigurationError) {
      let settings = try old.source.load()
      guard let options = try RunOptions(settings) else {
        throw ConfigurationError(Text("no [upstream.NAME]"))
      }
      take(settings, options, now)
    } catch {
      var line = Text("reload refused, everything stays as it was: ")
      line.append(error.message)
      log.write(.error, line, now: now)
    }
    service.sayReady(statusText, now: now)
  }

  private mutating func take(_ settings: Settings, _ options: RunOptions, _ now: Instant) {
    guard let old = configuration else { return }
    for warning in settings.warnings { log.write(.warning, warning, now: now) }
    engine.apply(options.policies, passesUnknown: options.passesUnknown)
    engine.apply(options.access, now: now)
    log.isQuiet = options.isQuiet
    summaryInterval = options.summaryInterval
    planSummary(now)
    isClockTrusted = options.isClockTrusted
    checkClock(now)
    configuration?.settings = settings
    let changed = settings.differences(from: old.settings, .reload)
    write(changed.isEmpty ? "reloaded, nothing changed" : "reloaded changed=", changed, .info, now)
    let waiting = settings.differences(from: old.started, .restart)
    if !waiting.isEmpty { write("restart needed for ", waiting, .warning, now) }
    if let summary = options.access.summary { log.write(.info, summary, now: now) }
  }

  private mutating func write(
    _ words: StaticString, _ keys: [Text], _ level: LogLevel, _ now: Instant
  ) {
    var line = Text(words)
    for (i, key) in keys.prefix(Self.namedKeyCountMax).enumerated() {
      if i > 0 { line.append(",") }
      line.append(key)
    }
    if keys.count > Self.namedKeyCountMax {
      line.append(" and others=", keys.count - Self.namedKeyCountMax)
    }
    log.write(level, line, now: now)
  }
}
