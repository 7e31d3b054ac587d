// Variables of the environment, which this program reads and never changes.

import CLinux

extension Text {
  /// The value of a variable; empty when it is not set.
  @inline(never)
  init(environment name: StaticString) {
    self.init()
    // SAFETY: the environment holds terminated strings and stays as it is.
    if let value = unsafe clinux_environment(name.cString) { unsafe append(cString: value) }
  }
}
