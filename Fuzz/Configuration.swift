// The entry point of the configuration's fuzzer: any bytes as a file, or as a variable.
//
//   input:  KIND 1 | bytes          KIND even: a file; odd: NAME=VALUE of the environment
//
// Checked beside the sanitizer's own findings:
//   refused    the place lies in the file, and the words are of one line
//   accepted   what is shown is accepted again without a warning and means the same
// With EDGERELAY_FUZZ_LIST every file that is accepted is printed with what was read, for
// Fuzz/compare-toml.py, which asks another reader what it means.

import Configuration

#if canImport(Glibc)
  import Glibc
#endif

private let lists = unsafe getenv("EDGERELAY_FUZZ_LIST") != nil
private let name: [UInt8] = Array("f".utf8)

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  guard count >= 1 else { return 0 }
  let input = unsafe Array(UnsafeBufferPointer(start: data, count: count))
  let bytes = Array(input[1...])
  if input[0] % 2 == 0 {
    checkDocument(bytes)
    checkSettings { (settings) throws(ConfigurationError) in
      try settings.addFile(bytes, name: name)
    }
  } else if let equals = bytes.firstIndex(of: 0x3D) {
    checkSettings { (settings) throws(ConfigurationError) in
      try settings.addVariable(Array(bytes[..<equals]), Array(bytes[(equals + 1)...]))
    }
  }
  return 0
}

private func require(_ isTrue: Bool, _ what: @autoclosure () -> String) {
  if !isTrue { fatalError(what()) }
}

private func checkDocument(_ bytes: [UInt8]) {
  let document: TOMLDocument
  do throws(TOMLError) {
    document = try TOMLDocument(bytes)
  } catch {
    let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
    require(error.place.line >= 1 && error.place.line <= lines.count, "a line that is not there")
    let line = lines[error.place.line - 1]
    require(
      error.place.column >= 1 && error.place.column <= line.count + 1, "a column that is not there")
    require(String(decoding: error.message.bytes, as: UTF8.self).hasPrefix("expected "), "no words")
    return
  }
  guard lists else { return }
  var words = ["accepted:\(hex(bytes))"]
  for table in document.tables {
    words.append("[\(hex(table.first)).\(table.second.map(hex) ?? "-")]")
    for entry in table.entries {
      words.append("\(hex(entry.key))=\(entry.value.form):\(hex(entry.value.text))")
    }
  }
  print(words.joined(separator: " "))
}

private func checkSettings(
  _ fill: (inout Settings) throws(ConfigurationError) -> Void
) {
  var settings = Settings()
  do throws(ConfigurationError) {
    try fill(&settings)
    try settings.finish()
  } catch {
    require(error.message.bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F }, "a forged line")
    return
  }
  for warning in settings.warnings {
    require(warning.bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F }, "a forged line")
  }
  var shown = Text()
  settings.write(to: &shown)
  // A variable may name a path that no file can.
  guard String(validating: shown.bytes, as: UTF8.self) != nil else { return }
  var again = Settings()
  do throws(ConfigurationError) {
    try again.addFile(shown.bytes, name: name)
    try again.finish()
  } catch {
    let text = String(decoding: shown.bytes, as: UTF8.self)
    fatalError(
      "\(String(decoding: error.message.bytes, as: UTF8.self)) in what was shown:\n\(text)")
  }
  require(again.warnings.isEmpty, "a warning about what was shown")
  for change in [KeyChange.reload, .restart] {
    require(again.differences(from: settings, change).isEmpty, "what is shown means more")
    require(settings.differences(from: again, change).isEmpty, "what is shown means less")
  }
  _ = settings.policies
}

private func hex(_ bytes: [UInt8]) -> String {
  var text = Text()
  text.append(hex: bytes.span)
  return String(decoding: text.bytes, as: UTF8.self)
}
