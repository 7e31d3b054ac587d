// Every bound of reading captures, with unit and reason.
//
// What is kept of a capture: one `CapturedPiece` a packet with payload, and the flows. Both are bounded by
// the size of the file, of which a packet takes at least 45 bytes and a flow at least 36.

/// The bounds of reading captures.
enum CaptureLimits {
  // Given by a specification.

  /// Bytes: the longest packet that capture programs write.
  static let packetBytesMax: UInt32 = 256 * 1_024

  // Chosen by us.

  /// Interfaces of one pcapng section.
  static let interfaceCountMax = 1_024
  /// VLAN tags in front of one packet.
  static let vlanTagCountMax = 4
  /// IPv6 extension headers of one packet.
  static let extensionHeaderCountMax = 8
  /// Flows told apart; packets of further ones are counted.
  static let flowCountMax = 65_536
  /// Connections between the same two endpoints that a late packet may belong to.
  static let reuseDepthMax = 4
  /// Bytes between a SYN and the first byte seen of its connection.
  static let startDistanceMax: Int64 = 64 * 1_024
  /// Bytes between what a closed connection sent and a late segment of it.
  static let closedDistanceMax: Int64 = 1_024 * 1_024
  /// Bytes that a capture may have missed of a connection before the rest is taken for another one.
  static let openDistanceMax: Int64 = 64 * 1_024 * 1_024
}
