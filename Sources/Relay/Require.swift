// Preconditions and invariants of this module, checked in release builds too. Never used on
// anything a peer or the disk can influence.

@inline(__always)
func require(
  _ condition: @autoclosure () -> Bool, file: StaticString = #fileID, line: UInt = #line
) {
  precondition(condition(), file: file, line: line)
}
