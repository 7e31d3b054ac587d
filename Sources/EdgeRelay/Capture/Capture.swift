// A capture file, read to its end or to where it is damaged.

/// The flows of a capture file, and what else stood in it.
struct Capture {
  var table = FlowTable()
  private(set) var packetCount = 0
  private(set) var fragmentCount = 0
  private(set) var otherCount = 0
  private(set) var malformedCount = 0
  private(set) var unknownLinkCount = 0
  /// Why reading ended early, and where.
  private(set) var fault: (reason: CaptureFault, offset: Int)?

  init(_ file: Span<UInt8>, _ start: CaptureReader) {
    var reader = start
    while true {
      switch reader.next(file) {
      case .packet(let packet):
        packetCount += 1
        add(file, packet)
      case .end:
        return
      case .broken(let reason, let offset):
        fault = (reason, offset)
        return
      }
    }
  }

  @inline(never)
  private mutating func add(_ file: Span<UInt8>, _ packet: CapturedPacket) {
    do throws(PacketRefusal) {
      table.add(try PacketDecoder.decode(file, packet), packet.milliseconds)
    } catch {
      switch error {
      case .fragment: fragmentCount += 1
      case .otherProtocol: otherCount += 1
      case .malformed: malformedCount += 1
      case .unknownLink: unknownLinkCount += 1
      }
    }
  }
}
