// The real binary on captures of every kind: what it prints, and how it ends.

import Foundation
import Testing

@testable import EdgeRelay

@Suite("Inspecting captures")
struct InspectTests {
  private typealias Object = [String: Any]

  /// Runs `inspect` on a file; what it writes to both outputs comes back together.
  private func inspect(_ file: [UInt8], _ words: [String] = []) throws -> (
    code: Int, output: String
  ) {
    let scratch = try Scratch()
    try Data(file).write(to: URL(fileURLWithPath: scratch.file("input")))
    let process = try RelayProcess(
      ["inspect"] + words + [scratch.file("input")], logPath: scratch.file("log"))
    return (try process.exitCode(), process.log)
  }

  private func objects(_ file: [UInt8], _ words: [String] = []) throws -> [Object] {
    let (code, output) = try inspect(file, ["--json"] + words)
    #expect(code == 0, "\(output)")
    return try output.split(separator: "\n").filter { $0.hasPrefix("{") }.map {
      try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? Object)
    }
  }

  private func file(
    _ conversations: [TestConversation], _ format: CaptureWriter.Format = .pcapMicroseconds,
    _ link: TestPacket.Link = .ethernet, dropping dropped: [Int] = []
  ) -> [UInt8] {
    var writer = CaptureWriter(format, .little, link: link.rawValue)
    let packets = conversations.flatMap(\.packets)
    for (i, entry) in packets.enumerated() where !dropped.contains(i) {
      writer.add(entry.packet.bytes(link), milliseconds: entry.milliseconds)
    }
    return writer.bytes
  }

  /// A login and a heartbeat that are answered, a heartbeat that is not, one answered wrongly, a command.
  private var session: TestConversation {
    var conversation = TestConversation()
    conversation.connect()
    conversation.device(TestFrames.login)
    conversation.server(TestFrames.loginAnswer)
    conversation.wait(60_000)
    conversation.device(TestFrames.heartbeat)
    conversation.server(TestFrames.heartbeatAnswer + TestFrames.command)
    conversation.wait(60_000)
    conversation.device(TestFrames.heartbeat)
    conversation.wait(60_000)
    conversation.device(TestFrames.heartbeat)
    conversation.server(TestFrames.wrongAnswer)
    conversation.close()
    return conversation
  }

  @Test(
    "A session is shown with the server's answers beside ours, in every format",
    arguments: CaptureWriter.Format.allCases)
  func formats(_ format: CaptureWriter.Format) throws {
    for link in [TestPacket.Link.ethernet, .linuxCooked2] {
      let found = try objects(file([session], format, link))
      let summary = try #require(found.first)
      #expect(summary["flow"] as? Int == 1)
      #expect(summary["transport"] as? String == "tcp")
      #expect(summary["source"] as? String == "10.0.0.5:40001")
      #expect(summary["destination"] as? String == "10.0.0.1:8888")
      #expect(summary["protocol"] as? String == "gt06")
      #expect(summary["identity"] as? String == "123456789012345")
      #expect(summary["frames"] as? Int == 4)
      #expect(summary["skipped"] as? Int == 0)
      #expect(summary["commands"] as? Int == 1)
      #expect((summary["odd"] as? Object)?.values.allSatisfy { $0 as? Int == 0 } == true)
      let kinds = found.dropFirst().compactMap { $0["kind"] as? String }
      #expect(kinds == ["login", "heartbeat", "command", "heartbeat", "heartbeat"])
      let agreements = found.dropFirst().map { $0["agreement"] as? String }
      // Without times nothing tells that the second heartbeat was to be answered before the third.
      if format != .pcapngSimple {
        #expect(agreements == ["same", "same", nil, "ours only", "differs"])
      }
      #expect(found.dropFirst().allSatisfy { $0["flow"] as? Int == 1 })
      #expect(found[3]["from"] as? String == "server")
      let command = found[3]["server"] as? String
      #expect(command == TestFrames.command.map { String(format: "%02x", $0) }.joined())
    }
  }

  @Test("For people, a flow has a header, its frames and its counts")
  func text() throws {
    let (code, output) = try inspect(file([session]))
    #expect(code == 0)
    let lines = output.split(separator: "\n").map(String.init)
    #expect(
      lines.first
        == "flow 1  tcp 10.0.0.5:40001 > 10.0.0.1:8888  gt06 (certain)  device 123456789012345")
    #expect(lines.count == 8)
    #expect(lines[1].contains("answer 787805010001d9dc0d0a  server 787805010001d9dc0d0a [same]"))
    #expect(lines[6].contains("4 frames, 2 answered as by the server, 1 answered otherwise"))
    #expect(lines[7].hasSuffix("packets, 1 flows, of them unknown 0, frames 4"))
  }

  @Test("The device is found where the connecting was not captured")
  func direction() throws {
    // The first packets are the handshake; then the server's answer is the first one seen.
    for dropped in [[0], [1], [0, 1, 2], [0, 1, 2, 3, 4]] {
      let found = try objects(file([session], dropping: dropped))
      #expect(found.first?["source"] as? String == "10.0.0.5:40001", "without \(dropped)")
      #expect(found.first?["protocol"] as? String == "gt06")
      #expect(found.first?["start_missing"] as? Bool == dropped.contains(2))
    }
  }

  @Test("Where the connecting was not captured, who is understood is the device, whatever its port")
  func directionByUnderstanding() throws {
    var template = TestPacket()
    template.source.port = 1_000
    for firstIsServer in [false, true] {
      var conversation = TestConversation(template: template)
      if firstIsServer { conversation.server(Array("hello".utf8)) }
      conversation.device(TestFrames.login)
      conversation.server(TestFrames.loginAnswer)
      let found = try objects(file([conversation]))
      #expect(found.first?["source"] as? String == "10.0.0.5:1000")
      #expect(found.last?["agreement"] as? String == "same")
    }
  }

  @Test("A pause in the capture ends what only a silence ends")
  func pauses() throws {
    for (milliseconds, frameCount): (UInt64, Int) in [(500, 1), (5_000, 2)] {
      var conversation = TestConversation()
      conversation.connect()
      conversation.device(Array("imei:868683023212255,tracker,190205084503,,F,1".utf8))
      conversation.wait(milliseconds)
      conversation.device(Array("868683023212255;".utf8))
      let found = try objects(file([conversation]))
      #expect(found.first?["frames"] as? Int == frameCount, "\(milliseconds) ms")
    }
  }

  @Test("An answer to a later frame is not taken for the answer to an earlier one")
  func laterAnswer() throws {
    var conversation = TestConversation()
    conversation.connect()
    conversation.device(TestFrames.login)
    conversation.device(TestFrames.otherHeartbeat)
    conversation.device(TestFrames.heartbeat)
    conversation.server(TestFrames.loginAnswer + TestFrames.heartbeatAnswer)
    let found = try objects(file([conversation]))
    let agreements = found.dropFirst().map { $0["agreement"] as? String }
    #expect(agreements == ["same", "ours only", "same"])
  }

  @Test("What was not captured is shown in its place, and the frames behind it are found")
  func missing() throws {
    let whole = session.packets
    let lost = try #require(
      whole.firstIndex { $0.packet.payload == TestFrames.heartbeat })
    let found = try objects(file([session], dropping: [lost]))
    #expect(found.dropFirst().compactMap { $0["kind"] as? String }.contains("missing"))
    let odd = try #require(found.first?["odd"] as? Object)
    #expect(odd["missing_bytes"] as? Int == TestFrames.heartbeat.count)
    #expect(odd["gaps"] as? Int == 1)
    #expect(found.first?["frames"] as? Int == 3)
  }

  @Test("A second connection on the same port is a second flow, and UDP is read by datagrams")
  func flows() throws {
    var second = TestConversation(deviceStart: 77_000)
    second.connect()
    second.device(TestFrames.login)
    var writer = CaptureWriter(.pcapng, .big)
    for entry in session.packets + second.packets {
      writer.add(entry.packet.bytes(), milliseconds: entry.milliseconds)
    }
    let up = TestPacket(isIPv6: true, payload: TestFrames.login)
    var down = up.reversed
    down.payload = TestFrames.loginAnswer
    writer.add(up.bytes(), milliseconds: 1)
    writer.add(down.bytes(), milliseconds: 2)
    var fragment = up
    fragment.isIPv6 = false
    fragment.fragment = 0x2000
    writer.add(fragment.bytes(), milliseconds: 3)
    let found = try objects(writer.bytes)
    let summaries = found.filter { $0["frames"] != nil }
    #expect(summaries.map { $0["flow"] as? Int } == [1, 2, 3])
    #expect(summaries.map { $0["frames"] as? Int } == [4, 1, 1])
    #expect(summaries[2]["source"] as? String == "[fd00::5]:40001")
    #expect(summaries[2]["transport"] as? String == "udp")
    #expect(found.last?["agreement"] as? String == "same")
    let (_, output) = try inspect(writer.bytes)
    #expect(output.contains("fragments, not read: 1"))
  }

  @Test("A damaged capture is read as far as it goes; exit code 65 when that is nowhere")
  func damaged() throws {
    let whole = file([session])
    let (code, output) = try inspect(Array(whole.dropLast(5)))
    #expect(code == 0)
    #expect(output.contains("the capture is damaged: the file ends in the middle"))
    #expect(output.contains("4 frames"))
    let (nothing, reason) = try inspect(Array(whole.prefix(30)))
    #expect(nothing == 65)
    #expect(reason.contains("the capture is damaged"))
    let (empty, said) = try inspect(Array(whole.prefix(24)))
    #expect(empty == 0)
    #expect(said.contains("0 packets"))
  }

  @Test("Bytes of nobody are explained")
  func unknown() throws {
    let (code, output) = try inspect(Array("[AB?\"hello\\".utf8))
    #expect(code == 0)
    #expect(output.contains("near watch, which begins with [3G* or the like: 3 bytes fit"))
    #expect(output.contains("the next (3f) does not"))
    #expect(output.contains("text  [AB?.hello."))
    let late = try objects(Array("PROXY TCP4\r\n".utf8) + TestFrames.login)
    let notes = try #require(late.first?["notes"] as? [String])
    #expect(notes.contains("gt06 begins at byte 12"))
    #expect(late.first?["text"] as? String == "PROXY TCP4..xx...#Eg..#E......")
  }

  @Test("Plain hex has the keys it always had, and no others")
  func plain() throws {
    let digits = TestFrames.login.map { String(format: "%02x", $0) }.joined()
    let found = try objects(Array(digits.utf8))
    #expect(found.count == 1)
    #expect(
      found[0].keys.sorted() == [
        "answer", "class", "confidence", "identity", "kind", "length", "notes", "offset",
        "protocol",
        "replay",
      ])
  }

  @Test("Nothing is nothing, in every form", arguments: [[], ["--udp"], ["--json"]])
  func nothing(_ words: [String]) throws {
    let expected = words == ["--json"] ? "" : "0 frames\n"
    for text in ["", "\n\n"] {
      let (code, output) = try inspect(Array(text.utf8), words)
      #expect(code == 0)
      #expect(output == expected, "\(text.utf8.count) bytes")
    }
    let line = try inspect(Array("{\"frames\": [\"\", \"\"]}".utf8))
    #expect(line.code == 0 && line.output.hasPrefix("line 1  tcp  silent\n  0 frames\n"))
  }

  @Test("Lines of captured frames are judged by what they tell")
  func lines() throws {
    let text = """
      {"family": "gt06", "transport": "tcp", "frames": ["78780d01012345678901234500018cdd0d0a"], \
      "server_replies": ["787805010001d9dc0d0a"], "identity": "123456789012345"}
      {"family": "coban", "transport": "udp", "frames": ["78780d01012345678901234500018cdd0d0a"], \
      "identity": "00123456789012346"}

      not a line
      {"family": "coban", "frames": ["23232c696d65693a3335393538363031353832393830322c413b"], \
      "server_replies": [""]}
      """
    let file = Array(text.utf8)
    let found = try objects(file.filter { $0 != 0 }, []).filter { $0["frames"] != nil }
    #expect(found.map { $0["flow"] as? Int } == [1, 2, 5])
    #expect(found.map { $0["family_as_told"] as? Bool } == [true, false, true])
    #expect(found.map { $0["identity_as_told"] as? Bool } == [true, false, nil])
    #expect(found.map { $0["transport"] as? String } == ["tcp", "udp", "tcp"])
    #expect(found.map { ($0["answers"] as? Object)?["ours_only"] as? Int } == [0, 0, 1])
    let (code, output) = try inspect(file)
    #expect(code == 0)
    #expect(output.contains("cannot read line 4: not a line of JSON"))
    #expect(output.contains("3 lines; as told: family 2 of 3, identity 1 of 2"))
    #expect(try inspect(Array("{\"frames\": [\"x\"]}\n".utf8)).code == 65)
  }

  @Test("An answer that carries the time is compared without it")
  func time() throws {
    // A time request and its answer at another time than the clock of this machine.
    let line = """
      {"frames": ["78780d01012345678901234500018cdd0d0a", "7878058a0006882 90d0a"], \
      "server_replies": ["787805010001d9dc0d0a", "78780b8a1803020c00000006ff130d0a"]}
      """
    let found = try objects(Array(line.utf8))
    #expect(found.last?["kind"] as? String == "time-request")
    #expect(found.last?["agreement"] as? String == "same but for the time")
  }

  @Test("Whatever bytes stand in a capture, inspect ends by itself", arguments: [UInt64](1...12))
  func hostile(_ seed: UInt64) throws {
    var random = TestRandom(seed)
    var conversation = TestConversation()
    conversation.connect()
    let openings: [[UInt8]] = [
      [], TestFrames.login, Array("[3G*1234567890*".utf8), Array("##,imei:".utf8), [0x7E],
      Array("*HQ,1234567890,".utf8),
    ]
    for _ in 0..<40 {
      let opening = openings[random.number(below: openings.count)]
      conversation.device(opening + random.bytes(upTo: 80))
      conversation.server(opening + random.bytes(upTo: 40))
      conversation.wait(UInt64(random.number(below: 3_000)))
    }
    let format = CaptureWriter.Format.allCases[random.number(below: 4)]
    var capture = file([conversation], format)
    for _ in 0..<random.number(below: 60) {
      capture[32 + random.number(below: capture.count - 32)] = random.byte()
    }
    let (code, output) = try inspect(capture, random.byte() < 128 ? ["--json"] : [])
    #expect(code == 0 || code == 65, "seed \(seed): \(output)")
  }
}
