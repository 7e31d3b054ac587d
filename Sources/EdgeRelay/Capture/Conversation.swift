// What a device and its server said to each other, wherever it was written down.

/// Both sides of one flow.
struct Conversation {
  /// A TCP stream, or datagrams that are read one by one.
  var isStream = true
  /// What the device sent.
  var device = CapturedBytes()
  /// What the server sent.
  var server = CapturedBytes()
  /// Whether what the server sent is known, be it nothing.
  var hasServer = false
}

extension Conversation {
  /// Takes `device` for the side of `flow` that is the device.
  init(_ flow: CapturedFlow, device: FlowSide, in file: Span<UInt8>) {
    isStream = flow.isTCP
    let up = flow.stream(from: device)
    let down = flow.stream(from: device.other)
    self.device = CapturedBytes(up, isTCP: flow.isTCP, in: file)
    hasServer = down.isSeen
    server = CapturedBytes(down, isTCP: flow.isTCP, in: file)
    server.place(on: self.device)
  }

  /// One stream, or datagrams, of which nothing else is known.
  init(pieces: [[UInt8]], isStream: Bool) {
    self.isStream = isStream
    if isStream {
      var bytes: [UInt8] = []
      for piece in pieces { bytes += piece }
      device.append(bytes)
    } else {
      for piece in pieces { device.append(piece) }
    }
  }

  /// A case of a text file: a second passes between one frame and the next.
  init(_ line: CaptureLine, isStream: Bool) {
    self.isStream = isStream
    hasServer = line.replies != nil
    for (i, frame) in line.frames.enumerated() {
      let start = device.bytes.count
      let time = Int64(i) * 1_000
      device.append(frame, milliseconds: time)
      guard let replies = line.replies, i < replies.count, !replies[i].isEmpty else { continue }
      server.append(
        replies[i], milliseconds: time, answering: start..<device.bytes.count)
    }
  }
}
