// Names that are known when the program is built, for C.

extension StaticString {
  /// The text as C has it; it lives for ever and ends with a zero.
  @unsafe var cString: UnsafePointer<CChar> {
    // SAFETY: CChar has the size of a byte.
    unsafe UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self)
  }
}
