// The platform's bytes: answers are swallowed, everything else goes to the device, whole.

import Detect
import Queue

extension Engine where D: ~Copyable {
  /// Takes bytes from the platform's side of a device's session.
  public mutating func upstreamReceived(
    _ device: DeviceIndex, _ bytes: Span<UInt8>, _ moment: Moment
  ) {
    let i = device.rawValue
    guard upstreams[i].phase == .greeting || upstreams[i].phase == .live else { return }
    upstreams[i].lastByteAt = moment.instant
    upstreams[i].input.append(bytes)
    readUpstream(device, .none, moment)
  }

  /// Cuts and handles what the platform has sent so far.
  mutating func readUpstream(_ device: DeviceIndex, _ silence: Silence, _ moment: Moment) {
    let i = device.rawValue
    let row = upstreams[i].protocolID.row
    // Out of the session while it is read, so that reading may change the session.
    var input = ByteQueue()
    swap(&input, &upstreams[i].input)
    let consumed = input.withBytes { bytes in
      var offset = 0
      while offset < bytes.count, upstreams[i].phase == .greeting || upstreams[i].phase == .live {
        let rest = bytes.extracting(offset..<bytes.count)
        switch row.downCut(rest, silence) {
        case .needMore:
          return offset
        case .skip(let byteCount, let reason):
          if reason == .garbage { toDevice(device, rest.extracting(0..<byteCount)) }
          offset += byteCount
        case .frame(let byteCount, _):
          let frame = rest.extracting(0..<byteCount)
          switch row.downMeaning(frame) {
          case .answer(let key): confirm(device, key, frame, moment.instant)
          case .command: toDevice(device, frame)
          }
          offset += byteCount
        }
      }
      return offset
    }
    guard upstreams[i].phase == .greeting || upstreams[i].phase == .live else { return }
    input.consume(consumed)
    swap(&input, &upstreams[i].input)
    if upstreams[i].input.count > RelayLimits.upstreamInputBytesMax {
      closeUpstream(device, .floods, moment.instant)
      return
    }
    schedule(device)
  }

  /// Hands a command to the device if it is there, and counts it as dropped otherwise.
  private mutating func toDevice(_ device: DeviceIndex, _ bytes: Span<UInt8>) {
    guard let slot = upstreams[device.rawValue].session else {
      ledger.droppedCommandCount += 1
      emit(.log(.commandUndeliverable(device, byteCount: bytes.count)))
      return
    }
    ledger.commandCount += 1
    output(bytes, to: slot)
  }
}
