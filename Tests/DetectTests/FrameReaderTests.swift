// The reader's own rules, beyond what the golden cases show: limits, garbage, bindings from before.

import Testing

@testable import Detect

@Suite("Frame reader")
struct FrameReaderTests {
  private let login = Bytes(hex: "78780D01012345678901234500018CDD0D0A") ?? []
  private let heartbeat = Bytes(hex: "78780A134401040001000508450D0A") ?? []
  private let topinLogin = Bytes(hex: "78780A010123456789012345010D0A") ?? []
  private let topinHeartbeat = Bytes(hex: "787801080D0A") ?? []

  /// A frame of the long form with right length and checksum.
  private func longFrame(type: UInt8, byteCount: Int) -> Bytes {
    let length = byteCount - 6
    var frame: Bytes = [0x79, 0x79, UInt8(length >> 8), UInt8(length & 0xFF), type]
    frame += (0..<byteCount - 11).map { UInt8($0 * 7 & 0xFF) } + [0x12, 0x34]
    let checksum = CRCX25.checksum(frame.span, 2..<frame.count)
    return frame + [UInt8(checksum >> 8), UInt8(checksum & 0xFF), 0x0D, 0x0A]
  }

  @Test("A transfer block may be longer than other frames", arguments: [0x41, 0x36, 0x94] as Bytes)
  func transferBlocks(_ type: UInt8) {
    let block = longFrame(type: type, byteCount: Limits.gt06TransferLengthMax + 6)
    let seen = see((login + block + heartbeat).chunked(1_448).map { .bytes($0) })
    #expect(seen.frames.map(\.bytes) == [login, block, heartbeat])
    #expect(seen.frames.allSatisfy { $0.oddities == [] })
  }

  @Test("A long frame at its limit is a frame, and one byte more is garbage")
  func longFrameLimit() {
    let longest = longFrame(type: 0x70, byteCount: Limits.gt06LongLengthMax + 6)
    #expect(see(login + longest + heartbeat).frames.map(\.bytes) == [login, longest, heartbeat])
    let tooLong = longFrame(type: 0x70, byteCount: Limits.gt06LongLengthMax + 7)
    let seen = see(login + tooLong)
    #expect(!seen.frames.contains { $0.bytes == tooLong })
  }

  @Test("A Wi-Fi frame longer than any Topin frame is none")
  func wifiFrameLimit() {
    // 130 access points and 20 cells fit, 160 access points do not.
    func wifi(_ accessPoints: Int, _ cells: Int) -> Bytes {
      [0x78, 0x78, UInt8(accessPoints), 0x69, 0x24, 0x03, 0x02, 0x12, 0x00, 0x00]
        + Bytes(repeating: 0x31, count: 7 * accessPoints) + [UInt8(cells), 0x01, 0xCC, 0x00]
        + Bytes(repeating: 0x32, count: 5 * cells) + [0x0D, 0x0A]
    }
    let fits = wifi(130, 19)
    #expect(fits.count <= Limits.topinFrameBytesMax)
    #expect(see(topinLogin + fits).frames.map(\.bytes) == [topinLogin, fits])
    for stream in [topinLogin + wifi(160, 0), topinLogin + wifi(100, 255), wifi(140, 9)] {
      for seen in [see(stream), seeByteByByte(stream)] {
        #expect(seen.fault == nil)
        #expect(seen.frames.allSatisfy { $0.bytes.count <= Limits.topinFrameBytesMax })
      }
    }
  }

  @Test("The end of a lying frame is not sought beyond its limit, however it arrives")
  func lyingFrameLimit() {
    for excess in -3...3 {
      let filler = Limits.lyingFrameBytesMax - 6 + excess
      let frame: Bytes =
        [0x78, 0x78, 0x00, 0x13] + Bytes(repeating: 0x41, count: filler) + [0x0D, 0x0A]
      let stream = login + frame + heartbeat
      let seen = see(stream)
      #expect(seen == seeByteByByte(stream), "excess \(excess)")
      #expect(seen.frames.map(\.bytes).contains(frame) == (excess <= 0), "excess \(excess)")
      #expect(seen.frames.last?.bytes == heartbeat, "excess \(excess)")
    }
  }

  @Test("A brief silence ends a frame behind whose stop bytes another one starts")
  func briefSilenceAtAMark() throws {
    let gt06 = try #require(Bytes(hex: "78785A134401040001000623290D0A"))
    let topin = try #require(Bytes(hex: "78786080010203040D0A"))
    for (id, frame) in [(ProtocolID.gt06, gt06), (.topin, topin)] {
      var reader = FrameReader(boundTo: id, .certain)
      let bytes = frame + topinHeartbeat
      let want = ReadStep.frame(byteCount: frame.count, .lyingLength)
      #expect(reader.next(bytes.span, silence: .none) == .needMore(total: Int(frame[2]) + 5))
      #expect(reader.next(bytes.span, silence: .brief) == want)
      // Alone it may still grow, and only a long silence ends it.
      let waits = ReadStep.needMore(total: Int(frame[2]) + 5)
      #expect(reader.next(frame.span, silence: .brief) == waits)
      #expect(reader.next(frame.span, silence: .long) == want)
    }
  }

  @Test("No more is asked for than a Topin frame may have")
  func topinTotals() {
    for count in UInt8.min...UInt8.max {
      let start: Bytes = [0x78, 0x78, count, 0x69, 0x24, 0x03, 0x02, 0x12, 0x00, 0x00]
      var reader = FrameReader(boundTo: .topin, .certain)
      guard case .needMore(let total) = reader.next(start.span, silence: .none) else { continue }
      #expect(total <= Limits.topinFrameBytesMax)
    }
  }

  @Test("A full buffer is never stuck after a long silence")
  func fullBuffer() {
    var generator = SeededGenerator(seed: 5)
    let readers = ProtocolID.allCases.flatMap {
      [FrameReader(boundTo: $0, .provisional), FrameReader(boundTo: $0, .certain)]
    }
    let starts: [Bytes] = [
      [0x78, 0x78], [0x78, 0x78, 0x00], [0x78, 0x78, 0xFF, 0x69], [0x68, 0x68, 0x01, 0x01, 0x04],
      [0x79, 0x79, 0x2C, 0x00, 0x41], [0x79, 0x79, 0x10, 0x00], [0x79, 0x79, 0x00, 0x01],
    ]
    for reader in readers + [FrameReader()] {
      for start in starts {
        for rest in [
          Bytes(repeating: 0x41, count: Limits.frameBytesMax),
          generator.markedBytes(Limits.frameBytesMax),
        ] {
          var copy = reader
          let buffer = Bytes((start + rest).prefix(Limits.frameBytesMax))
          if case .needMore = copy.next(buffer.span, silence: .long) {
            Issue.record("stuck at \(start.hex) with \(Bytes(rest.prefix(20)).hex)")
          }
        }
      }
    }
  }

  @Test("A bound stream is refused when too much of it belongs to no frame")
  func garbageLimit() {
    let most = Bytes(repeating: 0xAA, count: Limits.garbageBytesMax)
    for seen in [see(login + most), seeByteByByte(login + most)] {
      #expect(seen.rejection == nil)
      #expect(seen.skipped == [18..<18 + most.count])
    }
    for tail in [[0xAA, 0xAA], [0xAA] + login + [0xAA] + most] as [Bytes] {
      for seen in [see(login + most + tail), seeByteByByte(login + most + tail)] {
        #expect(seen.rejection == (tail.count == 2 ? .unknownStart : .garbage))
        #expect(seen.frames.first?.bytes == login)
      }
    }
  }

  @Test("A frame forgives the garbage before it")
  func garbageIsForgiven() {
    let most = Bytes(repeating: 0xAA, count: Limits.garbageBytesMax)
    let seen = see(login + most + heartbeat + most + heartbeat)
    #expect(seen.rejection == nil)
    #expect(seen.frames.count == 3)
  }

  @Test("A binding from before needs no detection")
  func boundFromBefore() throws {
    let status = try #require(Bytes(hex: "7878081300425228087F010D0A"))
    let topin = see([.bytes(status)], with: FrameReader(boundTo: .topin, .certain))
    #expect(topin.frames.map(\.protocolName) == ["topin"])
    #expect(topin.frames.map(\.oddities) == [[]])
    let gt06 = see([.bytes(status)], with: FrameReader(boundTo: .gt06, .certain))
    #expect(gt06.frames.map(\.protocolName) == ["gt06"])
    #expect(gt06.frames.map(\.oddities) == [.badChecksum])
  }

  @Test("A certain binding is never changed")
  func certainStays() {
    let gt06 = see(login + topinHeartbeat + topinLogin + heartbeat)
    #expect(gt06.frames.allSatisfy { $0.protocolName == "gt06" })
    let topin = see(topinLogin + login + topinHeartbeat + heartbeat)
    #expect(topin.frames.allSatisfy { $0.protocolName == "topin" })
    #expect(topin.frames.map(\.bytes) == [topinLogin, login, topinHeartbeat, heartbeat])
  }

  @Test("A flip is told and happens once")
  func flipIsTold() throws {
    var reader = FrameReader()
    #expect(!reader.hasFlipped)
    let status = try #require(Bytes(hex: "7878081300425228087F010D0A"))
    #expect(reader.next(status.span, silence: .brief) == .frame(byteCount: 13, .badChecksum))
    #expect(reader.protocolID == .gt06)
    #expect(reader.confidence == .provisional)
    #expect(!reader.hasFlipped)
    #expect(reader.next(topinHeartbeat.span, silence: .none) == .frame(byteCount: 6, []))
    #expect(reader.protocolID == .topin)
    #expect(reader.confidence == .certain)
    #expect(reader.hasFlipped)
  }

  @Test("A provisional stream stays with its protocol while nothing proves another")
  func provisionalStays() throws {
    let bad = try #require(Bytes(hex: "78780A1344010400010005FFFF0D0A"))
    let seen = see(bad + bad + bad)
    #expect(seen.frames.map(\.confidence) == ["provisional", "provisional", "provisional"])
  }

  @Test("A bound reader wants a byte when there is none")
  func nothingToRead() {
    var reader = FrameReader(boundTo: .gt06, .certain)
    #expect(reader.next(Bytes().span, silence: .long) == .needMore(total: 1))
    var unbound = FrameReader()
    #expect(unbound.next(Bytes().span, silence: .long) == .needMore(total: 1))
  }
}
