@testable import Queue

func dump(_ disk: SimulatedDisk, _ note: String) {
  let crc = CRC32C()
  print("--- \(note)")
  for s in 0..<disk.image.count {
    let b = PageBuffer(disk.image[s])
    let r = SegmentHeader.read(b, at: 0, crc)
    var gen: UInt32? = nil
    if case .header(let h) = r { gen = h.generation }
    var lines: [String] = []
    for p in 3..<(disk.image[s].count / 4096) {
      guard let h = BatchHeader.read(b, at: p * 4096, generation: nil, crc) else { continue }
      var o = p * 4096 + BatchHeader.byteCount
      var recs: [String] = []
      for _ in 0..<h.recordCount {
        guard
          let x = RecordHeader.read(
            b, at: o, end: p * 4096 + h.byteCount,
            seed: h.seed, crc)
        else {
          recs.append("BAD")
          break
        }
        recs.append("\(x.type):\(x.device & 0xffff).\(x.sequence.rawValue)")
        o += x.strideByteCount
      }
      lines.append(
        "  p\(p) g\(h.generation) b\(h.batch) dt\(h.durableThrough) n\(h.recordCount): "
          + recs.joined(separator: " "))
    }
    if gen != nil || !lines.isEmpty {
      print("seg \(s) gen \(gen.map { "\($0)" } ?? "-")")
      for l in lines { print(l) }
    }
  }
}
