// The file `ledger` of the spool directory (LedgerImage.swift has its bytes), always the old or the new
// one as a whole.
//
//   loop:    startWriting()  -- state idle -> busy, a thread begins
//   thread:  write           -- state busy -> written or failed, the thread ends
//   loop:    takeResult()    -- state written or failed -> idle
//
// A thread of its own, once an hour: the commit writer's would keep answers waiting. What is not
// understood is put aside as `ledger.old`, whatever it is.

import CLinux
import Queue
import Relay
import Synchronization

/// The file, and its writing. A class, because the thread and the loop share it.
final class LedgerFile: @unchecked Sendable {
  private enum State {
    static let idle = 0
    static let busy = 1
    static let written = 2
    static let failed = 3
  }

  /// What was found at a start.
  enum Finding {
    case nothing
    case ledger(LedgerImage)
    /// Nothing that could be understood.
    case refused
  }

  private static let name: StaticString = "ledger"
  private static let nameAside: StaticString = "ledger.old"

  /// The spool directory's descriptor, which stays open.
  private let directory: Int32
  private let state = Atomic<Int>(State.idle)
  private var image: LedgerImage?

  init(directory: Int32) { self.directory = directory }

  func read(_ crc: CRC32C) -> Finding {
    let opened = unsafe clinux_open_at(directory, Self.name.cString, 2)
    if opened == -Int(clinux_enoent) { return .nothing }
    if opened >= 0 {
      let descriptor = Int32(opened)
      defer { Sockets.close(descriptor) }
      let size = Int(clinux_file_size(descriptor))
      if LedgerImage.byteCounts.contains(size) {
        let buffer = PageBuffer(byteCount: size)
        let got = unsafe buffer.withMemory(0..<size) {
          unsafe clinux_pread(descriptor, $0.baseAddress!, size, 0)
        }
        if got == size, let image = LedgerImage(buffer, crc) { return .ledger(image) }
      }
    }
    _ = unsafe clinux_rename_at(directory, Self.name.cString, Self.nameAside.cString)
    return .refused
  }

  /// Puts `image` in the place of the file, and waits for that; `false` when the disk refuses.
  func write(_ image: LedgerImage) -> Bool {
    unsafe image.buffer.withMemory(0..<image.byteCount) {
      unsafe clinux_replace_at(directory, Self.name.cString, $0.baseAddress, $0.count) >= 0
    }
  }

  /// The same in the background, unless that is under way.
  func startWriting(_ image: LedgerImage) {
    guard state.load(ordering: .acquiring) == State.idle else { return }
    self.image = image
    state.store(State.busy, ordering: .releasing)
    // SAFETY: the reference is held until the thread has taken it.
    let context = unsafe Unmanaged.passRetained(self)
    let started = unsafe clinux_start_thread(
      { context in
        guard let context = unsafe context else { return nil }
        unsafe Unmanaged<LedgerFile>.fromOpaque(context).takeRetainedValue().run()
        return nil
      }, context.toOpaque())
    if started < 0 {
      unsafe context.release()
      state.store(State.failed, ordering: .releasing)
    }
  }

  var isBusy: Bool { state.load(ordering: .acquiring) == State.busy }

  /// Whether the writing that has finished was good; `nil` when none has.
  func takeResult() -> Bool? {
    let result = state.load(ordering: .acquiring)
    guard result >= State.written else { return nil }
    image = nil
    state.store(State.idle, ordering: .releasing)
    return result == State.written
  }

  private func run() {
    let isWritten = image.map { write($0) } ?? false
    state.store(isWritten ? State.written : State.failed, ordering: .releasing)
  }
}
