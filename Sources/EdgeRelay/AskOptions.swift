// The command line of everything that is asked of a running relay.

import Detect

/// What a command was told.
struct AskOptions {
  var source = ConfigurationSource()
  var isJSON = false
  /// The device's name; empty when none was given.
  var device: [UInt8] = []
  /// The name of the device's protocol; empty when none was given.
  var protocolName: [UInt8] = []
  var order = DeviceOrder.none
  var isWaitingOnly = false

  /// Reads the command line; `nil` when help was asked for.
  static func parse(
    _ arguments: inout Arguments, _ question: ControlQuestion
  ) throws(UsageError) -> AskOptions? {
    var options = AskOptions()
    while let word = arguments.take() {
      if word.spells("--help") || word.spells("-h") { return nil }
      if word.spells("--json") {
        try arguments.requireNoValue(of: word)
        options.isJSON = true
      } else if word.spells("--config") {
        options.source.path = try arguments.value(of: word)
      } else if word.spells("--spool") {
        options.source.add(.spoolDirectory, try arguments.value(of: word), word)
      } else if word.spells("--protocol"), question.namesDevice {
        options.protocolName = try arguments.value(of: word)
        guard protocolID(named: options.protocolName) != nil else {
          throw UsageError(
            "there is no protocol '", options.protocolName, "'; 'edgerelay protocols' lists them")
        }
      } else if word.spells("--sort"), question == .devices {
        let value = try arguments.value(of: word)
        guard let order = DeviceOrder(value) else {
          throw UsageError("--sort takes name, backlog, last or oldest, not '", value, "'")
        }
        options.order = order
      } else if word.spells("--waiting"), question == .devices {
        try arguments.requireNoValue(of: word)
        options.isWaitingOnly = true
      } else if word.first == 0x2D || !question.namesDevice || !options.device.isEmpty {
        throw UsageError("there is no use for '", word, "' here")
      } else {
        options.device = word
      }
    }
    if options.source.path == nil, options.source.options.isEmpty,
      ConfigurationSource.hasStandardFile
    {
      options.source.path = ConfigurationSource.standardPath
    }
    return options
  }

  /// Whether a device's record is asked for.
  func wants(_ record: Record) -> Bool {
    (device.isEmpty || record.value("device") == device)
      && (protocolName.isEmpty || record.value("protocol") == protocolName)
      && (!isWaitingOnly || record.number("waiting") != 0)
  }
}
