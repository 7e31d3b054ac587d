// How a device is written for people.

import Configuration
import Detect

extension DeviceIdentity {
  /// The name as people write it.
  @inline(never)
  var written: Text {
    var text = Text()
    for i in 0..<characterCount { text.append(byte: character(i)) }
    return text
  }
}
