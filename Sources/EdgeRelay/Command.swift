// The commands, by name.

import CLinux
import Configuration

/// What the first word of the command line asks for.
enum Command {
  /// Runs the command; returns the exit code.
  static func run(_ words: [[UInt8]]) -> Int32 {
    var arguments = Arguments(words)
    guard let name = arguments.take() else {
      Help.general.printError()
      return ExitCode.usage
    }
    do throws(UsageError) {
      if name.spells("run") {
        guard let source = try RunOptions.parse(&arguments) else { return help(Help.run) }
        return try runRelay(source)
      }
      for question in ControlQuestion.allCases
      where name.spells(question.name) && question != .settings {
        return try answer(question, &arguments)
      }
      if name.spells("dump") {
        guard let options = try AskOptions.parse(&arguments, .settings) else {
          return help(Help.ask)
        }
        return answered { () throws(AskError) in try dump(options) }
      }
      if name.spells("metrics") {
        guard let options = try AskOptions.parse(&arguments, .status, isMetrics: true) else {
          return help(Help.ask)
        }
        if options.isJSON {
          throw UsageError("metrics has no --json; 'status --json' has the figures")
        }
        return answered { () throws(AskError) in try printMetrics(options) }
      }
      if name.spells("spool") {
        guard let options = try SpoolOptions.parse(&arguments) else { return help(Help.spool) }
        return inspectSpool(options)
      }
      if name.spells("check-config") {
        guard let options = try CheckOptions.parse(&arguments) else {
          return help(Help.checkConfig)
        }
        return checkConfiguration(options)
      }
      if name.spells("default-config") {
        if let word = arguments.take() {
          if word.asksForHelp { return help(Help.defaultConfig) }
          throw UsageError("default-config does not know '", word, "'")
        }
        DefaultFile.text.print()
        return ExitCode.success
      }
      if name.spells("demo") {
        guard let options = try DemoOptions.parse(&arguments) else {
          return help(DemoOptions.help)
        }
        return runDemo(options)
      }
      if name.spells("inspect") {
        guard let options = try InspectOptions.parse(&arguments) else { return help(Help.inspect) }
        return runInspect(options)
      }
      if name.spells("protocols") {
        if let word = arguments.take() {
          if word.asksForHelp { return help(Help.protocols) }
          throw UsageError("protocols does not know '", word, "'")
        }
        return runProtocols()
      }
      if name.spells("version") || name.spells("--version") {
        var text = Text("edgerelay ")
        text.append(Version.text)
        text.append("\n")
        text.print()
        return ExitCode.success
      }
      if name.spells("help") || name.spells("--help") || name.spells("-h") {
        return help(Help.general)
      }
      throw UsageError("there is no command '", name, "'")
    } catch {
      var text = Text("edgerelay: ")
      text.append(error.message)
      text.append("\nTry 'edgerelay --help'.\n")
      text.printError()
      return ExitCode.usage
    }
  }

  /// Puts a question to a running relay; returns the exit code.
  @inline(never)
  private static func answer(
    _ question: ControlQuestion, _ arguments: inout Arguments
  ) throws(UsageError) -> Int32 {
    guard let options = try AskOptions.parse(&arguments, question) else {
      return help(question.isForOwner ? Help.act : Help.ask)
    }
    if !question.isForOwner {
      return answered { () throws(AskError) in try ask(question, options) }
    }
    let line = try options.line(question)
    return answered { () throws(AskError) in
      question == .tail ? try tail(options, line) : try act(question, options, line)
    }
  }

  /// The exit code of what asks a running relay.
  @inline(never)
  private static func answered(_ body: () throws(AskError) -> Int32) -> Int32 {
    do throws(AskError) {
      return try body()
    } catch {
      return error.exitCode
    }
  }

  private static func help(_ text: Text) -> Int32 {
    text.print()
    return ExitCode.success
  }
}
