// The mount that an open directory is on, as statfs and /proc/self/mountinfo have it.
//
//   36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
//    |                     options of the mount   type  source    options of the file system
//    the number that /proc/self/fdinfo/N says of a descriptor (mnt_id)

import CLinux
import Queue

/// Judges where directories are.
enum Mount {
  /// What the directory's file system is good for. What cannot be read counts as not there.
  static func medium(of directory: Int32) -> Medium {
    let type = UInt32(truncatingIfNeeded: clinux_file_system(directory))
    let words = words(of: directory)
    guard words.count > 6 else { return Medium(type: type, options: [UInt8]().span) }
    let options = words[5] + Text(",").bytes + words[words.count - 1]
    return Medium(type: type, options: options.span, upper: upperType(words[words.count - 1]))
  }

  /// Bytes of one of the kernel's small files, and more than any has.
  private static let fileBytesMax = 1 << 20

  /// The type of the file system below an overlay's upper directory.
  private static func upperType(_ options: [UInt8]) -> UInt32 {
    let key = Text("upperdir=").bytes
    for option in options.parts(at: 0x2C) where option.starts(with: key) {
      let opened = withCString(Array(option.dropFirst(key.count))) {
        unsafe clinux_open_directory($0)
      }
      guard opened >= 0 else { return 0 }
      defer { Sockets.close(Int32(opened)) }
      return UInt32(truncatingIfNeeded: clinux_file_system(Int32(opened)))
    }
    return 0
  }

  /// The words of the mount's line.
  private static func words(of directory: Int32) -> [[UInt8]] {
    var path = Text("/proc/self/fdinfo/")
    path.append(Int(directory))
    let key = Text("mnt_id:").bytes
    var number: [UInt8] = []
    for line in read(path).parts(at: 0x0A) where line.starts(with: key) {
      number = line.dropFirst(key.count).filter { $0 > 0x20 }
    }
    guard !number.isEmpty else { return [] }
    number.append(0x20)
    for line in read(Text("/proc/self/mountinfo")).parts(at: 0x0A)
    where line.starts(with: number) {
      return line.words
    }
    return []
  }

  private static func read(_ path: Text) -> [UInt8] {
    let opened = withCString(path.bytes) { unsafe clinux_open($0, 0, 0) }
    guard opened >= 0 else { return [] }
    defer { Sockets.close(Int32(opened)) }
    return (try? readAll(Int32(opened), max: fileBytesMax)) ?? []
  }
}
