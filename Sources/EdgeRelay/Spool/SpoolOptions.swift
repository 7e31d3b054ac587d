// What `edgerelay spool` was told.

/// The command line of `spool`.
final class SpoolOptions {
  var directory: [UInt8] = []
  var isJSON = false
  /// Whether everything is read, and not only what waits.
  var isVerifying = false
  /// The device whose frames are written.
  var dumped: [UInt8]?
  /// Whether delivered frames are written too.
  var dumpsAll = false

  /// Reads the command line; `nil` when help was asked for.
  static func parse(_ arguments: inout Arguments) throws(UsageError) -> SpoolOptions? {
    let options = SpoolOptions()
    while let word = arguments.take() {
      if word.asksForHelp { return nil }
      if word.spells("--dump") {
        options.dumped = try arguments.value(of: word)
        continue
      }
      try arguments.requireNoValue(of: word)
      if word.spells("--json") {
        options.isJSON = true
      } else if word.spells("--verify") {
        options.isVerifying = true
      } else if word.spells("--all") {
        options.dumpsAll = true
      } else if word.first == 0x2D {
        throw UsageError("there is no option '", word, "' here")
      } else if options.directory.isEmpty {
        options.directory = word
      } else {
        throw UsageError("spool looks at one directory, and '", word, "' is another")
      }
    }
    if options.directory.isEmpty { throw UsageError("spool needs the DIRECTORY to look at") }
    if options.dumpsAll, options.dumped == nil {
      throw UsageError("--all goes with --dump DEVICE")
    }
    return options
  }
}
