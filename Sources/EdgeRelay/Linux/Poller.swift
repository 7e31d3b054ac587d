// Waiting for many descriptors: epoll, level-triggered.
//
// A token names what a descriptor is for: kind in the upper 32 bits, index in the lower. An event
// may name a descriptor that an earlier event of the same batch has closed; whoever handles it
// reads or writes, finds nothing, and that is all.

import CLinux

/// One ready descriptor.
struct PollEvent {
  var token: UInt64
  var isReadable: Bool
  var isWritable: Bool
  /// Hung up or failed; reported even when nothing was asked for.
  var isBroken: Bool
}

/// What a descriptor is watched for.
struct PollInterest: Equatable {
  var read: Bool
  var write: Bool
}

/// An epoll instance and its last batch of events.
struct Poller: ~Copyable {
  private static let batchCountMax = 128

  private let descriptor: Int32
  private var tokens = [UInt64](repeating: 0, count: batchCountMax)
  private var flags = [UInt8](repeating: 0, count: batchCountMax)
  private(set) var readyCount = 0

  init() throws(SystemError) {
    descriptor = Int32(try SystemError.check(clinux_epoll_create()))
  }

  deinit { Sockets.close(descriptor) }

  func add(_ watched: Int32, _ interest: PollInterest, token: UInt64) throws(SystemError) {
    _ = try SystemError.check(control(1, watched, interest, token))
  }

  func change(_ watched: Int32, _ interest: PollInterest, token: UInt64) {
    _ = control(2, watched, interest, token)
  }

  func remove(_ watched: Int32) {
    _ = control(3, watched, PollInterest(read: false, write: false), 0)
  }

  /// Sleeps until something is ready or `milliseconds` have passed; -1 waits for ever.
  @inline(never)
  mutating func wait(milliseconds: Int32) throws(SystemError) {
    // SAFETY: both arrays hold `batchCountMax` elements and live for the call.
    let result = unsafe tokens.withUnsafeMutableBufferPointer { tokens in
      unsafe flags.withUnsafeMutableBufferPointer { flags in
        unsafe clinux_epoll_wait(
          descriptor, tokens.baseAddress!, flags.baseAddress!, Int32(Self.batchCountMax),
          milliseconds)
      }
    }
    readyCount = try SystemError.check(result)
  }

  /// The ready descriptor at `index`, below `readyCount`.
  func event(_ index: Int) -> PollEvent {
    PollEvent(
      token: tokens[index], isReadable: flags[index] & 1 != 0,
      isWritable: flags[index] & 2 != 0, isBroken: flags[index] & 4 != 0)
  }

  private func control(
    _ operation: Int32, _ watched: Int32, _ interest: PollInterest, _ token: UInt64
  ) -> Int {
    clinux_epoll_control(
      descriptor, operation, watched, interest.read ? 1 : 0, interest.write ? 1 : 0, token)
  }
}
