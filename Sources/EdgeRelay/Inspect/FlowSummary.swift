// What is known about one flow before its frames are shown, and when they have been.

import Detect

/// One flow, as a line for people or an object for programs.
struct FlowSummary {
  /// The flow's number in the capture, or the line of a text file.
  var number: Int
  var isTCP: Bool
  /// Who the device and the server are; `nil` for the line of a text file.
  var endpoints: (device: Endpoint, server: Endpoint)?
  var isStartMissing = false
  /// Whether the device said nothing at all.
  var isSilent = false
  var protocolID: ProtocolID?
  var confidence = Confidence.provisional
  /// The device that was named last, and the one named first.
  var identity: DeviceIdentity?
  private var firstIdentity: DeviceIdentity?
  var tally = InspectTally()
  /// Whether what the text file says of the family and the identity is what we say.
  var isFamilyTold: Bool?
  var isIdentityTold: Bool?

  init(number: Int, isTCP: Bool, _ survey: Inspector) {
    self.number = number
    self.isTCP = isTCP
    protocolID = survey.protocolID
    confidence = survey.confidence
    identity = survey.identity
    firstIdentity = survey.firstIdentity
    tally = survey.tally
  }

  /// Compares with what a text file says, which may know the first login only; numbers may have lost their leading zeros there.
  mutating func judge(_ line: CaptureLine) {
    if let family = line.family {
      isFamilyTold = protocolID.map { family.spells($0.row.name) } ?? false
    }
    if let told = line.identity {
      isIdentityTold =
        identity?.isWritten(likeNumber: told) ?? false
        || firstIdentity?.isWritten(likeNumber: told) ?? false
    }
  }
}

extension DeviceIdentity {
  /// Whether people write this identity as `name`, with or without the zeros in front.
  fileprivate func isWritten(likeNumber name: [UInt8]) -> Bool {
    Self.withoutZeros(written.bytes) == Self.withoutZeros(name)
  }

  @inline(never)
  private static func withoutZeros(_ digits: [UInt8]) -> ArraySlice<UInt8> {
    digits[(digits.firstIndex { $0 != 0x30 } ?? digits.count)...]
  }
}
