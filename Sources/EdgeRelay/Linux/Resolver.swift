// Name resolution off the loop: a thread asks, the loop keeps the last good answer.
//
//   loop:   ask()        -- state idle -> busy, ring `questions`
//   thread: getaddrinfo  -- state busy -> done, ring `answers`
//   loop:   takeAnswer() -- state done -> idle
//
// A failed look-up leaves the addresses as they were: a name server that is away, which is what it
// is when the WAN is down, must not take the platform's address from us.

import CLinux
import Relay
import Synchronization

/// Looks one name up again and again. A class, because the thread and the loop share it.
final class Resolver: @unchecked Sendable {
  private enum State {
    static let idle = 0
    static let busy = 1
    static let done = 2
  }

  /// Readable when an answer waits.
  let answers: Wakeup
  /// Whether the host is an address already, so that nothing needs to be asked.
  let isLiteral: Bool
  let target: HostAndPort
  private let questions: Wakeup
  private let state = Atomic<Int>(State.idle)
  private var found: [PeerAddress] = []

  init(_ target: HostAndPort) throws(SystemError) {
    self.target = target
    answers = try Wakeup(isBlocking: false)
    questions = try Wakeup(isBlocking: true)
    found = target.resolve(onlyLiteral: true)
    isLiteral = !found.isEmpty
    if isLiteral {
      state.store(State.done, ordering: .releasing)
      return
    }
    // SAFETY: the thread lives as long as the program, and so does the reference it is given.
    let context = unsafe Unmanaged.passRetained(self).toOpaque()
    let started = unsafe clinux_start_thread(
      { context in
        guard let context = unsafe context else { return nil }
        unsafe Unmanaged<Resolver>.fromOpaque(context).takeUnretainedValue().run()
      }, context)
    _ = try SystemError.check(started)
  }

  /// Starts a look-up unless one is under way.
  func ask() {
    guard !isLiteral, state.load(ordering: .acquiring) == State.idle else { return }
    state.store(State.busy, ordering: .releasing)
    questions.ring()
  }

  /// The addresses found by the look-up that has finished, empty when it failed; else `nil`.
  func takeAnswer() -> [PeerAddress]? {
    answers.take()
    guard state.load(ordering: .acquiring) == State.done else { return nil }
    let addresses = found
    state.store(State.idle, ordering: .releasing)
    return addresses
  }

  private func run() -> Never {
    while true {
      questions.take()
      guard state.load(ordering: .acquiring) == State.busy else { continue }
      found = target.resolve(onlyLiteral: false)
      state.store(State.done, ordering: .releasing)
      answers.ring()
    }
  }
}
