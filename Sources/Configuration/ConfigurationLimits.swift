// Every bound of the configuration, with unit and reason.

/// The bounds of reading a configuration.
public enum ConfigurationLimits {
  /// Bytes of one file: a thousand devices with a table each take a tenth of it.
  public static let fileBytesMax = 1 << 20
  /// Files in conf.d.
  public static let fileCountMax = 256
  /// Keys and tables of one file, each: what is looked for twice stays quick to look for.
  static let entryCountMax = 4_096
  static let tableCountMax = 2_048
  /// Networks or devices in one list; more devices belong in a file of their own.
  static let listCountMax = 1_024
  /// Bytes of a file of devices: all that may stand in it, with a comment each.
  public static let deviceFileBytesMax = 4 << 20
  /// Characters of a device's name; the longest identity of any protocol.
  static let deviceNameBytesMax = 32
  /// Characters of a name that the operator chooses.
  static let chosenNameBytesMax = 32
  /// Bytes of a path, without its terminating zero.
  static let pathBytesMax = 4_000
  /// Bytes of a mistaken value that are shown.
  static let shownBytesMax = 60
}
