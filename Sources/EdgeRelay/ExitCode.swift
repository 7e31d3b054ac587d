// Exit codes by sysexits.h, so that service managers can tell a wrong command line from a bad day.

/// How the program ends.
enum ExitCode {
  static let success: Int32 = 0
  static let failure: Int32 = 1
  /// The command line is wrong.
  static let usage: Int32 = 64
  /// The input of `inspect` or `spool` is not what it was said to be.
  static let badData: Int32 = 65
  /// An input file does not exist or cannot be read.
  static let noInput: Int32 = 66
  /// The relay knows no such device.
  static let unknownDevice: Int32 = 67
  /// A port is taken or an address is not ours.
  static let unavailable: Int32 = 69
  /// A system call that should not fail has failed.
  static let systemError: Int32 = 71
  /// The spool directory cannot be created or written.
  static let cannotCreate: Int32 = 73
  /// Another instance uses the spool, or what becomes of a command is not known yet.
  static let temporary: Int32 = 75
  /// Not for this user.
  static let noPermission: Int32 = 77
  /// The configuration cannot be used.
  static let configuration: Int32 = 78
}
