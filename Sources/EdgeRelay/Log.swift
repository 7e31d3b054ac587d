// Log lines on standard error: one a state change, key=value, ASCII, never a byte a peer chose
// except as hex, as digits, or as printable characters between quotes. Under journald each line begins with its priority.
//
// All peers together can cause at most `linesPerSecondMax` lines a second, and each source its share of
// them (LogShares); what is left out is counted and said with the next line.

import CLinux
import Queue

/// How much a line matters; the numbers are syslog's.
enum LogLevel: UInt8 {
  case error = 3
  case warning = 4
  case info = 6
}

/// Writes the log.
struct Log {
  private static let linesPerSecondMax = 50

  /// Whether only warnings and errors are written.
  var isQuiet: Bool
  private var second: Int64 = -1
  private var lineCount = 0
  private var suppressedCount = 0

  init(isQuiet: Bool) { self.isQuiet = isQuiet }

  @inline(never)
  mutating func write(_ level: LogLevel, _ line: Text, now: Instant) {
    if isQuiet, level == .info { return }
    let second = now.milliseconds / 1_000
    if second != self.second {
      self.second = second
      lineCount = 0
      if suppressedCount > 0 {
        var note = Text("log: lines left out count=")
        note.append(suppressedCount)
        suppressedCount = 0
        Self.emit(.warning, note)
      }
    }
    lineCount += 1
    if lineCount > Self.linesPerSecondMax {
      suppressedCount += 1
      return
    }
    Self.emit(level, line)
  }

  /// Counts a line that is not written.
  mutating func leaveOut() { suppressedCount += 1 }

  /// Writes a line whatever was written before: for what a start or an end has to say.
  @inline(never)
  static func emit(_ level: LogLevel, _ line: Text) {
    var text = Text()
    if clinux_is_journal() != 0 {
      text.append(byte: 0x3C)
      text.append(Int(level.rawValue))
      text.append(byte: 0x3E)
    } else {
      text.append("edgerelay: ")
    }
    text.append(line)
    text.append(byte: 0x0A)
    text.printError()
  }
}
