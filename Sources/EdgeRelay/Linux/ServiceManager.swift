// What systemd is told, when it started this program: sd_notify(3) without its library.
//
// One datagram to $NOTIFY_SOCKET a message. The watchdog is fed by whoever calls `keep`, which is
// the loop that does the work and nothing else: a loop that hangs is restarted. A message that
// cannot be sent is left out; nobody waits for it.

import CLinux
import Queue

/// The service manager, or nobody.
struct ServiceManager {
  /// Milliseconds between two looks at the status.
  private static let statusInterval = 10_000

  private let socket: [UInt8]
  /// Milliseconds between two signs of life; 0 when none are wanted.
  private let watchdogInterval: Int
  private var aliveAt = Instant.never
  private var statusAt = Instant.never
  private var status = Text()

  init() {
    socket = Text(environment: "NOTIFY_SOCKET").bytes
    let isMine =
      ArgumentValue.number(Text(environment: "WATCHDOG_PID").bytes, max: Int64(Int32.max))
      .map { $0 == Int64(clinux_process()) } ?? true
    let limit = ArgumentValue.number(Text(environment: "WATCHDOG_USEC").bytes, max: 1 << 50) ?? 0
    // Half the limit, as sd_watchdog_enabled(3) advises.
    watchdogInterval = isMine && !socket.isEmpty && limit > 0 ? max(1, Int(limit / 2_000)) : 0
  }

  /// The instant at which `keep` has something to do.
  var nextDeadline: Instant { min(aliveAt, statusAt) }

  /// Whether it is time to find out what to say.
  func wantsStatus(_ now: Instant) -> Bool { now >= statusAt }

  /// Everything is open and works.
  mutating func sayReady(_ status: Text, now: Instant) {
    guard !socket.isEmpty else { return }
    var text = Text("READY=1\nSTATUS=")
    text.append(status)
    send(text)
    self.status = status
    statusAt = now.advanced(by: Self.statusInterval)
    keepAlive(now)
  }

  mutating func sayReloading(now: Instant) {
    var text = Text("RELOADING=1\nMONOTONIC_USEC=")
    text.append(now.milliseconds)
    text.append("000")
    send(text)
  }

  mutating func sayStopping() { send(Text("STOPPING=1\nSTATUS=Stopping")) }

  /// What is wrong, for a program that ends.
  mutating func sayFailed(_ reason: Text) {
    var text = Text("STATUS=")
    text.append(reason)
    send(text)
  }

  /// Says what goes on when it has changed.
  @inline(never)
  mutating func say(_ status: Text, now: Instant) {
    statusAt = now.advanced(by: Self.statusInterval)
    guard status.bytes != self.status.bytes else { return }
    self.status = status
    var text = Text("STATUS=")
    text.append(status)
    send(text)
  }

  /// Shows that the loop is alive, when it is time.
  mutating func keep(_ now: Instant) {
    if now >= aliveAt { keepAlive(now) }
  }

  @inline(never)
  private mutating func keepAlive(_ now: Instant) {
    guard watchdogInterval > 0 else { return }
    aliveAt = now.advanced(by: watchdogInterval)
    send(Text("WATCHDOG=1"))
  }

  private func send(_ text: Text) {
    guard !socket.isEmpty else { return }
    _ = withCString(socket) { path in
      // SAFETY: the bytes live for the call.
      unsafe text.bytes.withUnsafeBytes { unsafe clinux_notify(path, $0.baseAddress!, $0.count) }
    }
  }

}
