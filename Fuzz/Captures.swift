// The entry point of the fuzzer for capture files: everything that `inspect` does to them before the
// frames are looked at.
//
//   input:  the file
//
// Checked beside the sanitizer's own findings:
//   reading      every step moves on; a packet lies within the file
//   decoding     a payload lies within its packet
//   streams      in order, no byte twice: no more bytes than were captured, arrivals ascend and end with
//                the bytes, nothing is missing in negative amounts, answers stand within the other side
//   lines        frames and replies are no longer than the line
// Source of the promises: the head comments of Sources/EdgeRelay/Capture.

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let input = unsafe Array(UnsafeBufferPointer(start: data, count: count))
  if let reader = CaptureReader(input.span) {
    checkPackets(input, reader)
    checkFlows(input, reader)
  } else {
    checkLine(input)
  }
  return 0
}

func require(_ isTrue: Bool, _ what: @autoclosure () -> String) {
  if !isTrue { fatalError(what()) }
}

private func checkPackets(_ file: [UInt8], _ start: CaptureReader) {
  var reader = start
  var end = 0
  while case .packet(let packet) = reader.next(file.span) {
    require(packet.range.lowerBound > end, "a packet where the one before stood")
    require(packet.range.upperBound <= file.count, "a packet behind the end of the file")
    end = packet.range.upperBound
    guard let decoded = try? PacketDecoder.decode(file.span, packet) else { continue }
    require(
      decoded.payload.lowerBound >= packet.range.lowerBound
        && decoded.payload.upperBound <= packet.range.upperBound, "a payload outside its packet")
  }
}

private func checkFlows(_ file: [UInt8], _ reader: CaptureReader) {
  var capture = Capture(file.span, reader)
  capture.table.sort()
  for flow in capture.table.flows {
    for side in [FlowSide.first, .second] {
      let conversation = Conversation(flow, device: side, in: file.span)
      check(conversation.device, "the device's side", file.count, Int.max)
      check(
        conversation.server, "the server's side", file.count, conversation.device.bytes.count)
    }
  }
}

private func check(_ side: CapturedBytes, _ name: String, _ byteCountMax: Int, _ peerMax: Int) {
  require(side.bytes.count <= byteCountMax, "\(name) has more bytes than the file")
  var end = 0
  var time = Int64.min
  for arrival in side.arrivals {
    require(arrival.end > end, "\(name) goes back")
    require(arrival.milliseconds >= time, "\(name) goes back in time")
    require(arrival.missingByteCount >= 0, "\(name) misses less than nothing")
    require(arrival.peerEnd >= 0 && arrival.peerEnd <= peerMax, "\(name) answers what is not there")
    end = arrival.end
    time = arrival.milliseconds
  }
  require(end == side.bytes.count, "\(name) has bytes that never arrived")
}

private func checkLine(_ bytes: [UInt8]) {
  _ = CaptureLine.begins(bytes.span)
  guard let line = try? CaptureLine(bytes.span) else { return }
  let byteCount = line.frames.reduce(0) { $0 + $1.count }
  require(byteCount <= bytes.count / 2, "frames that are longer than their line")
  _ = Conversation(line, isStream: true)
}
