// How many frames a second one core detects, cuts, classifies and answers, per family, and how many
// allocations that takes.
//
// A stream of 64 KiB repeats the family's typical session; it is read as the engine reads a connection:
// a reader bound by its first frame, the facts of every frame, the answer where one is owed. What
// this does not show: sockets, the spool, cold caches, and streams that arrive in pieces.

import CBench
import Detect

/// Typical frames of one family, in hexadecimal digits.
private struct Session {
  let id: ProtocolID
  let frames: [StaticString]
}

private let sessions: [Session] = [
  Session(
    id: .gt06,
    frames: [
      "787822220F0C1D023305C9027AC8180C46586000140001CC00287D001F71000001000820860D0A",
      "787822220F0C1D023305C9027AC8180C46586000140001CC00287D001F71000001000820860D0A",
      "787822220F0C1D023305C9027AC8180C46586000140001CC00287D001F71000001000820860D0A",
      "78780A134401040001000508450D0A",
      "787825160B0B0F0E241DCF027AC8870C4657E60014020901CC00287D001F726506040101003656A40D0A",
    ]),
  Session(
    id: .topin,
    frames: [
      "787812100A03170F32179C026B3F3E0C22AD651F34600D0A", "7878081300425228087F010D0A",
    ]),
  Session(
    id: .gt02,
    frames: [
      "68682500A403588990510127660001100E09060A1D1B00ADE1C90B79EA3000011B000000000000050D0A",
      "6868110603035889905101276600001A0402292D0D0A",
    ]),
  Session(
    id: .tk103,
    frames: [
      """
      283038303631323032323832384252303030383036313241323233322E393832384E31313430342E39323937\
      453030302E303032323832383030302E303030303030303030304C303030323330414129
      """,
      "283038373037333030353533344250303048534F29",
    ]),
  Session(
    id: .coban,
    frames: [
      """
      696D65693A3836383638333032333231323235352C747261636B65722C3139303230353038343530332C2C46\
      2C3036343435392E3030302C412C343931352E313232312C4E2C30313633342E353635352C452C332E39312C\
      38332E39353B
      """,
      "3335393538363031353832393830323B",
    ]),
  Session(
    id: .h02,
    frames: [
      """
      2A48512C3836353230353033303333303031322C56312C3134353435322C412C323234302E35353138312C4E\
      2C31313335382E33323338392C452C302E30302C302C3130303831352C464646464642464623
      """,
      "2A48512C3133353739303234363831313232302C485442542C31303023",
    ]),
  Session(
    id: .jt808,
    frames: [
      """
      7E02000033017051564189000C00000000000C00020158FF7206CD1F4C000000000123201122115639010400\
      000000300143310114930100E3060064019A0000557E
      """,
      "7E0002000001334567890600108D7E",
    ]),
  Session(
    id: .watch,
    frames: [
      """
      5B33472A393033313835333331392A303034452A5544322C3232303332322C3035353130352C412C32322E37\
      36313136322C4E2C3131342E3336303139322C452C302C302C34372C31342C3130302C36342C302C302C3030\
      3030303030382C302C305D
      """,
      "5B33472A343730303138363530382A303030422A4C4B2C302C31302C3130305D",
    ]),
]

private let passesMin = 20
private let nanosecondsMin: Int64 = 1_000_000_000

/// One family's figures.
private struct Result {
  var frameCount = 0
  var answerCount = 0
  var nanoseconds: Int64 = 0
  var allocations: UInt64 = 0
}

/// Reads the stream again and again for at least a second.
private func measure(_ stream: [UInt8], _ policy: ReplyPolicy) -> Result {
  var result = Result()
  let context = AnswerContext(time: CalendarTime(secondsSince1970: 1_709_380_800))
  var checksum = 0
  let began = cbench_nanoseconds()
  let allocations = cbench_allocations()
  var passes = 0
  while passes < passesMin || cbench_nanoseconds() - began < nanosecondsMin {
    passes += 1
    var reader = FrameReader()
    var offset = 0
    let bytes = stream.span
    reading: while offset < bytes.count {
      let rest = bytes.extracting(offset..<bytes.count)
      switch reader.next(rest, silence: .none) {
      case .needMore, .reject: break reading
      case .skip(let byteCount, _): offset += byteCount
      case .frame(let byteCount, _):
        let frame = rest.extracting(0..<byteCount)
        guard let id = reader.protocolID else { break reading }
        let facts = id.row.facts(frame)
        var reply = Reply()
        if facts.isAnswered(under: policy), id.row.answer(frame, facts, context, &reply) {
          result.answerCount += 1
          checksum &+= Int(reply[0])
        }
        result.frameCount += 1
        offset += byteCount
      }
    }
  }
  result.nanoseconds = cbench_nanoseconds() - began
  result.allocations = cbench_allocations() - allocations
  // Without a use the compiler might leave the work out.
  if checksum == 1 { print([0x0A]) }
  return result
}

private func stream(of session: Session) -> [UInt8] {
  var once: [UInt8] = []
  for frame in session.frames {
    var high: UInt8 = 0
    for i in 0..<frame.utf8CodeUnitCount {
      // SAFETY: `i` is within the literal.
      let digit = unsafe frame.utf8Start[i]
      let value = digit < 0x3A ? digit - 0x30 : digit - 0x37
      if i % 2 == 0 { high = value << 4 } else { once.append(high | value) }
    }
  }
  var stream: [UInt8] = []
  while stream.count + once.count <= 64 * 1_024 { stream += once }
  return stream
}

private func print(_ bytes: [UInt8]) {
  // SAFETY: the memory lives for the call.
  unsafe bytes.withUnsafeBufferPointer { unsafe cbench_write($0.baseAddress!, $0.count) }
}

private func column(_ value: Int64, _ width: Int, _ line: inout [UInt8]) {
  var digits: [UInt8] = []
  var rest = value
  repeat {
    digits.append(UInt8(0x30 + rest % 10))
    rest /= 10
  } while rest > 0
  for _ in 0..<max(1, width - digits.count) { line.append(0x20) }
  for digit in digits.reversed() { line.append(digit) }
}

/// Runs every family; the exit code is 1 when one is too slow or allocates.
@c(DetectBench_main)
public func detectBenchMain(
  _ count: CInt, _ words: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> CInt {
  var isGood = true
  for session in sessions {
    let result = measure(stream(of: session), session.id.row.defaultPolicy)
    let rate = Int64(result.frameCount) * 1_000_000_000 / max(1, result.nanoseconds)
    var line: [UInt8] = []
    session.id.row.name.forEachByte { line.append($0) }
    while line.count < 8 { line.append(0x20) }
    column(rate, 12, &line)
    line += [0x20, 0x66, 0x72, 0x61, 0x6D, 0x65, 0x73, 0x2F, 0x73]
    column(result.nanoseconds / max(1, Int64(result.frameCount)), 8, &line)
    line += [0x20, 0x6E, 0x73]
    column(Int64(result.answerCount * 100 / max(1, result.frameCount)), 6, &line)
    line += [0x25, 0x20, 0x61, 0x6E, 0x73, 0x77, 0x65, 0x72, 0x65, 0x64]
    column(Int64(result.allocations), 6, &line)
    line += [0x20, 0x61, 0x6C, 0x6C, 0x6F, 0x63, 0x73, 0x0A]
    print(line)
    if result.allocations > 0 || rate < 1_000_000 { isGood = false }
  }
  return isGood ? 0 : 1
}
