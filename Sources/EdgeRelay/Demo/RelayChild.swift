// The relay as a child process of the demonstration.
//
//   (none) --start--> running --kill, terminate--> (none)
//
// The child is a fork that runs the relay in place, without starting the program again: so it works
// wherever this very binary runs, also under an emulator. It holds on to none of the demonstration's
// descriptors, or the connections of the parent would never end. It ends when its parent does.

import CLinux
import Relay

/// The relay that the demonstration starts, kills and starts again.
struct RelayChild {
  /// How a process ended.
  enum End: Equatable {
    case code(Int)
    case signal(Int)
  }

  /// The process, or 0 when none runs.
  private(set) var process: Int32 = 0

  var isRunning: Bool { process > 0 }

  /// Starts the relay. No thread may exist in this process yet.
  ///
  /// The child closes the descriptors 3 ..< `descriptorEnd`, which must cover all the parent has.
  mutating func start(_ options: RunOptions, descriptorEnd: Int32) throws(SystemError) {
    let parent = clinux_process()
    let forked = try SystemError.check(clinux_fork())
    if forked > 0 {
      process = Int32(forked)
      return
    }
    clinux_die_with_parent()
    // Orphaned before it could ask to be told.
    if clinux_kill(parent, 0) < 0 { clinux_exit(1) }
    for descriptor in 3..<max(3, descriptorEnd) { Sockets.close(descriptor) }
    clinux_exit(runRelay(options))
  }

  /// How the relay ended, or `nil` while it runs.
  mutating func takeEnd() -> End? {
    guard isRunning else { return nil }
    let result = clinux_wait(process, 0)
    if result == 0 { return nil }
    process = 0
    if result >= 512 { return .signal(result - 512) }
    return .code(result >= 256 ? result - 256 : -1)
  }

  /// Ends the relay as a power cut would, as far as a process can tell.
  mutating func kill() {
    guard isRunning else { return }
    _ = clinux_kill(process, clinux_sigkill)
    _ = clinux_wait(process, 1)
    process = 0
  }

  /// Asks the relay to stop; `takeEnd` tells when it has.
  func terminate() {
    if isRunning { _ = clinux_kill(process, clinux_sigterm) }
  }
}
