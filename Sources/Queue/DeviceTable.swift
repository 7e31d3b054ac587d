// Every device the spool knows: its name, its login, and how far it has been delivered.
//
//   number on disk (32 bits) = use count of the slot (high 16) | slot (low 16)
//
// so that a number found on disk leads to its slot without a search, and a slot that is given to
// another device gets a number that was never used.
//
// Per device, in serial arithmetic:   acknowledged <= sent <= last
//   last          newest frame appended          sent   newest frame handed to the upstream session
//   acknowledged  newest frame whose delivery is proven; everything up to it is done with
//
// `pin` is a lower bound of where the first frame after `acknowledged` lies in the main segments, and
// `nowhere` while there is no such frame; `coldPin` is the same in the cold ones. While all undelivered frames were received under the present login, which
// is nearly always, reading may start right there; otherwise it starts at the segment's first
// batch, because the device record that names the login stands somewhere before the frame.

/// A device's slot in the table.
public struct DeviceIndex: Equatable, Sendable {
  public var rawValue: Int
  public init(_ rawValue: Int) { self.rawValue = rawValue }
}

/// How a device stands with the sweep.
enum SweepInterest: UInt8 {
  /// The upstream session does not want stored frames.
  case idle
  /// It wants them but its window is full at the moment.
  case full
  /// It wants them, but frames before the next one are missing: those in flight are settled first,
  /// so that the loss is counted exactly.
  case settling
  /// It wants them now.
  case ready
}

/// One device's row.
struct DeviceEntry {
  var number: UInt32
  var isUsed = false
  /// Whether the relay holds a session or an upstream session for the device.
  var isHeld = false
  var isAcknowledgementDirty = false
  var interest = SweepInterest.idle
  var key = DeviceKey(family: 0, form: 0)
  var last = SequenceNumber(0)
  var sent = SequenceNumber(0)
  var acknowledged = SequenceNumber(0)
  /// The batch that holds the newest frame, and the first of the device's frames in it.
  var lastBatch: UInt32 = 0
  var lastBatchFirst = SequenceNumber(0)
  /// The newest frame in a batch that was started.
  var written = SequenceNumber(0)
  /// The operator has given up frames behind this one that wait in memory; they are written all the same.
  var writtenAfter: SequenceNumber?
  /// Frames up to this one may be held for longer, until then.
  var heldThrough = SequenceNumber(0)
  var heldUntil = Instant.origin
  /// Whether its record is to be written although no frame may need it.
  var isRecordWanted = false
  /// Whether the batch that is looked through has a frame of the device to keep.
  var isKept = false
  var pin = LogPosition.nowhere
  /// The same among the frames that were moved to cold segments.
  var coldPin = LogPosition.nowhere
  /// The newest frame that is durable in a cold segment, as far as this run knows, and the one in
  /// the relocation under way.
  var coldLast: SequenceNumber?
  var coldUnderWay: SequenceNumber?
  /// The cold segment with the newest of its frames, or a later one.
  var coldEnd: UInt32 = 0
  /// Bytes moved to cold segments since they last held nothing of the device.
  var coldByteCount = 0
  /// The relocation that carries the device's name and the login at its place already.
  var coldHead: UInt32 = 0
  /// The batch that carries the device's name and current login already.
  var headBatch: UInt32 = 0
  /// The gathering that the record is part of, as opposed to a tail with the same number.
  var headGathering: UInt32 = 0
  /// The pass of the sweep in which a frame of the device was left behind.
  var blockedPass: UInt32 = 0
  /// The segment of the newest device record; zero is none, and none is needed.
  var recordGeneration: UInt32 = 0
  /// Frames given up, on disk or to be written there.
  var dropped = DropCounts()
  /// Whether `dropped` is still to be written.
  var isDropDirty = false
  /// The login under which new frames arrive.
  var login: [UInt8] = []
  /// The login of the stored frames at the sweep's position.
  var sweepLogin: [UInt8] = []

  /// Where the first undelivered frame may lie.
  var firstPin: LogPosition { coldPin == .nowhere ? pin : coldPin }
  var hasUnsent: Bool { last.isAfter(sent) }
  /// The newest frame but for those that wait in memory.
  var newestWritten: SequenceNumber { written.isAfter(acknowledged) ? written : acknowledged }
  /// The newest frame that need not be written any more.
  var spared: SequenceNumber { writtenAfter ?? acknowledged }
  var hasUndelivered: Bool { last.isAfter(acknowledged) }

  /// Whether the next frame to send is durable; also true while its commit is under way and the
  /// device has frames in the batch behind it.
  func hasDurableUnsent(_ durableThrough: UInt32) -> Bool {
    hasUnsent && (lastBatch <= durableThrough || lastBatchFirst.isAfter(sent.next))
  }
}

/// The devices, found by name or by number. Not copyable: what only reads it from within the spool would otherwise
/// retain its arrays for every record.
struct DeviceTable: ~Copyable {
  var entries: [DeviceEntry] = []
  private(set) var capacity: Int
  private let secret: UInt64
  /// Open addressing over entries; -1 is empty. Never more than half full.
  private var index: [Int32]
  private var releaseProbe = 0

  init(capacity: Int, secret: UInt64) {
    require(capacity > 0)
    require(capacity <= SpoolLimits.deviceCountMax)
    self.capacity = capacity
    self.secret = secret
    var size = 16
    while size < capacity * 2 { size *= 2 }
    index = [Int32](repeating: -1, count: size)
    entries.reserveCapacity(capacity)
  }

  var count: Int { entries.count }

  subscript(device: DeviceIndex) -> DeviceEntry {
    _read { yield entries[device.rawValue] }
    _modify { yield &entries[device.rawValue] }
  }

  /// Bytes of the payload of a device's record.
  @inline(never)
  func recordByteCount(_ device: DeviceIndex) -> Int {
    DeviceRecord.payloadByteCount(
      name: self[device].key.count, login: self[device].login.count, self[device].dropped)
  }

  /// The device named `key`, or `nil`.
  @inline(never)
  func find(_ key: DeviceKey) -> DeviceIndex? {
    var place = Int(key.hash(secret) & UInt64(index.count - 1))
    while index[place] >= 0 {
      let slot = Int(index[place])
      if entries[slot].key == key { return DeviceIndex(slot) }
      place = (place + 1) & (index.count - 1)
    }
    return nil
  }

  /// The slot that a number on disk is for.
  static func slot(of number: UInt32) -> DeviceIndex { DeviceIndex(Int(number & 0xFFFF)) }

  /// The device numbered `number` on disk, or `nil`.
  @inline(never)
  func find(number: UInt32) -> DeviceIndex? {
    let slot = Int(number & 0xFFFF)
    guard slot < entries.count, entries[slot].isUsed, entries[slot].number == number else {
      return nil
    }
    return DeviceIndex(slot)
  }

  /// Gives `key` a slot; `nil` when the table is full of devices that still matter.
  mutating func add(_ key: DeviceKey) -> DeviceIndex? {
    if entries.count < capacity {
      let slot = entries.count
      lengthen()
      give(slot, UInt32(slot), key)
      insert(slot)
      return DeviceIndex(slot)
    }
    guard let slot = releasableSlot() else { return nil }
    let number = entries[slot].number &+ 0x1_0000
    let hadLast = entries[slot].last
    if entries[slot].isUsed { remove(slot) }
    give(slot, number, key)
    // Sequence numbers go on, so that nothing on disk under an old number can be mistaken.
    entries[slot].last = hadLast
    entries[slot].sent = hadLast
    entries[slot].acknowledged = hadLast
    // Nor may the number be forgotten.
    entries[slot].recordGeneration = 1
    insert(slot)
    return DeviceIndex(slot)
  }

  /// Puts a device found on disk into the slot its number names.
  ///
  /// Returns the slot, or `nil` when a newer device of the same slot is there already.
  mutating func restore(number: UInt32, _ key: DeviceKey) -> DeviceIndex? {
    let slot = reach(number)
    if entries[slot].isUsed {
      if entries[slot].number == number { return DeviceIndex(slot) }
      if entries[slot].number > number { return nil }
      remove(slot)
    }
    give(slot, number, key)
    // An older number of the same name keeps its frames and is drained under that number; new
    // frames go to the number that was written last.
    if let older = find(key) { remove(older.rawValue) }
    insert(slot)
    return DeviceIndex(slot)
  }

  /// Makes sure that no new device gets a number at or below `number`.
  @inline(never)
  mutating func reserve(number: UInt32) {
    let slot = reach(number)
    if entries[slot].isUsed { return }
    entries[slot].number = max(entries[slot].number, number)
    entries[slot].recordGeneration = 1
  }

  /// Makes the table reach as far as the slot of `number`, and says which that is.
  @inline(never)
  private mutating func reach(_ number: UInt32) -> Int {
    let slot = Int(number & 0xFFFF)
    capacity = max(capacity, slot + 1)
    while entries.count <= slot { lengthen() }
    growIndexIfNeeded()
    return slot
  }

  /// Adds a slot that nothing is in.
  @inline(never)
  private mutating func lengthen() { entries.append(DeviceEntry(number: UInt32(entries.count))) }

  /// Begins the row of a device.
  @inline(never)
  private mutating func give(_ slot: Int, _ number: UInt32, _ key: DeviceKey) {
    entries[slot] = DeviceEntry(number: number)
    entries[slot].isUsed = true
    entries[slot].key = key
  }

  private mutating func releasableSlot() -> Int? {
    for _ in 0..<min(SpoolLimits.releaseProbesMax, entries.count) {
      let slot = releaseProbe
      releaseProbe = (releaseProbe + 1) % entries.count
      let entry = entries[slot]
      if !entry.isUsed { return slot }
      let isSettled = !entry.hasUndelivered && !entry.isAcknowledgementDirty
      if !entry.isHeld, isSettled, !entry.isDropDirty { return slot }
    }
    return nil
  }

  @inline(never)
  private mutating func insert(_ slot: Int) {
    var place = Int(entries[slot].key.hash(secret) & UInt64(index.count - 1))
    while index[place] >= 0 { place = (place + 1) & (index.count - 1) }
    index[place] = Int32(slot)
  }

  /// Takes a slot out of the index and closes the gap, so that searches need no tombstones.
  private mutating func remove(_ slot: Int) {
    let mask = index.count - 1
    var place = Int(entries[slot].key.hash(secret) & UInt64(mask))
    while index[place] != Int32(slot) {
      if index[place] < 0 { return }
      place = (place + 1) & mask
    }
    index[place] = -1
    var next = (place + 1) & mask
    while index[next] >= 0 {
      let moved = Int(index[next])
      let home = Int(entries[moved].key.hash(secret) & UInt64(mask))
      // The entry may move to the gap when its home does not lie behind the gap.
      if (next - home) & mask >= (next - place) & mask {
        index[place] = Int32(moved)
        index[next] = -1
        place = next
      }
      next = (next + 1) & mask
    }
  }

  @inline(never)
  private mutating func growIndexIfNeeded() {
    guard entries.count * 2 > index.count else { return }
    let old = index
    var size = index.count
    while size < entries.count * 2 { size *= 2 }
    index = [Int32](repeating: -1, count: size)
    // Not every used slot: a name with two numbers stands in the index with the newer one.
    for slot in old where slot >= 0 { insert(Int(slot)) }
  }
}
