// A failed system call, as a number with a text.

import CLinux

/// The errno of a failed call.
struct SystemError: Error, Equatable {
  var code: Int32

  /// Whether the other side has ended the connection; any other error is one of the path or of this
  /// machine.
  var isByPeer: Bool { code == clinux_econnreset || code == clinux_epipe }

  /// Turns a CLinux result into a value or an error.
  static func check(_ result: Int) throws(SystemError) -> Int {
    if result < 0 { throw SystemError(code: Int32(-result)) }
    return result
  }

  /// The C library's words for it.
  func write(to text: inout Text) {
    // SAFETY: strerror returns a terminated string that lives at least until the next call.
    guard let words = unsafe clinux_error_text(code) else { return }
    unsafe text.append(cString: words)
  }
}
