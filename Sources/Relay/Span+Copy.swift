// Bytes that must outlive the call they came with.

extension Span where Element == UInt8 {
  /// The bytes as an array of their own.
  func copied() -> [UInt8] {
    var copy: [UInt8] = []
    copy.reserveCapacity(count)
    for i in 0..<count { copy.append(self[i]) }
    return copy
  }
}
