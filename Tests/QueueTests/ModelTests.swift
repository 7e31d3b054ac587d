// Random operations against the plain reference: no power cuts here, but failing commits, restarts
// that keep everything, and devices of every kind.

import Testing

@testable import Queue

@Suite("The spool")
struct ModelTests {
  static let operationsPerSeed = 100_000

  @Test(
    "agrees with a plain list of frames in a random run",
    arguments: isLongRun ? Array(1...100) : [1, 2])
  func random(_ seed: UInt64) {
    var world = World(spool: emptySpool(), seed: seed, context: "seed \(seed)")
    world.addDevices()
    var operationCount = 0
    var restartCount = 0
    while operationCount < Self.operationsPerSeed, !world.hasFailed {
      operationCount += 1
      world.context = "seed \(seed) operation \(operationCount)"
      world.act(progress: operationCount / 100 % 100)
      // In turns the upstream keeps up and falls behind.
      if operationCount / 2_000 % 2 == 0 { serve(&world) }
      if world.random.chance(20) { world.startCommit(isForced: world.random.chance(50)) }
      if world.random.chance(20) {
        let isFailing = world.random.chance(5) || operationCount % 3_000 > 2_950
        world.finishCommit(isFailing ? CrashTests.fault(&world.random) : nil)
        if isFailing { world.model.now += Int64(world.random.below(1_500)) }
      }
      if operationCount % 50 == 0 { world.checkCursors() }
      if world.random.below(3_000) == 0 {
        restartCount += 1
        world.finishCommit()
        let next = world.random.next()
        world = world.restarted(
          on: world.spool.disk.afterPowerCut(.nothing), seed: next, context: world.context)
      }
    }
    world.finishCommit()
    if !world.hasFailed { world.drain() }
    print(
      "model: seed \(seed), \(operationCount) operations, "
        + "\(world.spool.nextGeneration) generations, \(restartCount) restarts")
  }

  private func serve(_ world: inout World) {
    let d = world.random.below(world.model.devices.count)
    if !world.model.devices[d].isLive { world.connect(d, window: 1 + world.random.below(8)) }
    world.prove(d, world.model.devices[d].inFlight.count)
  }

  @Test("keeps to its memory, whatever is stored in it")
  func boundedMemory() {
    var spool = emptySpool()
    let a = spool.device("A")
    for i in 0..<2_000 {
      spool.logIn(a, "login \(i % 7)")
      spool.store(a, "x")
      if i % 3 == 0 { spool.confirm(a, UInt32(i / 2)) }
    }
    #expect(spool.deviceCount == 1)
    #expect(spool.order.count <= SpoolGeometry.small.segmentCount)
    #expect(spool.dirtyDevices.count <= 1)
    #expect(spool.droppingDevices.count <= 1)
    #expect(
      spool.walker.buffer.byteCount == SpoolGeometry.small.segmentByteCount
        + SpoolLimits.pageByteCount)
  }

  @Test("gives a device whose slot was taken a new number, and keeps both apart")
  func reusedSlots() {
    var spool = emptySpool(deviceCountMax: 4)
    var expected: [String] = []
    for i in 0..<200 {
      let device = spool.device("D\(i)")
      spool.setHeld(device, true)
      spool.store(device, "frame \(i)")
      spool.open(device)
      let frame = spool.nextFrame()
      #expect(frame?.device == device)
      if let frame { spool.markSent(device, frame.sequence) }
      if i < 197 {
        spool.confirmAll(device)
        spool.commit()
      } else {
        expected.append("frame \(i)")
      }
      spool.setInterest(device, wants: false, hasRoom: false)
      spool.setHeld(device, false)
    }
    #expect(spool.deviceCount == 4)
    var report = RecoveryReport()
    var again = recovered(spool.disk.afterPowerCut(.nothing), deviceCountMax: 4, &report)
    #expect(again.drain().map { String($0.drop(while: { $0 != " " }).dropFirst()) } == expected)
  }

  @Test("counts sequence numbers past the end of 32 bits")
  func sequenceWrap() {
    var spool = emptySpool()
    let a = spool.device("A")
    let start = SequenceNumber(UInt32.max - 3)
    spool.table[a].last = start
    spool.table[a].sent = start
    spool.table[a].acknowledged = start
    for i in 1...8 { spool.store(a, "\(i)") }
    #expect(spool.drain().count == 8)
    spool.confirm(a, UInt32.max)
    spool.commit()
    var again = recovered(spool.disk.afterPowerCut(.nothing))
    #expect(again.drain() == ["A0 4", "A1 5", "A2 6", "A3 7", "A4 8"])
  }
}
