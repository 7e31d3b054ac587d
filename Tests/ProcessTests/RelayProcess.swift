// The relay's real binary as a process.
//
//   EDGERELAY_BINARY   the binary to test; default: the one built beside the test bundle
//   EDGERELAY_RUNNER   a program to run it with, such as qemu-arm-static; default: none
//
// What the process writes goes to a file, which the failure of a test quotes. The process ends with
// the object, whatever happens; files are removed with the directory.

import CLinux
import Foundation

@testable import EdgeRelay

/// A test could not go on.
struct Trouble: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// A program that was started and is watched.
///
/// A class, because it must end its process exactly once.
final class RelayProcess {
  private(set) var pid: Int32 = 0
  let logPath: String

  /// Starts the binary with `arguments`, and `TMPDIR` set to `temporary` if that is given.
  init(
    _ arguments: [String], logPath: String, temporary: String? = nil,
    variables: [String: String] = [:]
  ) throws {
    self.logPath = logPath
    let words = Self.command + arguments
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, logPath, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // Threads of the test runner may block signals that the relay needs.
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var environment = ProcessInfo.processInfo.environment
    // Who judges reads the same clock, whatever it is worth.
    environment["EDGERELAY_POLICY__CLOCK"] = "trusted"
    if let temporary { environment["TMPDIR"] = temporary }
    environment.merge(variables) { $1 }
    let arguments = Self.strings(words)
    let variables = Self.strings(environment.map { "\($0.key)=\($0.value)" })
    defer { for string in arguments + variables { free(string) } }
    let result = posix_spawnp(&pid, words[0], &actions, &attributes, arguments, variables)
    if result != 0 {
      throw Trouble("cannot start \(words): \(String(cString: strerror(result)))")
    }
  }

  deinit { kill() }

  var isRunning: Bool { pid > 0 }

  /// Everything the process has written.
  var log: String { (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? "" }

  /// Ends the process as a power cut would.
  func kill() {
    guard pid > 0 else { return }
    _ = clinux_kill(pid, clinux_sigkill)
    _ = clinux_wait(pid, 1)
    pid = 0
  }

  /// Holds the process still while `body` prepares what it will find when it goes on: all at once.
  func whileStopped(_ body: () throws -> Void) rethrows {
    _ = clinux_kill(pid, SIGSTOP)
    defer { _ = clinux_kill(pid, SIGCONT) }
    while !isStopped { usleep(1_000) }
    try body()
  }

  private var isStopped: Bool {
    guard let status = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
      let end = status.lastIndex(of: ")")
    else { return true }
    // The state follows the name, which stands in parentheses.
    return status[end...].dropFirst(2).first == "T"
  }

  func terminate() {
    if pid > 0 { _ = clinux_kill(pid, clinux_sigterm) }
  }

  /// Makes the relay read its configuration again.
  func hangUp() {
    if pid > 0 { _ = clinux_kill(pid, clinux_sighup) }
  }

  /// The exit code if the process has ended by itself (512 and more: by a signal), else `nil`.
  func takeExitCode() -> Int? {
    guard pid > 0 else { return nil }
    let result = clinux_wait(pid, 0)
    if result == 0 { return nil }
    pid = 0
    return result >= 512 ? result : result - 256
  }

  /// Waits for the process to end.
  func exitCode(within seconds: Double = 60) throws -> Int {
    let deadline = Date(timeIntervalSinceNow: seconds)
    while Date() < deadline {
      if let code = takeExitCode() { return code }
      usleep(5_000)
    }
    throw Trouble("the process did not end within \(seconds) s\n\(log)")
  }

  /// The resident memory of the process, in KiB.
  var residentKiB: Int? {
    guard let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
    else { return nil }
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
    return line.flatMap { Int($0.filter(\.isNumber)) }
  }

  /// What the process has used of processors, in hundredths of a second.
  var processorTicks: Int {
    guard let status = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
      let end = status.lastIndex(of: ")")
    else { return 0 }
    // utime and stime are the fields 14 and 15; the name is the second.
    let fields = status[end...].split(separator: " ")
    return (Int(fields[12]) ?? 0) + (Int(fields[13]) ?? 0)
  }

  /// Sets how many descriptors the process may have from now on.
  func setDescriptorLimit(_ count: Int) throws {
    let tool = Process()
    tool.executableURL = URL(fileURLWithPath: "/usr/bin/prlimit")
    tool.arguments = ["--pid", "\(pid)", "--nofile=\(count):"]
    try tool.run()
    tool.waitUntilExit()
    if tool.terminationStatus != 0 { throw Trouble("prlimit has failed") }
  }

  // MARK: The binary

  static let runner = environment("EDGERELAY_RUNNER")?.split(separator: " ").map(String.init) ?? []

  private static let command = runner + [environment("EDGERELAY_BINARY") ?? besideTheTests]

  /// Copies for C, which the caller frees, and the null behind the last.
  private static func strings(_ words: [String]) -> [UnsafeMutablePointer<CChar>?] {
    words.map { strdup($0) } + [nil]
  }

  private static func environment(_ name: String) -> String? {
    guard let value = ProcessInfo.processInfo.environment[name], !value.isEmpty else { return nil }
    return value
  }

  private static var besideTheTests: String {
    let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    var folder = URL(fileURLWithPath: tests).deletingLastPathComponent()
    for _ in 0..<4 {
      let binary = folder.appendingPathComponent("edgerelay").path
      var isFolder: ObjCBool = false
      let exists = FileManager.default.fileExists(atPath: binary, isDirectory: &isFolder)
      if exists, !isFolder.boolValue { return binary }
      folder.deleteLastPathComponent()
    }
    return ".build/debug/edgerelay"
  }
}
