// What ends the life of a frame in flight, strongest first; see Upstream.swift.

/// What speaks for the delivery of frames.
enum Proof {
  /// The platform's answer to a frame, that one or a later one.
  case answer
  /// Its answer to the login sent again.
  case login
  /// Its orderly end of the connection behind the relay's own.
  case end
  /// Its kernel's acknowledgement, and a connection that stayed well.
  case kernel
}
