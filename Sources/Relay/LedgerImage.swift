// The ledger as it is written down, in the file `ledger` beside the spool. Little-endian:
//
//     0  magic      8   "ERLEDGR1"; the last character is the version
//     8  checksum   4   CRC-32C of eight zero bytes and everything behind it
//    12  devices    4
//    16  clean      4   1: the relay stopped after it, 0: it went on
//    20  gaps       4
//    24  since      8   seconds since 1970; zero: no clock has told
//    32  total     88   the terms that are written down, in their order, 8 each
//   120  devices        76 each:
//          0  family 1, form 1, bytes of the name 1, zero 1, name 16
//         20  terms     44   4 each
//         64  dropped   12   what the spool had given up by then: evicted, damaged, by the operator
//
// The total has the frames of all devices in it, of those too that have no entry any more. Nothing is
// believed of a file whose size, magic or checksum is not exactly right.

import Queue

/// The bytes of a ledger.
public struct LedgerImage: Sendable {
  static let magic: UInt64 = 0x3152_4744_454C_5245
  static let headByteCount = 120
  static let deviceByteCount = 76
  private static let deviceCountMax = 1 << 16
  /// The year 10000.
  private static let sinceEnd: UInt64 = 253_402_300_800
  /// Sizes that a file can have.
  public static let byteCounts =
    headByteCount...headByteCount + deviceCountMax * deviceByteCount

  public let buffer: PageBuffer

  /// Room for `deviceCount` devices.
  init(deviceCount: Int) {
    buffer = PageBuffer(byteCount: Self.headByteCount + deviceCount * Self.deviceByteCount)
  }

  /// The ledger in what was read; `nil` when that is none of this version.
  public init?(_ buffer: PageBuffer, _ crc: CRC32C) {
    self.buffer = buffer
    guard Self.byteCounts.contains(buffer.byteCount), load(0, 8) == Self.magic,
      deviceCount <= Self.deviceCountMax, byteCount == buffer.byteCount,
      checksum == crc.checksum(seed: 0, buffer, 12..<byteCount)
    else { return nil }
  }

  /// How many bytes of the buffer are the ledger's.
  public var byteCount: Int { offset(of: deviceCount) }

  public var checksum: UInt32 { UInt32(truncatingIfNeeded: load(8, 4)) }

  var deviceCount: Int { Int(load(12, 4)) }
  /// Whether the relay stopped behind it.
  public var isClean: Bool { load(16, 4) == 1 }

  var kept: KeptLedger {
    var kept = KeptLedger()
    kept.gapCount = UInt32(truncatingIfNeeded: load(20, 4))
    let since = load(24, 8)
    kept.since = since < Self.sinceEnd ? Int64(since) : 0
    kept.before = balance(32, LedgerTerm.writtenCount, 8)
    return kept
  }

  func key(_ index: Int) -> DeviceKey {
    let offset = offset(of: index)
    var key = DeviceKey(
      family: buffer.loadUInt8(at: offset), form: buffer.loadUInt8(at: offset + 1))
    for i in 0..<min(Int(buffer.loadUInt8(at: offset + 2)), DeviceKey.byteCountMax) {
      key.append(buffer.loadUInt8(at: offset + 4 + i))
    }
    return key
  }

  func balance(_ index: Int) -> Balance {
    balance(offset(of: index) + 20, LedgerTerm.writtenCount, 4)
  }

  /// What the spool had given up of a device, by its terms.
  func dropped(_ index: Int) -> Balance {
    balance(
      offset(of: index) + 64, LedgerTerm.dropped.count, 4, from: LedgerTerm.dropped.lowerBound)
  }

  // MARK: Writing

  func append(_ key: DeviceKey, _ balance: Balance, _ dropped: Balance) {
    let offset = byteCount
    buffer.store(key.family, at: offset)
    buffer.store(key.form, at: offset + 1)
    buffer.store(UInt8(key.count), at: offset + 2)
    for i in 0..<key.count { buffer.store(key[i], at: offset + 4 + i) }
    for i in 0..<LedgerTerm.writtenCount { store(balance.counts[i], offset + 20 + 4 * i, 4) }
    for i in LedgerTerm.dropped {
      store(dropped.counts[i], offset + 64 + 4 * (i - LedgerTerm.dropped.lowerBound), 4)
    }
    store(UInt64(deviceCount + 1), 12, 4)
  }

  /// Writes the head, behind the devices.
  func seal(_ kept: KeptLedger, _ total: Balance, isClean: Bool, _ crc: CRC32C) {
    store(Self.magic, 0, 8)
    store(isClean ? 1 : 0, 16, 4)
    store(UInt64(kept.gapCount), 20, 4)
    store(UInt64(bitPattern: kept.since), 24, 8)
    for i in 0..<LedgerTerm.writtenCount { store(total.counts[i], 32 + 8 * i, 8) }
    store(UInt64(crc.checksum(seed: 0, buffer, 12..<byteCount)), 8, 4)
  }

  // MARK: Numbers

  @inline(never)
  private func balance(_ offset: Int, _ count: Int, _ width: Int, from first: Int = 0) -> Balance {
    var balance = Balance()
    for i in 0..<count { balance.counts[first + i] = load(offset + width * i, width) }
    return balance
  }

  @inline(never)
  private func load(_ offset: Int, _ width: Int) -> UInt64 {
    var number: UInt64 = 0
    for i in (0..<width).reversed() {
      number = number << 8 | UInt64(buffer.loadUInt8(at: offset + i))
    }
    return number
  }

  @inline(never)
  private func store(_ number: UInt64, _ offset: Int, _ width: Int) {
    for i in 0..<width {
      buffer.store(UInt8(truncatingIfNeeded: number >> UInt64(8 * i)), at: offset + i)
    }
  }

  private func offset(of device: Int) -> Int {
    Self.headByteCount + device * Self.deviceByteCount
  }
}
