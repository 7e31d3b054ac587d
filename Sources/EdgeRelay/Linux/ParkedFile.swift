// Which devices are parked, so that a restart does not resume them:
//
//   <family, form and name of the spool's key in hex> <device> <protocol>
//
// One small text file beside the spool. It is written anew as a whole under another name and renamed
// into place, both synced, so that it is always the old or the new one. The first word counts; the
// others are for people.

import CLinux
import Queue
import Relay

/// The file `parked` of the spool directory.
struct ParkedFile {
  private static let byteCountMax = 64 * 1_024
  private static let name: StaticString = "parked"

  /// The spool directory's descriptor, which stays open.
  let directory: Int32

  /// The devices in the file; none when there is none, or where it is not understood.
  func read() -> [DeviceKey] {
    let opened = unsafe clinux_open_at(directory, Self.name.cString, 2)
    guard opened >= 0 else { return [] }
    defer { Sockets.close(Int32(opened)) }
    var bytes = [UInt8](repeating: 0, count: Self.byteCountMax)
    // SAFETY: the buffer lives for the call.
    let got = unsafe bytes.withUnsafeMutableBufferPointer {
      unsafe clinux_pread(Int32(opened), $0.baseAddress!, $0.count, 0)
    }
    var keys: [DeviceKey] = []
    for line in Array(bytes[..<max(0, Int(got))]).parts(at: 0x0A) {
      guard let key = Hex.decode(line.parts(at: 0x20)[0]), key.count > 2,
        key.count - 2 <= DeviceKey.byteCountMax, keys.count < RelayLimits.parkedCountMax
      else { continue }
      var device = DeviceKey(family: key[0], form: key[1])
      for byte in key[2...] { device.append(byte) }
      keys.append(device)
    }
    return keys
  }

  /// Puts `content` in the place of the file; `false` when the disk refuses.
  func write(_ content: Text) -> Bool {
    // SAFETY: the bytes live for the call.
    unsafe content.bytes.withUnsafeBytes {
      unsafe clinux_replace_at(directory, Self.name.cString, $0.baseAddress, $0.count) >= 0
    }
  }

  /// Writes one line of the file.
  static func write(_ key: DeviceKey, to text: inout Text) {
    text.append(hex: key.family)
    text.append(hex: key.form)
    key.withBytes { text.append(hex: $0) }
  }
}
