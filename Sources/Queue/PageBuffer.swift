// Page-aligned memory of fixed size, the only place of this module that handles pointers.
//
// A class, because the writer thread reads the buffer of a commit under way while the loop fills
// the other one; the two never touch the same buffer at a time (Spool's state says whose it is).
// Invariant: 0 <= offset, offset + width <= byteCount, checked at every access.

/// A zero-filled block of page-aligned memory with little-endian access.
@safe public final class PageBuffer: @unchecked Sendable {
  public let byteCount: Int
  private let base: UnsafeMutableRawPointer

  /// Allocates `byteCount` bytes of zeros.
  public init(byteCount: Int) {
    require(byteCount > 0)
    self.byteCount = byteCount
    // SAFETY: allocated here, freed in deinit, never handed out beyond a closure.
    unsafe base = UnsafeMutableRawPointer.allocate(
      byteCount: byteCount, alignment: SpoolLimits.pageByteCount)
    unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
  }

  deinit { unsafe base.deallocate() }

  // SAFETY (all accessors): the range is checked against byteCount first.

  @inline(__always)
  private func check(_ offset: Int, _ width: Int) {
    require(offset >= 0)
    require(width >= 0)
    require(offset <= byteCount - width)
  }

  public func loadUInt8(at offset: Int) -> UInt8 {
    check(offset, 1)
    return unsafe base.load(fromByteOffset: offset, as: UInt8.self)
  }

  func loadUInt16(at offset: Int) -> UInt16 {
    check(offset, 2)
    return unsafe UInt16(
      littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
  }

  func loadUInt32(at offset: Int) -> UInt32 {
    check(offset, 4)
    return unsafe UInt32(
      littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }

  func loadUInt64(at offset: Int) -> UInt64 {
    check(offset, 8)
    return unsafe UInt64(
      littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  /// A checksum's register after `pairCount` pairs of words at `offset`, by CRC32C's tables.
  func foldWordPairs(
    _ register: UInt32, at offset: Int, _ pairCount: Int, _ tables: PageBuffer
  ) -> UInt32 {
    require(pairCount >= 0)
    check(offset, pairCount * 8)
    require(tables.byteCount == CRC32C.tableCount * 1_024)
    var register = register
    var source = unsafe base + offset
    // SAFETY: both ranges were checked above; a table's index is one byte.
    let table = unsafe tables.base.assumingMemoryBound(to: UInt32.self)
    for _ in 0..<pairCount {
      // First what does not wait for the step before: the compiler keeps the order.
      let high = unsafe UInt32(
        littleEndian: source.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
      let second =
        unsafe table[768 + Int(high & 0xFF)] ^ table[512 + Int(high >> 8 & 0xFF)]
        ^ table[256 + Int(high >> 16 & 0xFF)] ^ table[Int(high >> 24)]
      let low = unsafe UInt32(littleEndian: source.loadUnaligned(as: UInt32.self)) ^ register
      let first =
        unsafe table[1_792 + Int(low & 0xFF)] ^ table[1_536 + Int(low >> 8 & 0xFF)]
        ^ table[1_280 + Int(low >> 16 & 0xFF)] ^ table[1_024 + Int(low >> 24)]
      register = first ^ second
      unsafe source += 8
    }
    return register
  }

  public func store(_ value: UInt8, at offset: Int) {
    check(offset, 1)
    unsafe base.storeBytes(of: value, toByteOffset: offset, as: UInt8.self)
  }

  func store(_ value: UInt16, at offset: Int) {
    check(offset, 2)
    unsafe base.storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt16.self)
  }

  func store(_ value: UInt32, at offset: Int) {
    check(offset, 4)
    unsafe base.storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt32.self)
  }

  func store(_ value: UInt64, at offset: Int) {
    check(offset, 8)
    unsafe base.storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt64.self)
  }

  func store(_ bytes: Span<UInt8>, at offset: Int) {
    check(offset, bytes.count)
    unsafe bytes.withUnsafeBytes { source in
      if let start = source.baseAddress {
        unsafe (base + offset).copyMemory(from: start, byteCount: source.count)
      }
    }
  }

  func zero(_ range: Range<Int>) {
    check(range.lowerBound, range.count)
    unsafe (base + range.lowerBound).initializeMemory(
      as: UInt8.self, repeating: 0, count: range.count)
  }

  /// Copies `count` bytes within the buffer; the ranges may overlap.
  func move(from source: Int, to target: Int, count: Int) {
    check(source, count)
    check(target, count)
    unsafe (base + target).copyMemory(from: base + source, byteCount: count)
  }

  /// Calls `body` with the bytes of `range`.
  public func withBytes<Result>(_ range: Range<Int>, _ body: (Span<UInt8>) -> Result) -> Result {
    check(range.lowerBound, range.count)
    let bytes = unsafe UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count)
    return body(unsafe Span<UInt8>(_unsafeBytes: bytes))
  }

  /// Calls `body` with the memory of `range`, for system calls that read or fill it.
  @unsafe public func withMemory<Result>(
    _ range: Range<Int>, _ body: (UnsafeMutableRawBufferPointer) -> Result
  ) -> Result {
    check(range.lowerBound, range.count)
    return unsafe body(
      UnsafeMutableRawBufferPointer(start: base + range.lowerBound, count: range.count))
  }
}
