// The name under which the spool keeps a device.

import Detect
import Queue

extension DeviceIdentity {
  /// What `key` names; `nil` when no protocol known here has such names.
  public init?(_ key: DeviceKey) {
    guard let protocolID = ProtocolID(rawValue: key.family),
      let notation = DeviceIdentity.Notation(rawValue: key.form)
    else { return nil }
    let identity = key.withBytes {
      DeviceIdentity(protocolID, notation, $0, at: 0, count: $0.count)
    }
    guard let identity else { return nil }
    self = identity
  }
}
