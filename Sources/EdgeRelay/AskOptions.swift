// The command line of everything that is asked of a running relay.

import Detect
import Relay

/// What a command was told: a class, because it is large and handed about.
final class AskOptions {
  var source = ConfigurationSource()
  var isJSON = false
  /// The device's name; empty when none was given.
  var device: [UInt8] = []
  /// The name of the device's protocol; empty when none was given.
  var protocolName: [UInt8] = []
  var order = DeviceOrder.none
  var isWaitingOnly = false
  /// What `send` is to send, as it was typed, and whether that is hex in any case.
  var command: [UInt8] = []
  var isHex = false
  /// Milliseconds that `send` waits for what becomes of it.
  var patience: Int64 = 0
  /// Whether `drop` was confirmed.
  var isConfirmed = false
  /// The file that the metrics go to.
  var writePath: [UInt8]?

  private static let patienceMax: Int64 = 3_600

  /// Reads the command line; `nil` when help was asked for.
  static func parse(
    _ arguments: inout Arguments, _ question: ControlQuestion, isMetrics: Bool = false
  ) throws(UsageError) -> AskOptions? {
    let options = AskOptions()
    while let word = arguments.take() {
      if word.asksForHelp { return nil }
      if word.spells("--json") {
        try arguments.requireNoValue(of: word)
        options.isJSON = true
      } else if word.spells("--write"), isMetrics {
        options.writePath = try arguments.value(of: word)
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
      } else if word.spells("--hex"), question == .send {
        try arguments.requireNoValue(of: word)
        options.isHex = true
      } else if word.spells("--wait"), question == .send {
        let value = try arguments.value(of: word)
        guard let seconds = ArgumentValue.number(value, max: patienceMax) else {
          throw UsageError("--wait takes seconds, 0 to 3600, not '", value, "'")
        }
        options.patience = seconds * 1_000
      } else if word.spells("--yes"), question == .drop {
        try arguments.requireNoValue(of: word)
        options.isConfirmed = true
      } else if word.first == 0x2D || !question.namesDevice {
        throw UsageError("there is no use for '", word, "' here")
      } else if options.device.isEmpty {
        options.device = word
      } else if question == .send, options.command.isEmpty {
        options.command = word
      } else {
        throw UsageError("there is no use for '", word, "' here; quote a command with blanks")
      }
    }
    if options.source.path == nil, options.source.options.isEmpty,
      ConfigurationSource.hasStandardFile
    {
      options.source.path = ConfigurationSource.standardPath
    }
    return options
  }

  /// The question as it is put to the relay.
  func line(_ question: ControlQuestion) throws(UsageError) -> Text {
    var line = Text(question.name)
    if question.operandCount > 0 {
      if device.isEmpty, question != .tail {
        throw UsageError("which device? Its name as 'edgerelay devices' writes it")
      }
      for word in [device, protocolName] {
        line.append("\t")
        line.append(word)
      }
    }
    if question == .send {
      line.append("\t")
      // Not in one expression: the compiler (6.3.1) breaks on a span of what throws.
      let bytes = try commandBytes()
      line.append(hex: bytes.span)
    }
    line.append("\n")
    return line
  }

  /// The bytes to send: those that the text spells in hex, or the text itself.
  private func commandBytes() throws(UsageError) -> [UInt8] {
    let isMarked = command.count > 2 && command[0] == 0x30 && command[1] | 0x20 == 0x78
    var bytes = command
    if isHex || isMarked {
      guard let decoded = Hex.decode(isMarked ? Array(command[2...]) : command) else {
        throw UsageError("this is no hex: '", command, "'")
      }
      bytes = decoded
    }
    if bytes.isEmpty { throw UsageError("send what? HEX with --hex or 0x before it, or text") }
    guard bytes.count <= RelayLimits.heldCommandBytesMax else {
      throw UsageError("a command has no more than 2048 bytes")
    }
    return bytes
  }

  /// Whether a device's record is asked for.
  func wants(_ record: Record) -> Bool {
    (device.isEmpty || record.value("device") == device)
      && (protocolName.isEmpty || record.value("protocol") == protocolName)
      && (!isWaitingOnly || record.number("waiting") != 0)
  }
}
