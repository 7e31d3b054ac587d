// The operator's rules from what the settings say and the files that they name.

import CLinux
import Configuration
import Detect
import Relay

extension AccessRules {
  /// Reads the files of devices, too.
  init(_ settings: Settings) throws(ConfigurationError) {
    self.init()
    if let setting = settings.setting(.accessNetworks) {
      for item in setting.value.text.words {
        guard let network = NetworkText(item[...]),
          let address = HostAndPort(host: network.address).resolve(onlyLiteral: true).first,
          networks.add(address, prefixBitCount: network.bitCount)
        else {
          throw ConfigurationError(
            setting.origin, Settings.expectation(.accessNetworks, item))
        }
      }
    }
    sessionsPerSourceMax = Int(settings.number(.limitSessionsPerSource))
    unnamedPerSourceMax = Int(settings.number(.limitUnnamedPerSource))
    allowed = try Self.devices(settings, .accessAllow, .accessAllowFile)
    denied = try Self.devices(settings, .accessDeny, .accessDenyFile) ?? denied
    for setting in settings.all(.protocolEnabled) where setting.value.number == 0 {
      if let protocolID = protocolID(named: setting.name) { disable(protocolID) }
    }
  }

  /// What holds, for the log; `nil` when everybody may use the relay.
  var summary: Text? {
    if networks.isEmpty, allowed == nil, denied.count == 0 { return nil }
    var line = Text("access is limited networks=")
    if networks.isEmpty { line.append("all") } else { line.append(networks.count) }
    line.append(" allowed=")
    if let allowed { line.append(allowed.count) } else { line.append("all") }
    line.append(" denied=", denied.count)
    return line
  }

  /// The devices of a list and a file; `nil` when neither says anything.
  private static func devices(
    _ settings: Settings, _ list: Key, _ file: Key
  ) throws(ConfigurationError) -> DeviceNames? {
    var names = DeviceNames()
    for name in settings.path(list).words { _ = names.insert(name[...]) }
    if let file = settings.setting(file) {
      let bytes = try ConfigurationSource.read(
        file.value.text, max: ConfigurationLimits.deviceFileBytesMax)
      try DeviceFile.read(bytes, name: file.value.text, into: &names)
      return names
    }
    return names.count == 0 ? nil : names
  }
}
