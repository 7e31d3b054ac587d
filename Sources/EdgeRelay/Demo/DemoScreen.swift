// What the person in front of the demonstration sees: what happens, in plain words.
//
// An event is a line that stays. Progress is a line that is redrawn a few times a second on a
// terminal; elsewhere it is a line of its own, once a second.

import CLinux
import Queue

/// Writes events and progress to standard output.
struct DemoScreen {
  private static let redrawInterval = 200
  private static let plainInterval = 1_000

  private let start: Instant
  private let isTerminal: Bool
  private var progressAt: Instant

  init(start: Instant) {
    self.start = start
    progressAt = start
    isTerminal = clinux_is_terminal(1) != 0
  }

  /// Writes a line that stays, with the time since the start.
  func event(_ words: Text, _ now: Instant) {
    var text = stamp(now)
    text.append(words)
    text.append("\n")
    write(text)
  }

  func event(_ words: Literal, _ now: Instant) { event(Text(words), now) }

  /// Whether it is time to show progress again.
  func wantsProgress(_ now: Instant) -> Bool { now >= progressAt }

  @inline(never)
  mutating func progress(_ words: Text, _ now: Instant) {
    progressAt = now.advanced(by: isTerminal ? Self.redrawInterval : Self.plainInterval)
    var text = Text()
    // A line that is too long must not wrap, or it could not be drawn over.
    if isTerminal { text.append("\u{1B}[?7l") }
    text.append(stamp(now))
    text.append("  ")
    text.append(words)
    text.append(isTerminal ? "\u{1B}[?7h" : "\n")
    write(text)
  }

  /// Writes text as it is, on lines of its own.
  func plain(_ text: Text) {
    write(text)
  }

  private func stamp(_ now: Instant) -> Text {
    var seconds = Text()
    seconds.append(seconds: now.since(start))
    var text = Text()
    for _ in 0..<max(0, 6 - seconds.count) { text.append(" ") }
    text.append(seconds)
    text.append(" s  ")
    return text
  }

  /// Writes over the progress line when there is one.
  private func write(_ text: Text) {
    var whole = Text()
    // Carriage return and "erase to the end of the line".
    if isTerminal { whole.append("\r\u{1B}[K") }
    whole.append(text)
    whole.print()
  }
}
