// What the two ends of the demonstration say must be understood by the other end, and be what the
// relay takes it for: otherwise a clean tally means nothing.

import Detect
import Relay
import Testing

@testable import EdgeRelay

@Suite("The simulated protocols")
struct SpeechTests {
  private static let number = 12_345_678
  private static let sequences: [UInt32] = [
    0, 1, 59, 60, 125, 126, 0x7D7E, 65_535, 65_536, 0x12_3456,
  ]

  /// The row that must take a speech's frames.
  private static func row(of speech: Speech) -> ProtocolID {
    let name = "\(speech.name)".split(separator: "-")[0]
    return ProtocolID.allCases.first { "\($0.row.name)" == name }!
  }

  /// Every kind of frame a speech has, with what the platform must make of it.
  private static func frames(
    of speech: Speech, _ speaker: inout Speaker, _ sequence: UInt32
  ) -> [(bytes: [UInt8], content: Telling.Content)] {
    var frames: [(bytes: [UInt8], content: Telling.Content)] = []
    if let login = speech.login {
      let bytes = login(&speaker)
      let content = speech.read(bytes).content
      #expect(
        content == .login || content == .registration || content == .authentication(speaker.code))
      frames.append((bytes, content))
      if content == .registration {
        guard case .code(let code) = speech.hear(speech.answer(bytes, false, PlatformManners()))
        else {
          Issue.record("a registration gives no code")
          return []
        }
        speaker.code = code
        frames.append((login(&speaker), .authentication(code)))
      }
    }
    if let position = speech.position {
      frames.append((position(&speaker, sequence), .position(sequence)))
    }
    if let alarm = speech.alarm {
      frames.append((alarm(&speaker, sequence).bytes, .alarm(sequence)))
    }
    if speech.command != nil {
      let flag = 1_000 + sequence % 1_000
      frames.append((speech.commandReply(&speaker, flag), .commandReply(flag)))
    }
    return frames
  }

  @Test("The platform understands every tracker", arguments: Cast.speeches.indices)
  func understanding(_ index: Int) {
    let speech = Cast.speeches[index]
    var speaker = Speaker(number: Self.number)
    for sequence in Self.sequences {
      for frame in Self.frames(of: speech, &speaker, sequence) {
        let telling = speech.read(frame.bytes)
        #expect(telling.content == frame.content, "\(speech.name)")
        #expect(telling.number ?? Self.number == Self.number, "\(speech.name)")
        #expect(speech.cutUp(frame.bytes, 0) == .frame(byteCount: frame.bytes.count))
        for count in 0..<frame.bytes.count {
          #expect(speech.cutUp(Array(frame.bytes[..<count]), 0) == .needMore, "\(speech.name)")
        }
      }
    }
  }

  @Test("The platform knows a protocol by its first frame", arguments: Cast.speeches.indices)
  func recognition(_ index: Int) {
    let speech = Cast.speeches[index]
    var speaker = Speaker(number: Self.number)
    // Without a login any frame may be the first one.
    let frames = Self.frames(of: speech, &speaker, 1)
    for frame in speech.login == nil ? frames[...] : frames.prefix(1) {
      #expect(Cast.recognise(frame.bytes).map { "\($0.name)" } == "\(speech.name)")
    }
  }

  @Test("A tracker understands every answer and command", arguments: Cast.speeches.indices)
  func answers(_ index: Int) {
    let speech = Cast.speeches[index]
    var speaker = Speaker(number: Self.number)
    if let login = speech.login {
      var bytes = login(&speaker)
      if case .code(let code) = speech.hear(speech.answer(bytes, false, PlatformManners())) {
        speaker.code = code
        bytes = login(&speaker)
        #expect(speech.hear(speech.answer(bytes, false, PlatformManners())) == .refusal)
      }
      #expect(speech.hear(speech.answer(bytes, true, PlatformManners())) == .welcome)
    }
    if let heartbeat = speech.heartbeat {
      let heard = speech.hear(speech.answer(heartbeat(&speaker), true, PlatformManners()))
      #expect(heard == .alive || heard == .welcome, "\(speech.name)")
    }
    if let command = speech.command {
      let bytes = command(Self.number, 1_234)
      #expect(speech.cutDown(bytes, 0) == .frame(byteCount: bytes.count))
      #expect(speech.hear(bytes) == .command(1_234), "\(speech.name)")
    }
  }

  @Test("The relay takes every frame for what it is", arguments: Cast.speeches.indices)
  func detection(_ index: Int) {
    let speech = Cast.speeches[index]
    let row = Self.row(of: speech).row
    for sequence in Self.sequences {
      var speaker = Speaker(number: Self.number)
      var frames = Self.frames(of: speech, &speaker, sequence).map(\.bytes)
      if let heartbeat = speech.heartbeat { frames.append(heartbeat(&speaker)) }
      var reader = FrameReader()
      let stream = frames.flatMap { $0 }
      var offset = 0
      var silence = Silence.none
      var found: [Int] = []
      while offset < stream.count {
        switch reader.next(stream.span.extracting(offset..<stream.count), silence: silence) {
        case .needMore: silence = silence == .none ? .brief : .long
        case .skip(let byteCount, let reason):
          #expect(reason == .padding, "\(speech.name)")
          offset += byteCount
        case .frame(let byteCount, let oddities):
          #expect(oddities.isEmpty || "\(speech.name)" == "watch", "\(speech.name) \(oddities)")
          found.append(byteCount)
          offset += byteCount
        case .reject(let reason):
          Issue.record("\(speech.name) is refused: \(reason.name)")
          return
        }
      }
      #expect(found == frames.map(\.count), "\(speech.name)")
      #expect("\(reader.protocolID!.row.name)" == "\(row.name)")
      // What is repeated until it is answered must be answered, and what the tracker hears is that.
      if let alarm = speech.alarm {
        let made = alarm(&speaker, sequence)
        let facts = row.facts(made.bytes.span)
        #expect(facts.replay == .forward && facts.isAnswered(under: row.defaultPolicy))
        var reply = Reply()
        let context = AnswerContext(
          time: CalendarTime(secondsSince1970: 1_767_322_985), transferNumber: 0)
        #expect(row.answer(made.bytes.span, facts, context, &reply))
        let heard = speech.hear((0..<reply.count).map { reply[$0] })
        #expect(heard == .alarm(made.key), "\(speech.name)")
      }
      if let position = speech.position {
        let facts = row.facts(position(&speaker, sequence).span)
        #expect(facts.replay == .forward && !facts.isAnswered(under: .minimal))
      }
    }
  }
}
