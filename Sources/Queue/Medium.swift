// What a file system is good for, decided from its type and the options of its mount, and from nothing else.
//
// Most file systems are written in place: a block that was written once costs one write and one flush. Where
// every write goes to a new place anyway, a segment is emptied before its next use instead, so that its
// old blocks are given back at once. A weak one keeps what is synced for the life of the kernel or of
// a connection only; the relay runs there, and says so.

/// How a file system bears a spool.
public struct Medium: Sendable {
  /// Why what is synced may be lost with the power.
  public enum Weakness: Sendable {
    case none
    /// It is the machine's memory.
    case memory
    /// The device is not told to make anything durable.
    case noBarriers
    /// Somebody else's machine decides.
    case network
    /// A power cut may damage its directory.
    case noJournal
  }

  /// As /proc/filesystems has it, more or less.
  public var name: StaticString
  /// Whether a segment is emptied before it is used again.
  public var isRenewed: Bool
  public var weakness: Weakness

  /// Judges by the number `statfs` gives, and by mount options with commas between.
  ///
  /// `upper` is the type below the upper directory of an overlay, zero where that is not known.
  @inline(never)
  public init(type: UInt32, options: Span<UInt8>, upper: UInt32 = 0) {
    let overlay: UInt32 = 0x794C_7630
    (name, isRenewed, weakness) = Self.row(type == overlay && upper != 0 ? upper : type)
    if type == overlay { name = "overlay" }
    if weakness == .none, Self.hasNoBarriers(options) { weakness = .noBarriers }
  }

  private static func row(_ type: UInt32) -> (StaticString, Bool, Weakness) {
    switch type {
    case 0xEF53: ("ext4", false, .none)
    case 0x5846_5342: ("xfs", false, .none)
    case 0xF2F5_2010: ("f2fs", false, .none)
    case 0x9123_683E: ("btrfs", true, .none)
    case 0x2FC1_2FC1: ("zfs", true, .none)
    case 0xCA45_1A4E: ("bcachefs", true, .none)
    case 0x2405_1905: ("ubifs", true, .none)
    case 0x72B6: ("jffs2", true, .none)
    case 0x794C_7630: ("overlay", false, .none)
    case 0x0102_1994: ("tmpfs", false, .memory)
    case 0x8584_58F6: ("ramfs", false, .memory)
    case 0x6969: ("nfs", false, .network)
    case 0xFF53_4D42, 0xFE53_4D42, 0x517B: ("smb", false, .network)
    case 0x0102_1997: ("9p", false, .network)
    case 0x00C3_6400: ("ceph", false, .network)
    case 0x4D44: ("vfat", false, .noJournal)
    case 0x2011_BAB0: ("exfat", false, .noJournal)
    default: ("other", false, .none)
    }
  }

  private static func hasNoBarriers(_ options: Span<UInt8>) -> Bool {
    let words: [StaticString] = [
      "nobarrier", "barrier=0", "barrier=none", "fsync_mode=nobarrier", "volatile",
    ]
    var start = 0
    for i in 0...options.count where i == options.count || options[i] == 0x2C {
      for word in words where Self.spells(options, start..<i, word) { return true }
      start = i + 1
    }
    return false
  }

  private static func spells(
    _ bytes: Span<UInt8>, _ range: Range<Int>, _ word: StaticString
  ) -> Bool {
    guard range.count == word.utf8CodeUnitCount else { return false }
    // SAFETY: a static string's bytes live for ever, and the count was compared.
    return word.withUTF8Buffer { buffer in
      for i in 0..<range.count where unsafe buffer[i] != bytes[range.lowerBound + i] {
        return false
      }
      return true
    }
  }
}

extension Medium.Weakness {
  /// In one word; `-` is none.
  public var name: StaticString {
    switch self {
    case .none: "-"
    case .memory: "memory"
    case .noBarriers: "no-barriers"
    case .network: "network"
    case .noJournal: "no-journal"
    }
  }
}
