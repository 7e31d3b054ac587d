// The judge must see what is off, or its approval means nothing.

import Queue
import Relay
import Testing

@testable import EdgeRelay

@Suite("The judge of deliveries")
struct JudgeTests {
  /// A tracker that has sent position 0, alarm 1 (answered), position 2, alarm 3, in this order.
  private var tracker: SimulatedTracker {
    let tracker = SimulatedTracker(
      number: 1, .gt06, .tcp, relay: PeerAddress(), token: 0, pace: TrackerPace(), seed: 1)
    tracker.log.noteConnected()
    for sequence in 0..<4 {
      tracker.log.noteSent(frame(sequence), isAlarm: sequence % 2 == 1)
    }
    tracker.log.noteAnswered(1, vouchesForEarlier: true)
    return tracker
  }

  private func frame(_ sequence: Int, speed: UInt8 = 40) -> [UInt8] {
    let time: [UInt8] = [0x1A, 0x01, 0x02, 0x03, 0x04, 0x05, 0xCB]
    let rest: [UInt8] = [speed, 0x14, 0x8F, 0x01, 0xCC, 0x00, 0x28, 0x7D, 0x00, 0x1F, 0xB8]
    return GT06Wire.frame(
      GT06Wire.localPosition, time + WireBytes.coordinates(UInt32(sequence)) + rest, serial: 9)
  }

  private func login(_ tracker: SimulatedTracker) -> [UInt8] {
    GT06Wire.loginFrame(tracker.number, serial: 1)
  }

  /// What the judge says when these bytes come to the platform on one connection.
  private func tally(_ frames: [[UInt8]]) -> Tally {
    var platform = StandInPlatform(address: PeerAddress())
    platform.connections.append(StandInPlatform.Connection())
    platform.connections[0].input = frames.flatMap { $0 }
    platform.read(0)
    return Judge.tally([tracker], platform)
  }

  @Test("Everything in order is clean")
  func clean() {
    let tally = tally([login(tracker)] + (0..<4).map { frame($0) })
    #expect(tally.isClean)
    #expect(tally.total.sent == 4)
    #expect(tally.total.delivered == 4)
    #expect(tally.alarms.answered == 1)
    #expect(tally.total.duplicates == 0)
  }

  @Test("An answered alarm that does not come is lost")
  func lostAlarm() {
    let tally = tally([login(tracker), frame(0), frame(2), frame(3)])
    #expect(tally.alarms.lost == 1)
    #expect(!tally.isClean)
  }

  @Test("A position in front of an answered alarm is lost, one behind it was never promised")
  func lostPosition() {
    let tally = tally([login(tracker), frame(1)])
    #expect(tally.positions.lost == 1)
    #expect(tally.positions.unpromised == 1)
    #expect(tally.alarms.unpromised == 1)
    #expect(!tally.isClean)
  }

  @Test("An answer over another connection vouches for nothing in front of it")
  func otherConnection() {
    var log = TrackerLog()
    log.noteConnected()
    log.noteSent(frame(0), isAlarm: false)
    log.noteSent(frame(1), isAlarm: true)
    log.noteConnected()
    log.noteSent(frame(2), isAlarm: false)
    log.noteAnswered(1, vouchesForEarlier: false)
    #expect(log.frames.map(\.trust) == [.sent, .answered, .sent])
    log.noteSent(frame(3), isAlarm: true)
    log.noteAnswered(3, vouchesForEarlier: true)
    #expect(log.frames.map(\.trust) == [.sent, .answered, .vouched, .answered])
  }

  @Test("A frame again is a duplicate, whenever it comes")
  func duplicates() {
    let order = [0, 1, 2, 1, 2, 3, 0]
    let tally = tally([login(tracker)] + order.map { frame($0) })
    #expect(tally.total.duplicates == 3)
    #expect(tally.orderViolations == 0)
    #expect(tally.isClean)
  }

  @Test("A frame first seen behind a later one violates the order")
  func order() {
    let tally = tally([login(tracker), frame(0), frame(2), frame(1), frame(3)])
    #expect(tally.orderViolations == 1)
    #expect(!tally.isClean)
  }

  @Test("Changed bytes, wrong checksums and bytes that are no frame are seen")
  func corruption() {
    var broken = frame(2)
    broken[20] ^= 1
    let frames = [login(tracker), frame(0, speed: 41), frame(1), broken, [0xFF], frame(3)]
    #expect(tally(frames).corrupted == 3)
  }

  @Test("Frames that nobody sent, unknown devices and frames before a login are unexpected")
  func unexpected() {
    let stranger = GT06Wire.frame(GT06Wire.login, [1, 2, 3, 4, 5, 6, 7, 8], serial: 1)
    let unknownType = GT06Wire.frame(0x99, [], serial: 1)
    let tally = tally([frame(0), login(tracker), frame(4), unknownType, stranger])
    #expect(tally.unexpected == 4)
    #expect(!tally.isClean)
  }

  @Test("The checksum of the papers is the one computed here")
  func checksum() {
    let answer: [UInt8] = [0x78, 0x78, 0x05, 0x01, 0x00, 0x01, 0xD9, 0xDC, 0x0D, 0x0A]
    #expect(GT06Wire.answer(to: GT06Wire.login, serial: 1) == answer)
    #expect(GT06Wire.checksum(Array("123456789".utf8), 0..<9) == 0x906E)
  }
}
