// The version, in one place. Packaging reads it from here.

/// What `edgerelay version` prints.
enum Version {
  static let text: Literal = "0.1.0"
}
