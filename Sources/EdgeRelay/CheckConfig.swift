// `edgerelay check-config`: what `run` would read, without running.

import CLinux
import Configuration

/// What `check-config` was told.
struct CheckOptions {
  var path = ConfigurationSource.standardPath
  var shows = false
  var isStrict = false

  /// Reads the command line; `nil` when help was asked for.
  static func parse(_ arguments: inout Arguments) throws(UsageError) -> CheckOptions? {
    var options = CheckOptions()
    while let word = arguments.take() {
      if word.asksForHelp { return nil }
      if word.spells("--show") {
        try arguments.requireNoValue(of: word)
        options.shows = true
      } else if word.spells("--strict") {
        try arguments.requireNoValue(of: word)
        options.isStrict = true
      } else if word.first == 0x2D {
        throw UsageError("check-config does not know '", word, "'")
      } else {
        options.path = word
      }
    }
    return options
  }
}

/// Checks a configuration; returns the exit code.
@inline(never)
func checkConfiguration(_ options: CheckOptions) -> Int32 {
  let settings: Settings
  let isIdle: Bool
  do throws(ConfigurationError) {
    settings = try ConfigurationSource(path: options.path).load()
    isIdle = try RunOptions(settings) == nil
  } catch {
    Log.emit(.error, error.message)
    return ExitCode.configuration
  }
  for warning in settings.warnings { Log.emit(options.isStrict ? .error : .warning, warning) }
  if options.isStrict, !settings.warnings.isEmpty { return ExitCode.configuration }
  var text = Text()
  if options.shows {
    settings.write(to: &text)
  } else {
    text.append(options.path)
    text.append(isIdle ? ": good, but no [upstream.NAME]: the relay would idle\n" : ": good\n")
  }
  text.print()
  return ExitCode.success
}
