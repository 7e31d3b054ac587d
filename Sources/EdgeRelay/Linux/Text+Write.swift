// Writing text to a descriptor. Text is what the whole program speaks, and literals are what it is made of, so both are
// imported for all files here, once.

import CLinux
@_exported import Configuration

@_exported import struct Detect.Literal

extension Text {
  /// Writes everything to a descriptor, ignoring errors: there is nobody left to tell.
  func write(to descriptor: Int32) {
    var offset = 0
    while offset < bytes.count {
      // SAFETY: the pointer is used within the call only.
      let written = unsafe bytes.withUnsafeBytes {
        unsafe clinux_write(descriptor, $0.baseAddress! + offset, $0.count - offset)
      }
      if written <= 0 { return }
      offset += Int(written)
    }
  }

  func print() { write(to: 1) }
  func printError() { write(to: 2) }
}
