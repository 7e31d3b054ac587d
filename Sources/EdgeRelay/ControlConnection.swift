// A command's connection to the running relay: one question, then records until the relay ends it.

import CLinux

/// A connection to the control socket.
struct ControlConnection: ~Copyable {
  private let descriptor: Int32
  /// What was received and is no whole line yet.
  private var rest: [UInt8] = []

  /// Asks the relay on the spool that `source` names.
  ///
  /// When that cannot be, the reason is said, and the error is the exit code.
  init(_ source: ConfigurationSource, _ question: Text) throws(AskError) {
    let spool: [UInt8]
    do throws(ConfigurationError) {
      spool = try source.load().path(.spoolDirectory)
    } catch {
      Log.emit(.error, error.message)
      throw AskError(exitCode: ExitCode.configuration)
    }
    let connected = withCString(Control.path(inSpool: spool)) { unsafe clinux_connect_local($0) }
    guard connected >= 0 else {
      Self.explain(SystemError(code: Int32(-connected)), spool)
      throw AskError(exitCode: ExitCode.unavailable)
    }
    descriptor = Int32(connected)
    question.write(to: descriptor)
  }

  deinit { Sockets.close(descriptor) }

  /// Everything that the relay says.
  mutating func all() -> [Record] {
    var records: [Record] = []
    while let more = next() { records += more }
    return records
  }

  /// The records that come next; `nil` when the relay has ended the connection.
  @inline(never)
  mutating func next() -> [Record]? {
    var piece = [UInt8](repeating: 0, count: 16 * 1_024)
    // SAFETY: the buffer lives for the call.
    let got = unsafe piece.withUnsafeMutableBufferPointer {
      unsafe clinux_read(descriptor, $0.baseAddress!, $0.count)
    }
    if got <= 0 { return nil }
    rest.append(contentsOf: piece[..<Int(got)])
    guard let end = rest.lastIndex(of: 0x0A) else { return [] }
    let records = Record.all(Array(rest[...end]))
    rest.removeFirst(end + 1)
    return records
  }

  /// Whether the relay says something, or ends, within `milliseconds`.
  func isReadable(within milliseconds: Int64) -> Bool {
    clinux_wait_readable(descriptor, Int32(clamping: max(0, milliseconds))) != 0
  }

  private static func explain(_ error: SystemError, _ spool: [UInt8]) {
    var text = Text()
    switch error.code {
    case clinux_enoent, clinux_econnrefused:
      text.append("no relay is at work on the spool ")
      text.append(spool)
      text.append("; it is not running, not configured yet, or has another [spool] directory")
    case clinux_eacces:
      text.append("the relay on the spool ")
      text.append(spool)
      text.append(" answers root and the members of its group only")
    default:
      text.append("cannot ask the relay on the spool ")
      text.append(spool)
      text.append(": ")
      error.write(to: &text)
    }
    Log.emit(.error, text)
  }
}

/// A question that came to nothing; why was said.
struct AskError: Error {
  var exitCode: Int32
}
