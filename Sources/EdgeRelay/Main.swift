// The entry point. SwiftPM calls `<target>_main`; the name works in both modes of the build.

import CLinux

/// Runs the command that the first word names.
@c(EdgeRelay_main)
public func edgeRelayMain(
  _ count: CInt, _ words: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> CInt {
  var arguments: [[UInt8]] = []
  for i in 1..<max(1, Int(count)) {
    // SAFETY: the C runtime hands over `count` terminated strings.
    guard let word = unsafe words?[i] else { break }
    var text = Text()
    unsafe text.append(cString: word)
    arguments.append(text.bytes)
  }
  return Command.run(arguments)
}
