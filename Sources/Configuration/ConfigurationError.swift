// Why a configuration cannot be used.

import Detect

/// A mistake in a configuration, in words for the operator.
public struct ConfigurationError: Error {
  public var message: Text

  public init(_ message: Text) { self.message = message }

  public init(_ origin: [UInt8], _ words: Text) {
    message = Text()
    message.append(origin)
    message.append(": ")
    message.append(words)
  }
}
