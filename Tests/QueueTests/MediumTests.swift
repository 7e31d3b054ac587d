// What is decided from the type of a file system and the options of its mount.

import Testing

@testable import Queue

@Suite("The medium")
struct MediumTests {
  private static let overlay: UInt32 = 0x794C_7630
  private static let ubifs: UInt32 = 0x2405_1905

  struct Row: Sendable {
    var type: UInt32
    var options: String
    var upper: UInt32 = 0
    var name: String
    var isRenewed = false
    var weakness = Medium.Weakness.none
  }

  private static let rows: [Row] = [
    Row(type: 0xEF53, options: "rw,relatime,rw,discard", name: "ext4"),
    // What is synced is durable with any mode of the journal.
    Row(type: 0xEF53, options: "rw,data=writeback", name: "ext4"),
    Row(type: 0xEF53, options: "rw,barrier=1", name: "ext4"),
    Row(type: 0xEF53, options: "rw,nobarrier", name: "ext4", weakness: .noBarriers),
    Row(type: 0xEF53, options: "barrier=0,rw", name: "ext4", weakness: .noBarriers),
    Row(type: 0x5846_5342, options: "rw,attr2", name: "xfs"),
    Row(type: 0xF2F5_2010, options: "rw,fsync_mode=posix", name: "f2fs"),
    Row(
      type: 0xF2F5_2010, options: "rw,fsync_mode=nobarrier", name: "f2fs", weakness: .noBarriers),
    Row(type: 0x9123_683E, options: "rw,ssd", name: "btrfs", isRenewed: true),
    Row(type: 0x2FC1_2FC1, options: "rw", name: "zfs", isRenewed: true),
    Row(type: ubifs, options: "rw,sync", name: "ubifs", isRenewed: true),
    Row(type: 0x72B6, options: "rw", name: "jffs2", isRenewed: true),
    Row(type: overlay, options: "rw,upperdir=/overlay/upper", name: "overlay"),
    Row(type: overlay, options: "rw", upper: ubifs, name: "overlay", isRenewed: true),
    Row(type: overlay, options: "rw", upper: 0x0102_1994, name: "overlay", weakness: .memory),
    Row(
      type: overlay, options: "rw,volatile", upper: 0xEF53, name: "overlay", weakness: .noBarriers),
    Row(type: 0x0102_1994, options: "rw,size=1024k", name: "tmpfs", weakness: .memory),
    Row(type: 0x8584_58F6, options: "", name: "ramfs", weakness: .memory),
    Row(type: 0x6969, options: "rw,vers=4.2,hard", name: "nfs", weakness: .network),
    Row(type: 0xFF53_4D42, options: "rw", name: "smb", weakness: .network),
    Row(type: 0x4D44, options: "rw,errors=remount-ro", name: "vfat", weakness: .noJournal),
    Row(type: 0x2011_BAB0, options: "rw", name: "exfat", weakness: .noJournal),
    Row(type: 0, options: "", name: "other"),
    Row(type: 0x6573_5546, options: "rw,xnobarrier,nobarrierx", name: "other"),
  ]

  @Test("is judged by type and options", arguments: rows.indices)
  func table(_ index: Int) {
    let row = Self.rows[index]
    let medium = Medium(type: row.type, options: Array(row.options.utf8).span, upper: row.upper)
    #expect("\(medium.name)" == row.name)
    #expect(medium.isRenewed == row.isRenewed)
    #expect(medium.weakness == row.weakness, "\(row.options)")
  }
}
