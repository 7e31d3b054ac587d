// Sorts packets into flows.
//
// Flows are found by their endpoints, in whichever order, through a sorted list: a hash would let a hostile
// file choose collisions. A list entry is the latest flow between two endpoints; older ones hang behind
// it, because late packets of a connection may follow the SYN of the next.

/// The flows of a capture, in the order in which they began.
struct FlowTable {
  private(set) var flows: [CapturedFlow] = []
  /// Packets that a further flow would have been needed for.
  private(set) var leftOutCount = 0
  /// The latest flows, by their endpoints.
  private var sorted: [Int] = []

  mutating func add(_ packet: DecodedPacket, _ milliseconds: Int64) {
    let place = place(of: packet)
    let latest = place < sorted.count ? sorted[place] : -1
    let isKnown = latest >= 0 && flows[latest].isBetween(packet)
    if isKnown {
      var candidate = latest
      for _ in 0..<CaptureLimits.reuseDepthMax where candidate >= 0 {
        if flows[candidate].takes(packet) {
          flows[candidate].add(packet, milliseconds)
          return
        }
        candidate = flows[candidate].previous
      }
    }
    guard flows.count < CaptureLimits.flowCountMax else {
      leftOutCount += 1
      return
    }
    var flow = CapturedFlow(packet, previous: isKnown ? latest : -1)
    flow.add(packet, milliseconds)
    if isKnown {
      sorted[place] = flows.count
    } else {
      sorted.insert(flows.count, at: place)
    }
    flows.append(flow)
  }

  /// Puts the bytes of all flows in order.
  mutating func sort() {
    for i in flows.indices { flows[i].sort() }
  }

  /// Where in the list the packet's endpoints stand, or would stand.
  private func place(of packet: DecodedPacket) -> Int {
    var low = 0
    var high = sorted.count
    while low < high {
      let middle = (low + high) / 2
      if flows[sorted[middle]].isBefore(packet) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
