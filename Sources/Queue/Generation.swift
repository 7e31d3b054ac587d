// Every use of a segment has a generation: a number that grows, in 31 bits, and the class in the
// highest one. Cold segments hold frames that were moved out of the oldest main segments, so all of
// them stand before all main segments in the log.

/// Arithmetic of generations.
enum Generation {
  static let coldBit: UInt32 = 0x8000_0000
  /// No use of a segment comes this far; what says so was not written by a relay.
  static let ageMax: UInt32 = 0x7F00_0000

  static func isCold(_ generation: UInt32) -> Bool { generation & coldBit != 0 }

  /// Where a segment stands in the log; zero, which is no segment, stands before all.
  static func rank(_ generation: UInt32) -> UInt32 {
    generation == 0 ? 0 : generation ^ coldBit
  }

  /// When a segment was begun, whatever its class.
  static func age(_ generation: UInt32) -> UInt32 { generation & ~coldBit }
}
