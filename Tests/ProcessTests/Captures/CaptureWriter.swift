// Capture files for tests, written from the specifications and not with the reader's code.

@testable import EdgeRelay

/// A capture file under construction.
struct CaptureWriter {
  enum Format: CaseIterable {
    case pcapMicroseconds, pcapNanoseconds, pcapng, pcapngSimple
  }

  let format: Format
  let order: ByteOrder
  let link: UInt16
  private(set) var bytes: [UInt8] = []

  init(_ format: Format, _ order: ByteOrder, link: UInt16 = 1) {
    self.format = format
    self.order = order
    self.link = link
    switch format {
    case .pcapMicroseconds, .pcapNanoseconds:
      append32(format == .pcapMicroseconds ? 0xA1B2_C3D4 : 0xA1B2_3C4D)
      append16(2)
      append16(4)
      for number: UInt32 in [0, 0, 262_144, UInt32(link)] { append32(number) }
    case .pcapng, .pcapngSimple:
      beginSection()
    }
  }

  /// Begins a section with one interface, whose times count milliseconds.
  mutating func beginSection() {
    appendBlock(0x0A0D_0D0A) {
      $0.append32(0x1A2B_3C4D)
      $0.append16(1)
      $0.append16(0)
      $0.append32(.max)
      $0.append32(.max)
    }
    // A block that readers do not know.
    appendBlock(0x0000_0BAD) { $0.append32(7) }
    addInterface()
  }

  mutating func addInterface() {
    appendBlock(1) {
      $0.append16($0.link)
      $0.append16(0)
      $0.append32(0)
      $0.append16(2)
      $0.append16(3)
      $0.bytes += [0x61, 0x6E, 0x79, 0]
      $0.append16(9)
      $0.append16(1)
      $0.bytes += [3, 0, 0, 0]
      $0.append32(0)
    }
  }

  mutating func add(_ packet: [UInt8], milliseconds: UInt64) {
    let count = UInt32(packet.count)
    switch format {
    case .pcapMicroseconds, .pcapNanoseconds:
      append32(UInt32(milliseconds / 1_000))
      append32(
        UInt32(milliseconds % 1_000) * (format == .pcapMicroseconds ? 1_000 : 1_000_000))
      append32(count)
      append32(count)
      bytes += packet
    case .pcapng:
      appendBlock(6) {
        $0.append32(0)
        $0.append32(UInt32(milliseconds >> 32))
        $0.append32(UInt32(truncatingIfNeeded: milliseconds))
        $0.append32(count)
        $0.append32(count)
        $0.bytes += packet + [UInt8](repeating: 0, count: (4 - packet.count % 4) % 4)
      }
    case .pcapngSimple:
      appendBlock(3) {
        $0.append32(count)
        $0.bytes += packet + [UInt8](repeating: 0, count: (4 - packet.count % 4) % 4)
      }
    }
  }

  private mutating func appendBlock(_ type: UInt32, _ body: (inout CaptureWriter) -> Void) {
    append32(type)
    let place = bytes.count
    append32(0)
    body(&self)
    let length = UInt32(bytes.count - place + 8)
    append32(length)
    bytes.replaceSubrange(place..<place + 4, with: bytes.suffix(4))
  }

  mutating func append16(_ number: UInt16) {
    let big = [UInt8(number >> 8), UInt8(number & 0xFF)]
    bytes += order == .big ? big : big.reversed()
  }

  mutating func append32(_ number: UInt32) {
    let big = (0..<4).map { UInt8(truncatingIfNeeded: number >> UInt32(24 - $0 * 8)) }
    bytes += order == .big ? big : big.reversed()
  }
}
