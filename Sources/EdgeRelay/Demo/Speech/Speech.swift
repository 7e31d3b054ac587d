// A protocol as the two ends of the demonstration speak it, as data: how a tracker makes its frames
// and reads what comes back, and how a platform reads frames and answers them.
//
// Written apart from the rows that the relay works with, so that a mistake there cannot hide itself
// here. Strict on both ends: what has another shape is garbage.
// One speech a file beside this one; source of all of them: device-families document, sections 3 to 11.

/// A protocol in the mouths of simulated trackers and the stand-in platform.
///
/// A class, because everyone who speaks it holds on to it: thirteen functions are much to copy.
final class Speech: Sendable {
  let name: Literal

  /// The frame that opens a session and is repeated until it is answered; `nil` where devices just
  /// begin.
  let login: (@Sendable (inout Speaker) -> [UInt8])?

  /// The frame that asks for a sign of life; `nil` where there is none.
  let heartbeat: (@Sendable (inout Speaker) -> [UInt8])?

  /// A report that is not answered, with this sequence number; `nil` where every report is.
  let position: (@Sendable (inout Speaker, UInt32) -> [UInt8])?

  /// A report that is repeated until it is answered, with this sequence number; `nil` where none is.
  let alarm: (@Sendable (inout Speaker, UInt32) -> Alarm)?

  /// Whether an answer says which alarm it is for. Where it does not, the next alarm waits for it,
  /// and one without an answer is repeated over a new connection, where no late answer can come.
  let isAlarmNamed: Bool

  /// The answer to a command with this number.
  let commandReply: @Sendable (inout Speaker, UInt32) -> [UInt8]

  /// What stands at an offset of the bytes that came to a tracker.
  let cutDown: @Sendable ([UInt8], Int) -> WireCut

  /// What a tracker makes of a frame that `cutDown` found.
  let hear: @Sendable ([UInt8]) -> Heard

  /// What stands at an offset of the bytes that came to the platform.
  let cutUp: @Sendable ([UInt8], Int) -> WireCut

  /// What the platform makes of a frame that `cutUp` found.
  let read: @Sendable ([UInt8]) -> Telling

  /// What the platform answers to a frame; nothing where servers answer nothing. `isWelcome` is
  /// whether it takes the device.
  let answer: @Sendable (_ frame: [UInt8], _ isWelcome: Bool, PlatformManners) -> [UInt8]

  /// The platform's command with this number to a device; `nil` where none is known.
  let command: (@Sendable (_ number: Int, UInt32) -> [UInt8])?

  init(
    name: Literal, login: (@Sendable (inout Speaker) -> [UInt8])?,
    heartbeat: (@Sendable (inout Speaker) -> [UInt8])?,
    position: (@Sendable (inout Speaker, UInt32) -> [UInt8])?,
    alarm: (@Sendable (inout Speaker, UInt32) -> Alarm)?, isAlarmNamed: Bool,
    commandReply: @escaping @Sendable (inout Speaker, UInt32) -> [UInt8],
    cutDown: @escaping @Sendable ([UInt8], Int) -> WireCut,
    hear: @escaping @Sendable ([UInt8]) -> Heard,
    cutUp: @escaping @Sendable ([UInt8], Int) -> WireCut,
    read: @escaping @Sendable ([UInt8]) -> Telling,
    answer: @escaping @Sendable ([UInt8], Bool, PlatformManners) -> [UInt8],
    command: (@Sendable (Int, UInt32) -> [UInt8])?
  ) {
    self.name = name
    self.login = login
    self.heartbeat = heartbeat
    self.position = position
    self.alarm = alarm
    self.isAlarmNamed = isAlarmNamed
    self.commandReply = commandReply
    self.cutDown = cutDown
    self.hear = hear
    self.cutUp = cutUp
    self.read = read
    self.answer = answer
    self.command = command
  }

  /// A report and what its answer will name.
  struct Alarm {
    var bytes: [UInt8]
    /// What `Heard.alarm` will say; zero where answers name nothing.
    var key: UInt32
  }
}

/// What the start of a byte stream is.
enum WireCut: Equatable {
  case needMore
  /// The first byte belongs to no frame.
  case garbage
  case frame(byteCount: Int)
}

/// What a tracker makes of a frame that came from the relay.
enum Heard: Equatable {
  /// The login is answered, or a heartbeat where both are alike.
  case welcome
  /// The login goes on with this code.
  case code([UInt8])
  /// The login is refused; a new one must begin from the start.
  case refusal
  case alive
  /// The alarm with this key is taken.
  case alarm(UInt32)
  /// An answer to something nobody waits for.
  case courtesy
  case command(UInt32)
  /// Real firmware would drop this.
  case nonsense
}

/// What the platform makes of a frame.
struct Telling {
  enum Content: Equatable {
    case login
    /// A request for a code.
    case registration
    /// A login with the code that the platform gave out.
    case authentication([UInt8])
    case heartbeat
    case question
    case position(UInt32)
    case alarm(UInt32)
    case commandReply(UInt32)
    /// A frame that was changed on its way.
    case broken
    /// Nothing that a tracker of ours says.
    case nonsense
  }

  var content: Content
  /// The number of the tracker that the frame names, if it names one.
  var number: Int?
}
