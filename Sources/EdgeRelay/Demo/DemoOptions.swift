// The options of `edgerelay demo`. Without any it does something worth watching.

import CLinux

/// What `demo` was told.
struct DemoOptions {
  static let trackerCountMax: Int64 = 1_000
  static let secondsMin: Int64 = 5
  static let secondsMax: Int64 = 3_600

  static var help: Text {
    Text(
      """
      usage: edgerelay demo [OPTIONS]

      Shows the relay at work on this machine: simulated trackers on one side, a stand-in platform
      on the other. The platform goes away, the relay is killed and started again, the platform
      comes back; at the end both sides compare what was sent with what came.

        --trackers N   simulated trackers, 1 to 1000 (default: 28, every protocol and dialect once
                       on TCP and once on UDP)
        --seconds N    how long they send, 5 to 3600 (default: 16)
        --seed N       where the random numbers start, to repeat a run
        --verbose      show the relay's log too

      It needs no privileges, uses free ports on 127.0.0.1 and a directory under $TMPDIR or /tmp,
      and removes everything at the end.
      Exit codes: 0 nothing lost, 1 something is off, 64 usage, 69 no free port, 73 no directory.

      """)
  }

  /// Simulated trackers; they take the roles of the cast in turn.
  var trackerCount = Cast.count
  /// How long the trackers send; catching up and counting come on top.
  var seconds = 16
  /// Where the random numbers start; another number every time unless it is given.
  var seed: UInt64
  /// Whether the relay's own log is shown.
  var isVerbose = false

  init(seed: UInt64) { self.seed = seed }

  /// Reads the command line; `nil` when help was asked for.
  static func parse(_ arguments: inout Arguments) throws(UsageError) -> DemoOptions? {
    var options = DemoOptions(seed: clinux_random() % 1_000_000)
    while let word = arguments.take() {
      if word.asksForHelp { return nil }
      if word.spells("--trackers") {
        let value = try arguments.value(of: word)
        guard let count = ArgumentValue.number(value, max: trackerCountMax), count > 0 else {
          throw UsageError("--trackers wants 1 to 1000, not '", value, "'")
        }
        options.trackerCount = Int(count)
      } else if word.spells("--seconds") {
        let value = try arguments.value(of: word)
        guard let seconds = ArgumentValue.number(value, max: secondsMax), seconds >= secondsMin
        else {
          throw UsageError("--seconds wants 5 to 3600, not '", value, "'")
        }
        options.seconds = Int(seconds)
      } else if word.spells("--seed") {
        let value = try arguments.value(of: word)
        guard let seed = ArgumentValue.number(value, max: Int64.max) else {
          throw UsageError("--seed wants a number, not '", value, "'")
        }
        options.seed = UInt64(seed)
      } else if word.spells("--verbose") || word.spells("-v") {
        try arguments.requireNoValue(of: word)
        options.isVerbose = true
      } else {
        throw UsageError("demo does not know '", word, "'")
      }
    }
    return options
  }
}
