// What comes together is handled in one turn of the loop, and must not be mixed up there: a session
// that ends frees its place for one that begins in the same turn.

import Foundation
import Relay
import Testing

@testable import EdgeRelay

@Suite("What the relay finds in one turn of its loop")
struct CoincidenceTests {
  private let noise = [UInt8](repeating: 0xFF, count: 6_000)

  private func login(_ number: Int, serial: UInt16 = 1) -> [UInt8] {
    GT06Wire.loginFrame(number, serial: serial)
  }

  private func loginAnswer(serial: UInt16 = 1) -> [UInt8] {
    GT06Wire.answer(to: GT06Wire.login, serial: serial)
  }

  @Test("A datagram of a login and too much noise does no harm")
  func noisyDatagram() throws {
    var world = try World()
    let (relay, port) = try start(&world)
    let noisy = try TestSocket.connection(to: port, .udp)
    #expect(noisy.send(login(1) + noise))
    let good = try TestSocket.connection(to: port, .udp)
    #expect(good.send(login(2, serial: 2)))
    #expect(good.receive(milliseconds: 30_000) == .bytes(loginAnswer(serial: 2)), "\(relay.log)")
    world.close()
  }

  @Test("A datagram session that ends does not touch the answers of the next in its place")
  func datagramsOfTwo() throws {
    var world = try World()
    let (relay, port) = try start(&world)
    let noisy = try TestSocket.connection(to: port, .udp)
    let good = try TestSocket.connection(to: port, .udp)
    let question = GT06Wire.frame(GT06Wire.timeRequest, [], serial: 7)
    relay.whileStopped {
      #expect(noisy.send(login(1) + login(1) + noise))
      #expect(good.send(login(2, serial: 2) + question))
    }
    #expect(good.receive(milliseconds: 30_000) == .bytes(loginAnswer(serial: 2)), "\(relay.log)")
    guard case .bytes(let time) = good.receive(milliseconds: 30_000) else {
      throw Trouble("no answer to the time request\n\(relay.log)")
    }
    #expect(time.count == 16)
    #expect(time.starts(with: [0x78, 0x78, 0x0B, GT06Wire.timeRequest]))
    world.close()
  }

  @Test("Of two sources that log in as one device the later one is answered")
  func twoSourcesOfOneDevice() throws {
    var world = try World()
    let (relay, port) = try start(&world)
    let first = try TestSocket.connection(to: port, .udp)
    let second = try TestSocket.connection(to: port, .udp)
    relay.whileStopped {
      #expect(first.send(login(1)))
      #expect(second.send(login(1, serial: 2)))
    }
    #expect(second.receive(milliseconds: 30_000) == .bytes(loginAnswer(serial: 2)), "\(relay.log)")
    world.close()
  }

  @Test("A connection that begins as a replaced one breaks is served")
  func connectionInTheSamePlace() throws {
    var world = try World()
    let (relay, port) = try start(&world)
    var old: TestSocket? = try TestSocket.connection(to: port)
    #expect(old?.send(login(1)) == true)
    #expect(old?.receive(milliseconds: 30_000) == .bytes(loginAnswer()), "\(relay.log)")
    // The relay has taken this one too, as another device.
    let replacing = try TestSocket.connection(to: port)
    #expect(replacing.send(login(2)))
    #expect(replacing.receive(milliseconds: 30_000) == .bytes(loginAnswer()), "\(relay.log)")
    var next: TestSocket?
    try relay.whileStopped {
      #expect(replacing.send(login(1, serial: 2)))
      old?.resetOnClose()
      old = nil
      next = try TestSocket.connection(to: port)
      #expect(next?.send(login(3, serial: 3)) == true)
    }
    #expect(
      replacing.receive(milliseconds: 30_000) == .bytes(loginAnswer(serial: 2)), "\(relay.log)")
    #expect(next?.receive(milliseconds: 30_000) == .bytes(loginAnswer(serial: 3)), "\(relay.log)")
    world.close()
  }

  /// Starts the relay and waits until it serves.
  private func start(_ world: inout World) throws -> (RelayProcess, UInt16) {
    try world.startRelay()
    world.addTrackers(1, seed: 1)
    try world.run("the relay serves") { $0.areAllKnown }
    guard let relay = world.relay else { throw Trouble("no relay") }
    return (relay, world.relayPort)
  }
}
