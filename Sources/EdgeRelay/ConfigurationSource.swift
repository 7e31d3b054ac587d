// Where a configuration is read from, so that it can be read again: a file, the files of conf.d
// beside it, the environment, and the options of the command line.

import CLinux
import Configuration

/// What `run` and `check-config` read.
struct ConfigurationSource {
  static var standardPath: [UInt8] { Text("/etc/edgerelay/edgerelay.toml").bytes }

  /// The main file; `nil` when there is none.
  var path: [UInt8]?
  /// What the command line says, in its order.
  var options: [Setting] = []

  /// Adds what an option says; its text is of the key's kind.
  @inline(never)
  mutating func add(_ key: Key, _ text: [UInt8], _ option: [UInt8]) {
    if let setting = Setting(key, [], text, Text(origin: option).bytes) { options.append(setting) }
  }

  /// Reads everything. Nothing but reading happens, whatever is found.
  func load() throws(ConfigurationError) -> Settings {
    var settings = Settings()
    if let path {
      let max = ConfigurationLimits.fileBytesMax
      try settings.addFile(try Self.read(path, max: max), name: path)
      for file in try Self.dropIns(beside: path) {
        try settings.addFile(try Self.read(file, max: max), name: file)
      }
    }
    var index: Int32 = 0
    // SAFETY: the environment holds terminated strings and is never changed by this program.
    while let variable = unsafe clinux_environment_at(index) {
      var text = Text()
      unsafe text.append(cString: variable)
      index += 1
      guard let equals = text.bytes.firstIndex(of: 0x3D) else { continue }
      try settings.addVariable(
        Array(text.bytes[..<equals]), Array(text.bytes[(equals + 1)...]))
    }
    for option in options { settings.addOption(option) }
    try settings.finish()
    return settings
  }

  /// Whether the file that is read when none is named exists.
  static var hasStandardFile: Bool {
    let opened = withCString(standardPath) { unsafe clinux_open($0, 0, 0) }
    if opened >= 0 { Sockets.close(Int32(opened)) }
    // A file that is there and cannot be read is a mistake to be told, not to be passed over.
    return opened != -Int(clinux_enoent)
  }

  /// The files of conf.d in the order of their names.
  private static func dropIns(beside path: [UInt8]) throws(ConfigurationError) -> [[UInt8]] {
    let slash = path.lastIndex(of: 0x2F)
    let folder = (slash.map { Array(path[...$0]) } ?? []) + Text("conf.d").bytes
    var names = [UInt8](repeating: 0, count: 64 * 1_024)
    let listed = withCString(folder) { folder in
      // SAFETY: the buffer lives for the call.
      unsafe names.withUnsafeMutableBufferPointer {
        unsafe clinux_list_directory(folder, $0.baseAddress!, $0.count)
      }
    }
    if listed == -Int(clinux_enoent) { return [] }
    guard listed >= 0 else { throw cannotRead(folder, SystemError(code: Int32(-listed))) }
    var files: [[UInt8]] = []
    for name in Array(names[..<listed]).parts(at: 0) where !name.isEmpty {
      if name.first != 0x2E, Array(name.suffix(5)).spells(".toml") {
        insert(folder + [0x2F] + name, into: &files)
      }
    }
    guard files.count <= ConfigurationLimits.fileCountMax else {
      var words = Text()
      words.append(folder)
      words.append(": expected no more than ")
      words.append(ConfigurationLimits.fileCountMax)
      words.append(" files")
      throw ConfigurationError(words)
    }
    return files
  }

  /// Inserts a name in the order of their bytes.
  private static func insert(_ name: [UInt8], into names: inout [[UInt8]]) {
    var place = names.count
    while place > 0, name.lexicographicallyPrecedes(names[place - 1]) { place -= 1 }
    names.insert(name, at: place)
  }

  /// A file of at most `max` bytes.
  static func read(_ path: [UInt8], max: Int) throws(ConfigurationError) -> [UInt8] {
    let opened = withCString(path) { unsafe clinux_open($0, 0, 0) }
    guard opened >= 0 else { throw cannotRead(path, SystemError(code: Int32(-opened))) }
    defer { Sockets.close(Int32(opened)) }
    let bytes: [UInt8]
    do throws(SystemError) {
      bytes = try readAll(Int32(opened), max: max)
    } catch {
      throw cannotRead(path, error)
    }
    if bytes.count <= max { return bytes }
    var words = Text()
    words.append(path)
    words.append(": expected no more than ")
    words.append(max)
    words.append(" bytes")
    throw ConfigurationError(words)
  }

  private static func cannotRead(_ path: [UInt8], _ error: SystemError) -> ConfigurationError {
    var words = Text("cannot read ")
    words.append(path)
    words.append(": ")
    error.write(to: &words)
    return ConfigurationError(words)
  }
}
