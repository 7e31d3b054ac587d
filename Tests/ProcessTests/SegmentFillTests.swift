// Blocks that are written once before frames need them.

import CLinux
import Foundation
import Glibc
import Testing

@testable import EdgeRelay

@Suite("A segment's blocks")
struct SegmentFillTests {
  private static let byteCount = 700_000

  /// A file whose blocks are reserved, and its descriptor.
  private static func reserved(_ path: String) throws -> Int32 {
    let descriptor = Glibc.open(path, O_RDWR | O_CREAT, 0o600)
    try #require(descriptor >= 0)
    try #require(clinux_allocate(descriptor, Int64(byteCount)) == 0)
    return descriptor
  }

  /// SEEK_HOLE and SEEK_DATA of linux/fs.h, which Glibc's module does not name.
  private static let (seekHole, seekData): (Int32, Int32) = (4, 3)

  private static func isWritten(_ descriptor: Int32) -> Bool {
    lseek(descriptor, 0, seekHole) == lseek(descriptor, 0, SEEK_END)
  }

  @Test("are all written, from the end to the front, and hold zeros")
  func fills() throws {
    let scratch = try Scratch()
    let descriptor = try Self.reserved(scratch.file("segment"))
    defer { close(descriptor) }
    #expect(!Self.isWritten(descriptor))
    var fill = try #require(SegmentFill(descriptor))
    let isMore = fill.step()
    #expect(isMore)
    // A start that comes between goes on where this one stopped.
    var again = try #require(SegmentFill(descriptor))
    #expect(lseek(descriptor, 0, Self.seekData) > 0)
    var count = 0
    while again.step() { count += 1 }
    #expect(count == 1)
    #expect(Self.isWritten(descriptor))
    #expect(SegmentFill(descriptor) == nil)
    let data = try Data(contentsOf: URL(fileURLWithPath: scratch.file("segment")))
    #expect(data == Data(count: Self.byteCount))
  }

  @Test("are left alone once the segment is in use")
  func inUse() throws {
    let scratch = try Scratch()
    let descriptor = try Self.reserved(scratch.file("segment"))
    defer { close(descriptor) }
    try #require(pwrite(descriptor, "ERSPOOL1", 8, 0) == 8)
    #expect(SegmentFill(descriptor) == nil)
  }

  @Test("are written by a relay that is killed again and again, and no frame is lost")
  func killed() throws {
    var world = try World()
    world.stage.cutPlatform()
    try world.startRelay()
    world.addTrackers(4, seed: 11)
    for _ in 0..<4 {
      try world.run(milliseconds: 400)
      world.killRelay()
      try world.startRelay(["--quiet"])
    }
    let spool = world.scratch.file("spool")
    let names = try FileManager.default.contentsOfDirectory(atPath: spool)
    let segments = names.filter { $0.hasPrefix("seg.") }.map { spool + "/" + $0 }
    #expect(segments.count >= 16)
    try world.run("every block was written once") { _ in
      segments.allSatisfy { path in
        let descriptor = Glibc.open(path, O_RDONLY)
        defer { close(descriptor) }
        return Self.isWritten(descriptor)
      }
    }
    try world.stage.restorePlatform()
    try world.finish()
    try world.expectCleanEnd()
  }
}
