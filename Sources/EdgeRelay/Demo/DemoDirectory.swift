// The demonstration's spool: a directory of its own under $TMPDIR or /tmp.

import CLinux

/// Makes and removes it.
enum DemoDirectory {
  /// The path of a new directory, or `nil` when none can be made.
  static func make() -> [UInt8]? {
    var template = base()
    template.append("/edgerelay-demo-XXXXXX")
    var path = template.terminated
    // SAFETY: the buffer is terminated, lives for the call, and mkdtemp replaces six bytes of it.
    let result = unsafe path.withUnsafeMutableBufferPointer { buffer in
      unsafe buffer.baseAddress!.withMemoryRebound(to: CChar.self, capacity: buffer.count) {
        unsafe clinux_make_temporary_directory($0)
      }
    }
    guard result >= 0 else { return nil }
    path.removeLast()
    return path
  }

  /// Removes the directory and the files in it.
  static func remove(_ path: [UInt8]) {
    _ = withCString(path) {
      unsafe clinux_remove_flat_directory($0)
      return 0
    }
  }

  private static func base() -> Text {
    let text = Text(environment: "TMPDIR")
    return text.isEmpty ? Text("/tmp") : text
  }
}
