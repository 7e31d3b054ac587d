// Why a device waits, if it need not wait alone.
// Source: Engine+Recall.swift.

/// What a device and all others waited for in vain when its session was lost.
enum SharedFault: UInt8 {
  case none, connection, answer
}
