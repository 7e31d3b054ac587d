// Reading a descriptor to its end.

import CLinux

/// Everything that can be read from a descriptor; something more than `max` bytes if there is more.
func readAll(_ descriptor: Int32, max: Int) throws(SystemError) -> [UInt8] {
  var bytes: [UInt8] = []
  var piece = [UInt8](repeating: 0, count: 16 * 1_024)
  while bytes.count <= max {
    // SAFETY: the buffer lives for the call.
    let got = unsafe piece.withUnsafeMutableBufferPointer {
      unsafe clinux_read(descriptor, $0.baseAddress!, $0.count)
    }
    let count = try SystemError.check(got)
    if count == 0 { break }
    bytes.append(contentsOf: piece[..<count])
  }
  return bytes
}
