// What the platform does, well-behaved or not.

import Detect
import Queue

extension Simulation {
  func connectToPlatform(_ device: DeviceIndex) {
    var upstream = SimulatedUpstream(device: device)
    if !isCalm {
      let manners: [SimulatedUpstream.Manner] = [
        .mute, .wrongSerial, .wrongChecksum, .likeLogin, .echoing, .hangsUp, .unknown,
      ]
      if chance(50) { upstream.manner = manners[random.below(manners.count)] }
      // Answers like a login that come late are taken for those to a repeated one.
      upstream.isLate = upstream.manner != .likeLogin && chance(10)
      if chance(40) { upstream.endManner = chance(50) ? .ignores : .resets }
      if upstream.manner == .hangsUp { upstream.framesLeft = random.below(60) }
    }
    checkDial(device)
    mix(platform.count << 32 | now)
    at(1 + random.below(400), .connected(platform.count))
    platform.append(upstream)
  }

  func finishConnecting(_ i: Int) {
    guard platform[i].isOpenAtRelay else { return }
    if isPlatformUp {
      platform[i].isConnected = true
      engine.upstreamConnected(platform[i].device, moment)
    } else {
      platform[i].isOpenAtRelay = false
      platform[i].isOpenAtPlatform = false
      platform[i].lostAt = now
      engine.upstreamClosed(platform[i].device, .unreachable, moment)
    }
  }

  /// The platform ends a connection; the relay learns of it if anything still gets through.
  ///
  /// A kernel resets a connection that is closed with unread bytes. So does this platform when it has read
  /// them and not looked at them: what a server throws away that it has read, nobody can tell from outside.
  func endPlatform(_ i: Int) {
    endPlatform(i, isReset: !platform[i].waiting.isEmpty || !platform[i].stream.isEmpty)
  }

  private func endPlatform(_ i: Int, isReset: Bool) {
    if platform[i].isOpenAtPlatform, platform[i].who >= 0 {
      devices[platform[i].who].breakCount += 1
    }
    platform[i].isOpenAtPlatform = false
    if platform[i].isConnected, platform[i].isOpenAtRelay {
      sendEnd(i, isReset: isReset)
    }
  }

  private func sendEnd(_ i: Int, isReset: Bool) {
    platform[i].arrivalAtRelay = wire(
      platform[i].arrivalAtRelay, .endFromPlatform(i, isReset: isReset))
  }

  /// The relay ends its direction: one more thing to acknowledge behind the bytes.
  func endOutputToPlatform(_ device: DeviceIndex) {
    guard let i = current(device) else { return }
    if platform[i].wantsWrite { violate("upstream \(i) ended with bytes to write") }
    platform[i].isEndSent = true
    platform[i].unacknowledged += 1
    platform[i].arrivalAtPlatform = wire(platform[i].arrivalAtPlatform, .endToPlatform(i))
    // Both ends may let go at the same time.
    if !isCalm, chance(20) { endPlatform(i) }
  }

  func endAtPlatform(_ i: Int) {
    if arriveNowhere(i) { return }
    platform[i].unacknowledged -= 1
    platform[i].isEndThere = true
    readAtPlatform(i)
  }

  /// Tells the relay that the platform's end has come, as it looks there: with a reset, or in order.
  func endUpstream(_ i: Int, isReset: Bool) {
    guard platform[i].isOpenAtRelay else { return }
    platform[i].isOpenAtRelay = false
    let (device, count) = (platform[i].device, platform[i].unacknowledged)
    // One that the relay has let go by itself at this moment may be wanted again at once, and so may
    // one that has ended as the relay wanted.
    let isWanted = platform[i].isEndSent && !isReset && count == 0
    if engine.upstreams[device.rawValue].phase != .closing, !isWanted { platform[i].lostAt = now }
    if isReset {
      engine.upstreamClosed(device, .closedByPeer, moment)
    } else {
      engine.upstreamEnded(device, unacknowledgedByteCount: count, moment)
    }
  }

  // MARK: Bytes

  private func current(_ device: DeviceIndex) -> Int? {
    platform.lastIndex { $0.device == device && $0.isOpenAtRelay && $0.isConnected }
  }

  func writeToPlatform(_ bytes: [UInt8], _ device: DeviceIndex) -> Int? {
    guard let i = current(device) else { return nil }
    if platform[i].isEndSent, !bytes.isEmpty { violate("upstream \(i) written to behind its end") }
    platform[i].wantsWrite = false
    if bytes.isEmpty { return 0 }
    let count = max(0, min(bytes.count, SimulatedUpstream.windowByteCount - platform[i].unread))
    platform[i].wantsWrite = count < bytes.count
    platform[i].unread += count
    platform[i].unacknowledged += count
    var rest = Array(bytes[..<count])
    while !rest.isEmpty {
      if platform[i].isLate { platform[i].arrivalAtPlatform += random.below(3_000) }
      let part = chance(30) ? 1 + random.below(rest.count) : rest.count
      platform[i].arrivalAtPlatform = wire(
        platform[i].arrivalAtPlatform, .toPlatform(i, Array(rest[..<part])))
      rest.removeFirst(part)
    }
    return count
  }

  /// What a kernel acknowledges and its program never reads is lost where nobody answers: that is known,
  /// and this kernel acknowledges what was read.
  func unacknowledged(_ device: DeviceIndex) -> Int? { current(device).map { platform[$0].unread } }

  func closeAtRelay(_ device: DeviceIndex) {
    for i in platform.indices where platform[i].device == device && platform[i].isOpenAtRelay {
      platform[i].isOpenAtRelay = false
    }
  }

  func arriveAtPlatform(_ i: Int, _ bytes: [UInt8]) {
    if arriveNowhere(i) { return }
    platform[i].unacknowledged -= bytes.count
    platform[i].waiting += bytes
    readAtPlatform(i)
  }

  private func arriveNowhere(_ i: Int) -> Bool {
    if platform[i].isSwallowed {
      at(SimulatedUpstream.userTimeout, .upstreamTimeout(i))
      return true
    }
    if platform[i].isOpenAtPlatform { return false }
    // The answer to bytes for a closed connection is a reset.
    sendEnd(i, isReset: true)
    return true
  }

  /// Lets the platform read what has arrived, if it reads.
  func readAtPlatform(_ i: Int) {
    let reads = platform[i].isOpenAtPlatform && !platform[i].isStalled
    guard reads else { return }
    readWaiting(i)
    guard platform[i].isEndThere, platform[i].isOpenAtPlatform else { return }
    switch platform[i].endManner {
    case .ends: endPlatform(i)
    case .ignores: break
    case .resets: endPlatform(i, isReset: true)
    }
  }

  private func readWaiting(_ i: Int) {
    if platform[i].waiting.isEmpty { return }
    platform[i].stream += platform[i].waiting
    platform[i].unread -= platform[i].waiting.count
    platform[i].waiting = []
    readFrames(i)
    guard platform[i].wantsWrite, platform[i].isOpenAtRelay else { return }
    let device = platform[i].device
    let bytes = engine.withUpstreamOutput(device) { span in span.indices.map { span[$0] } }
    if let written = write(bytes, to: device) { engine.upstreamWrote(device, written) }
  }

  private func readFrames(_ i: Int) {
    if platform[i].speech == nil { platform[i].speech = Cast.recognise(platform[i].stream) }
    guard let speech = platform[i].speech else { return }
    var offset = 0
    reading: while platform[i].isOpenAtPlatform {
      switch speech.cutUp(platform[i].stream, offset) {
      case .needMore: break reading
      case .garbage:
        // Line ends stand between the frames of some families.
        let byte = platform[i].stream[offset]
        if byte != 0x0D, byte != 0x0A { violate("garbage \(byte) on upstream \(i)") }
        offset += 1
      case .frame(let byteCount):
        // Left in the stream where the platform ends the connection over it.
        if platform[i].framesLeft == 0 {
          endPlatform(i)
          break reading
        }
        let frame = Array(platform[i].stream[offset..<offset + byteCount])
        offset += byteCount
        platform[i].framesLeft -= 1
        take(frame, speech, i)
      }
    }
    platform[i].stream.removeFirst(offset)
  }

  // MARK: Frames

  private func take(_ frame: [UInt8], _ speech: Speech, _ i: Int) {
    let telling = speech.read(frame)
    guard let isWelcome = check(frame, telling, speech, i) else { return }
    let who = platform[i].who
    if case .poison = fate(of: telling, who) { return endPlatform(i) }
    var answer = self.answer(frame, telling, speech, isWelcome, i)
    if platform[i].manner == .wrongChecksum, "\(speech.name)" == "gt06", answer.count > 6 {
      answer[answer.count - 3] ^= 0xFF
    }
    if !answer.isEmpty { sendFromPlatform(i, answer, nil) }
    guard isWelcome, who >= 0, chance(2), now < Self.faultyTime + Self.talkTime,
      let command = speech.command
    else { return }
    devices[who].orders.append(SimulatedDevice.Order(sentAt: now))
    let number = devices[who].orders.count
    sendFromPlatform(i, command(devices[who].number, UInt32(number)), number)
  }

  private enum Fate { case poison, fine }

  private func fate(of telling: Telling, _ who: Int) -> Fate {
    guard who >= 0, devices[who].poison >= 0 else { return .fine }
    switch telling.content {
    case .position(let sequence), .alarm(let sequence):
      let number = Int(sequence) - who * SimulatedDevice.reportCountMax
      return number == devices[who].poison ? .poison : .fine
    case .login, .registration, .authentication, .heartbeat, .question, .commandReply, .broken,
      .nonsense:
      return .fine
    }
  }

  private func sendFromPlatform(_ i: Int, _ bytes: [UInt8], _ order: Int?) {
    var rest = bytes
    // Half a command, where one may do without an end, cannot be told from a whole one.
    let isWhole = order != nil && platform[i].speech.map { "\($0.name)" } == "coban"
    while !rest.isEmpty {
      let count = !isWhole && chance(20) ? 1 + random.below(rest.count) : rest.count
      platform[i].arrivalAtRelay = wire(
        platform[i].arrivalAtRelay,
        .fromPlatform(i, Array(rest[..<count]), order: count == rest.count ? order : nil))
      rest.removeFirst(count)
    }
  }

  func arriveFromPlatform(_ i: Int, _ bytes: [UInt8], _ order: Int?) {
    guard platform[i].isOpenAtRelay, !platform[i].isSwallowed else { return }
    if let order, platform[i].who >= 0 { noteOrder(platform[i].who, order) }
    engine.upstreamReceived(platform[i].device, bytes.span, moment)
  }

  private func answer(
    _ frame: [UInt8], _ telling: Telling, _ speech: Speech, _ isWelcome: Bool, _ i: Int
  ) -> [UInt8] {
    var manners = PlatformManners()
    switch platform[i].manner {
    case .good, .hangsUp, .wrongChecksum: break
    case .wrongSerial: manners.serials = .fixed
    case .mute: if !telling.content.isOpening { manners.answers = .never }
    case .unknown: manners.answers = .never
    // To a watch's position nobody has an answer.
    case .echoing: if "\(speech.name)".prefix(5) != "watch" { manners.answers = .generous }
    case .likeLogin:
      // Where logins differ, such a server's answers cannot be told from those to a second login.
      if platform[i].who >= 0, !devices[platform[i].who].fixedLogin.isEmpty {
        return GT06Wire.answer(to: GT06Wire.login, serial: 1)
      }
    }
    guard manners.isAnswered(telling.content) else { return [] }
    return speech.answer(frame, isWelcome, manners)
  }
}
