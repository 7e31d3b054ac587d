// The spool's devices as the relay sees them: names, cursors, and proof of delivery.

extension Spool where D: ~Copyable {
  /// How many slots of the device table are in use or were; indices are below this.
  public var deviceCount: Int { table.count }

  /// How many there can be; from then on a new device takes the place of another.
  public var deviceCountMax: Int { table.capacity }

  /// The device named `key`, entered if it is new; `nil` when the table is full.
  public mutating func device(named key: DeviceKey) -> DeviceIndex? {
    if let device = table.find(key) { return device }
    let device = table.add(key)
    // A number given out anew must be known to the next start.
    if let device, table[device].recordGeneration != 0 { checkpoint.revisit(device.rawValue) }
    return device
  }

  /// The device named `key`, if there is one.
  public func find(_ key: DeviceKey) -> DeviceIndex? { table.find(key) }

  /// Whether the slot names a device; slots between restored ones may not.
  public func isKnown(_ device: DeviceIndex) -> Bool { table[device].isUsed }

  public func key(of device: DeviceIndex) -> DeviceKey { table[device].key }

  /// Keeps the device's slot while the relay has a session or an upstream session for it.
  public mutating func setHeld(_ device: DeviceIndex, _ isHeld: Bool) {
    table[device].isHeld = isHeld
  }

  /// Whether frames are stored that the upstream session has not been given.
  public func hasUnsent(_ device: DeviceIndex) -> Bool { table[device].hasUnsent }

  /// Whether frames are stored whose delivery is not proven.
  public func hasUndelivered(_ device: DeviceIndex) -> Bool { table[device].hasUndelivered }

  /// How many frames of the device were given up.
  public func dropCounts(of device: DeviceIndex) -> DropCounts { table[device].dropped }

  /// How many frames of the device wait for proof of delivery, gaps included.
  public func undeliveredCount(_ device: DeviceIndex) -> Int {
    table[device].last.distance(after: table[device].acknowledged)
  }

  /// The newest frame whose delivery is proven, or that was given up, as everything before it.
  public func acknowledgedSequence(_ device: DeviceIndex) -> SequenceNumber {
    table[device].acknowledged
  }

  /// What tells the slot's present device from those that had the slot before.
  public func number(of device: DeviceIndex) -> UInt32 { table[device].number }

  public func lastSequence(_ device: DeviceIndex) -> SequenceNumber { table[device].last }

  /// The newest frame handed to the upstream session.
  public func sentSequence(_ device: DeviceIndex) -> SequenceNumber { table[device].sent }

  /// The login of the device's newest frames; empty when it never logged in.
  public func login(of device: DeviceIndex) -> [UInt8] { table[device].login }

  /// Whether `setLogin` takes a login of this size.
  public func canKeepLogin(byteCount: Int) -> Bool { byteCount <= SpoolLimits.loginBytesMax }

  /// Notes that a frame was handed to the upstream session.
  public mutating func markSent(_ device: DeviceIndex, _ sequence: SequenceNumber) {
    require(sequence.isAfter(table[device].sent))
    table[device].sent = sequence
  }

  /// Takes back everything sent without proof: the upstream session has ended.
  public mutating func rewind(_ device: DeviceIndex) {
    hasten(device)
    table[device].sent = table[device].acknowledged
    table[device].blockedPass = sweep.pass
    endSettling(device)
    if table[device].interest == .ready { sweep.mayHaveWork = true }
  }

  /// Notes proof that the upstream has everything up to `sequence`, which was stored at `place`.
  public mutating func acknowledge(
    _ device: DeviceIndex, through sequence: SequenceNumber, at place: LogPosition, now: Instant
  ) {
    let before = table[device].acknowledged
    guard sequence.isAfter(before) else { return }
    noteDelivered(device, after: before, through: sequence)
    table[device].acknowledged = sequence
    if sequence.isAfter(table[device].sent) { table[device].sent = sequence }
    endSettling(device)
    let segmentBefore = table[device].firstPin.generation
    if !table[device].hasUndelivered {
      clearPins(device)
    } else if place > table[device].firstPin, segment(of: place.generation) != nil {
      // The next frame lies where this one did, or later.
      if Generation.isCold(place.generation) {
        setColdPin(device, place)
      } else {
        // Frames behind it may have been moved while it was on its way.
        let areMoved = table[device].coldLast.map { $0.isAfter(sequence) } ?? false
        if !areMoved { setColdPin(device, .nowhere) }
        if place > table[device].pin { setPin(device, place) }
      }
    }
    if table[device].firstPin.generation != segmentBefore { reclaim() }
    if sequence.isAfter(table[device].written), !hasRecordInGathering(device) {
      // What is missing on disk then is explained by the record before the next frame.
      table[device].headBatch = 0
    }
    // Of frames that were never written, nothing is to be written either.
    guard table[device].written.isAfter(before) || table[device].writtenAfter != nil else { return }
    if !table[device].isAcknowledgementDirty {
      table[device].isAcknowledgementDirty = true
      dirtyDevices.append(device)
      queuedNotes.acknowledgements += 1
    }
    acknowledgementsDueAt = min(
      acknowledgementsDueAt, now.advanced(by: SpoolLimits.acknowledgementDelay))
  }

  /// Whether the device's record is in the batch that is gathered, and not in a tail in front of it.
  func hasRecordInGathering(_ device: DeviceIndex) -> Bool {
    gathering.map { $0.gathering == table[device].headGathering } ?? false
  }

  /// Gives up every frame of the device that waits for proof of delivery; returns how many.
  public mutating func giveUp(_ device: DeviceIndex) -> Int {
    let count = undeliveredCount(device)
    if count == 0 { return 0 }
    // Answers wait for the batch, and are true only if it brings their frames to the disk.
    hasten(device)
    if isGathered(device) {
      table[device].writtenAfter = table[device].spared
    }
    // The device's record in it may have no room for the count.
    table[device].headBatch = 0
    drop(device, through: table[device].last, count: count, .byOperator)
    clearPins(device)
    reclaim()
    return count
  }
}
