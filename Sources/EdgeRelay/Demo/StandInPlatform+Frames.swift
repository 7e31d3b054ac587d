// What the platform makes of the bytes on a connection: cut, check, write down, answer.

extension StandInPlatform {
  /// Takes every whole frame that waits on a connection, and queues the answers.
  mutating func read(_ slot: Int) {
    var offset = 0
    while true {
      let input = connections[slot].input
      if connections[slot].speech == nil { connections[slot].speech = Cast.recognise(input) }
      guard let speech = connections[slot].speech else { return }
      switch speech.cutUp(input, offset) {
      case .needMore:
        connections[slot].input.removeFirst(offset)
        return
      case .garbage:
        corruptedCount += 1
        offset += 1
      case .frame(let byteCount):
        take(Array(input[offset..<offset + byteCount]), speech, slot)
        offset += byteCount
      }
    }
  }

  private mutating func take(_ bytes: [UInt8], _ speech: Speech, _ slot: Int) {
    let telling = speech.read(bytes)
    if telling.content == .broken {
      corruptedCount += 1
      return
    }
    guard let isWelcome = welcome(telling, speech, slot) else {
      strangerFrameCount += 1
      return
    }
    if isWelcome { writeDown(telling.content, bytes, connections[slot].record) }
    if manners.isAnswered(telling.content) {
      connections[slot].output += speech.answer(bytes, isWelcome, manners)
    }
  }

  /// Whether the platform takes the frame from whoever speaks here; `nil` when it does not know who
  /// speaks, or somebody else is named than who logged in.
  private mutating func welcome(_ telling: Telling, _ speech: Speech, _ slot: Int) -> Bool? {
    switch telling.content {
    case .registration: return telling.number == nil ? nil : false
    case .authentication(let code):
      guard let number = telling.number else { return nil }
      if code != JT808Layout.code(of: number) { return false }
      logIn(number, slot)
      return true
    case .login:
      guard let number = telling.number else { return nil }
      logIn(number, slot)
      return true
    case .heartbeat, .question, .position, .alarm, .commandReply, .broken, .nonsense: break
    }
    if connections[slot].record < 0, speech.login == nil, let number = telling.number {
      logIn(number, slot)
    }
    let record = connections[slot].record
    guard record >= 0 else { return nil }
    return telling.number == nil || telling.number == records[record].number ? true : nil
  }

  private mutating func logIn(_ number: Int, _ slot: Int) {
    let known = records.firstIndex { $0.number == number }
    let record = known ?? records.count
    if known == nil { records.append(PlatformRecord(number: number)) }
    records[record].loginCount += 1
    records[record].connection = slot
    connections[slot].record = record
  }

  private mutating func writeDown(_ content: Telling.Content, _ bytes: [UInt8], _ record: Int) {
    switch content {
    case .login, .registration, .authentication, .question, .broken: break
    case .heartbeat: records[record].heartbeatCount += 1
    case .commandReply(let flag): records[record].commandReplies.append(flag)
    case .position(let sequence) where sequence < FrameTag.sequenceMax,
      .alarm(let sequence) where sequence < FrameTag.sequenceMax:
      records[record].take(FrameTag(sequence, of: bytes))
    case .position, .alarm, .nonsense: unexpectedCount += 1
    }
  }
}
