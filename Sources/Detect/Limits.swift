// Every bound of this module, with unit and reason.

/// The bounds of detection and framing.
public enum Limits {
  // Given by a specification.

  /// Bytes: `78 78`, one length byte of 255, stop.
  static let gt06ShortFrameBytesMax = 260
  /// Bytes: `79 79` frames as seen in practice (servers allow more, firmware buffers 11 264).
  static let gt06LongLengthMax = 4_096
  /// Bytes: `79 79` of a type that moves files or long texts.
  static let gt06TransferLengthMax = 11_264
  /// Bytes: the longest Topin frame with access points and cells.
  static let topinFrameBytesMax = 1_024

  /// Bytes: a Coban photo packet is 2.2 KB of hex digits.
  static let cobanFrameBytesMax = 4_096

  /// Bytes: a Watch voice message; with its login it must fit in one batch of the spool.
  static let watchFrameBytesMax = 28 * 1_024

  /// Bytes: H02 text, and a run of its binary frames.
  static let h02FrameBytesMax = 1_024

  /// Bytes: TK103 with parentheses, as servers bound it.
  static let tk103FrameBytesMax = 1_024

  /// Bytes: a JT/T 808 message of 1 023 bytes and its header, every byte escaped.
  static let jt808FrameBytesMax = 4_096

  // Chosen by us.

  /// Bytes: a line of a dialect that is only forwarded.
  static let lineFrameBytesMax = 1_024

  /// Bytes of padding skipped before the first frame; more is not a tracker.
  static let paddingBytesMax = 16
  /// Bytes after which an undecided stream is refused.
  public static let detectionBytesMax = 2_048
  /// Bytes of a bound stream that may belong to no frame before the session is closed.
  static let garbageBytesMax = 4_096
  /// Bytes searched for the end of a frame whose length field lies.
  static let lyingFrameBytesMax = 1_024
  /// Milliseconds without a byte that end a burst: several times the gap inside one.
  public static let briefSilence = 300
  /// Milliseconds without a byte after which a half frame is taken as a lying length.
  public static let longSilence = 2_000
  /// Bytes: the longest frame any row may cut, and so the size of a session's buffer.
  public static let frameBytesMax = watchFrameBytesMax
}
