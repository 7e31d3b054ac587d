// The part of the demonstration that is on, in words for its progress line.

extension Text {
  /// Appends a count and the word for what is counted, with an s unless it is one.
  @inline(never)
  mutating func append(_ count: Int, of word: Literal) {
    append(count)
    append(" ")
    append(word)
    if count != 1 { append("s") }
  }
}

/// What is going on.
enum DemoScene: Equatable {
  case calm
  case platformDown
  case relayDown
  case catchingUp
  case finishing
  case stopping

  /// What is going on right now, with numbers.
  @inline(never)
  func words(of stage: borrowing Stage) -> Text {
    var text = Text()
    switch self {
    case .calm:
      text.append(stage.onlineCount, of: "tracker")
      text.append(" sending, the platform has ")
      text.append(stage.platform.deliveredCount, of: "frame")
      text.append(", ")
      text.append(stage.underwayCount)
      text.append(" on their way")
    case .platformDown:
      text.append("platform is down, ")
      text.append(stage.onlineCount, of: "tracker")
      text.append(stage.onlineCount == 1 ? " keeps sending, " : " keep sending, ")
      text.append(stage.underwayCount, of: "frame")
      text.append(" held by the relay")
    case .relayDown:
      text.append("relay and platform are down, ")
      text.append(stage.underwayCount, of: "frame")
      text.append(" wait on the relay's disk")
    case .catchingUp:
      text.append("platform is back, ")
      text.append(stage.underwayCount, of: "frame")
      text.append(" still to come, ")
      text.append(stage.onlineCount, of: "tracker")
      text.append(" sending")
    case .finishing:
      text.append("trackers send their last alarm, ")
      text.append(stage.underwayCount, of: "frame")
      text.append(" on their way")
    case .stopping:
      text.append("the relay makes its last frames durable")
    }
    return text
  }
}
