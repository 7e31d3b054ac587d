// Reads capture files packet by packet: pcap and pcapng.
//
//   pcap     magic 4 | version 4 | zone 4 | figures 4 | snap length 4 | link type 2, flags 2
//            then  seconds 4 | fraction 4 | CAPTURED 4 | original 4 | CAPTURED bytes
//            The magic is A1B2C3D4 for microseconds, A1B23C4D for nanoseconds, in the file's byte order.
//   pcapng   blocks:  type 4 | LENGTH 4 | body | LENGTH 4, LENGTH of all, a multiple of four
//            0A0D0D0A section    1A2B3C4D in the section's byte order | version 4 | length 8 | options
//            00000001 interface  link type 2 | reserved 2 | snap length 4 | options
//            00000006 packet     interface 4 | time 8, high half first | CAPTURED 4 | original 4 | bytes
//            00000003 packet     original 4 | bytes; of the first interface, without a time
//            All other blocks are passed over.
//
// Invariant: every step moves on or ends; a range that is returned lies within the file.
// The time offset option of pcapng is not read.
// Source: draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng.

/// The next thing in a capture file.
enum CaptureStep: Equatable {
  case packet(CapturedPacket)
  case end
  /// Nothing behind this place can be read.
  case broken(CaptureFault, at: Int)
}

/// Walks one capture file.
struct CaptureReader {
  private enum Format {
    case pcap(ByteOrder, LinkType, unitsPerSecond: UInt64)
    case pcapng(ByteOrder)
  }

  private struct Interface {
    var link: LinkType
    var snapBytesMax: UInt32
    var unitsPerSecond: UInt64 = 1_000_000
  }

  private static let pcapHeaderByteCount = 24
  private static let recordHeaderByteCount = 16
  private static let sectionType: UInt32 = 0x0A0D_0D0A

  private var format: Format
  private var offset: Int
  private var interfaces: [Interface] = []
  private var milliseconds: Int64 = 0

  /// Takes up a file by its first bytes; `nil` when it is no capture file.
  init?(_ file: Span<UInt8>) {
    guard file.count >= 4 else { return nil }
    if file.uint32(at: 0, .big) == Self.sectionType {
      // The type reads alike in both orders; the section says which one it has.
      format = .pcapng(.big)
      offset = 0
      return
    }
    for order in [ByteOrder.big, .little] {
      let magic = file.uint32(at: 0, order)
      guard magic == 0xA1B2_C3D4 || magic == 0xA1B2_3C4D else { continue }
      let hasLink = file.count >= Self.pcapHeaderByteCount
      let link =
        hasLink
        ? LinkType(number: UInt16(truncatingIfNeeded: file.uint32(at: 20, order))) : .unknown
      format = .pcap(
        order, link, unitsPerSecond: magic == 0xA1B2_C3D4 ? 1_000_000 : 1_000_000_000)
      offset = Self.pcapHeaderByteCount
      return
    }
    return nil
  }

  /// The next packet of `file`, the bytes that the reader was made with.
  @inline(never)
  mutating func next(_ file: Span<UInt8>) -> CaptureStep {
    switch format {
    case .pcap(let order, let link, let units): nextRecord(file, order, link, units)
    case .pcapng: nextPacketBlock(file)
    }
  }

  // MARK: pcap

  private mutating func nextRecord(
    _ file: Span<UInt8>, _ order: ByteOrder, _ link: LinkType, _ unitsPerSecond: UInt64
  ) -> CaptureStep {
    if offset == file.count { return .end }
    let start = offset
    guard start <= file.count - Self.recordHeaderByteCount else {
      return .broken(.truncated, at: min(start, file.count))
    }
    let captured = file.uint32(at: start + 8, order)
    if captured > CaptureLimits.packetBytesMax { return .broken(.absurdLength, at: start) }
    let begin = start + Self.recordHeaderByteCount
    guard Int(captured) <= file.count - begin else { return .broken(.truncated, at: start) }
    offset = begin + Int(captured)
    let seconds = UInt64(file.uint32(at: start, order))
    let fraction = UInt64(file.uint32(at: start + 4, order))
    milliseconds = Int64(seconds * 1_000 + fraction * 1_000 / unitsPerSecond)
    return .packet(
      CapturedPacket(link: link, range: begin..<offset, milliseconds: milliseconds))
  }

  // MARK: pcapng

  private mutating func nextPacketBlock(_ file: Span<UInt8>) -> CaptureStep {
    while offset < file.count {
      let start = offset
      guard file.count - start >= 12 else { return .broken(.truncated, at: start) }
      if file.uint32(at: start, .big) == Self.sectionType, let fault = beginSection(file, start) {
        return .broken(fault, at: start)
      }
      guard case .pcapng(let order) = format else { return .end }
      let length = file.uint32(at: start + 4, order)
      if length < 12 || length % 4 != 0 { return .broken(.absurdLength, at: start) }
      guard length <= UInt32(truncatingIfNeeded: file.count - start) else {
        return .broken(.truncated, at: start)
      }
      let end = start + Int(length)
      if file.uint32(at: end - 4, order) != length {
        return .broken(.contradictoryLength, at: start)
      }
      offset = end
      let body = start + 8..<end - 4
      switch file.uint32(at: start, order) {
      case 1:
        if let fault = addInterface(file, body, order) { return .broken(fault, at: start) }
      case 3:
        return simplePacket(file, body, order)
      case 6:
        return enhancedPacket(file, body, order)
      default:
        continue
      }
    }
    return .end
  }

  /// Learns the byte order of a section, and forgets the interfaces of the one before.
  private mutating func beginSection(_ file: Span<UInt8>, _ start: Int) -> CaptureFault? {
    if file.uint32(at: start + 8, .big) == 0x1A2B_3C4D {
      format = .pcapng(.big)
    } else if file.uint32(at: start + 8, .little) == 0x1A2B_3C4D {
      format = .pcapng(.little)
    } else {
      return .absurdLength
    }
    interfaces = []
    return nil
  }

  private mutating func addInterface(
    _ file: Span<UInt8>, _ body: Range<Int>, _ order: ByteOrder
  ) -> CaptureFault? {
    guard body.count >= 8 else { return .absurdLength }
    guard interfaces.count < CaptureLimits.interfaceCountMax else { return .tooManyInterfaces }
    var interface = Interface(
      link: LinkType(number: file.uint16(at: body.lowerBound, order)),
      snapBytesMax: file.uint32(at: body.lowerBound + 4, order))
    var option = body.lowerBound + 8
    while option + 4 <= body.upperBound {
      let code = file.uint16(at: option, order)
      let byteCount = Int(file.uint16(at: option + 2, order))
      if code == 0 || option + 4 + byteCount > body.upperBound { break }
      if code == 9, byteCount == 1 {
        interface.unitsPerSecond = Self.units(resolution: file[option + 4])
      }
      option += 4 + (byteCount + 3) / 4 * 4
    }
    interfaces.append(interface)
    return nil
  }

  /// Units of time in a second: a negative power of two with the highest bit, of ten without.
  private static func units(resolution: UInt8) -> UInt64 {
    if resolution & 0x80 != 0 { return 1 << min(UInt64(resolution & 0x7F), 62) }
    var units: UInt64 = 1
    for _ in 0..<min(resolution, 18) { units *= 10 }
    return units
  }

  private mutating func enhancedPacket(
    _ file: Span<UInt8>, _ body: Range<Int>, _ order: ByteOrder
  ) -> CaptureStep {
    let start = body.lowerBound
    guard body.count >= 20 else { return .broken(.absurdLength, at: start) }
    let number = file.uint32(at: start, order)
    guard number < UInt32(truncatingIfNeeded: interfaces.count) else {
      return .broken(.unknownInterface, at: start)
    }
    let interface = interfaces[Int(number)]
    let captured = file.uint32(at: start + 12, order)
    guard captured <= UInt32(truncatingIfNeeded: body.count - 20) else {
      return .broken(.absurdLength, at: start)
    }
    let time =
      UInt64(file.uint32(at: start + 4, order)) << 32 | UInt64(file.uint32(at: start + 8, order))
    milliseconds = Self.milliseconds(time, interface.unitsPerSecond)
    return .packet(
      CapturedPacket(
        link: interface.link, range: start + 20..<start + 20 + Int(captured),
        milliseconds: milliseconds))
  }

  private func simplePacket(
    _ file: Span<UInt8>, _ body: Range<Int>, _ order: ByteOrder
  ) -> CaptureStep {
    guard body.count >= 4 else { return .broken(.absurdLength, at: body.lowerBound) }
    guard let interface = interfaces.first else {
      return .broken(.unknownInterface, at: body.lowerBound)
    }
    var captured = min(
      file.uint32(at: body.lowerBound, order), UInt32(truncatingIfNeeded: body.count - 4))
    if interface.snapBytesMax > 0 { captured = min(captured, interface.snapBytesMax) }
    let start = body.lowerBound + 4
    return .packet(
      CapturedPacket(
        link: interface.link, range: start..<start + Int(captured), milliseconds: milliseconds))
  }

  private static func milliseconds(_ time: UInt64, _ unitsPerSecond: UInt64) -> Int64 {
    // Beyond the year 9999 nothing is a time.
    let seconds = min(time / unitsPerSecond, 253_402_300_799)
    let rest = time % unitsPerSecond
    let part =
      unitsPerSecond >= 1 << 53 ? rest / (unitsPerSecond / 1_000) : rest * 1_000 / unitsPerSecond
    return Int64(seconds * 1_000 + part)
  }
}
