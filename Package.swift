// swift-tools-version: 6.2
import PackageDescription

// One tree, two modes. Ordinary: `swift build`, `swift test`. Embedded: the static release binaries,
// built by packaging/build-static, which sets EDGERELAY_EMBEDDED=1 and passes a toolset for musl.
let embedded = Context.environment["EDGERELAY_EMBEDDED"] == "1"

let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
]

let release: [SwiftSetting] =
  embedded
  ? [
    .enableExperimentalFeature("Embedded"),
    .unsafeFlags(["-wmo", "-Xfrontend", "-function-sections"]),
  ]
  : [.treatWarning("EmbeddedRestrictions", as: .error)]

let settings = strict + release

// Everything is optimized for size but detection, which looks at every byte that peers send.
let small = settings + (embedded ? [.unsafeFlags(["-Osize"])] : [])

let package = Package(
  name: "EdgeRelay",
  products: [
    .executable(name: "edgerelay", targets: ["EdgeRelay"]),
    .executable(name: "edgerelay-bench", targets: ["DetectBench"]),
  ],
  targets: [
    .target(name: "CLinux"),
    .target(name: "CChecksum"),
    .target(name: "Detect", swiftSettings: settings),
    .target(name: "Queue", dependencies: ["CChecksum"], swiftSettings: small),
    .target(name: "Configuration", dependencies: ["Detect"], swiftSettings: small),
    .target(name: "Relay", dependencies: ["Detect", "Queue"], swiftSettings: small),
    .executableTarget(
      name: "EdgeRelay", dependencies: ["Relay", "Detect", "Queue", "Configuration", "CLinux"],
      swiftSettings: small + [.unsafeFlags(["-parse-as-library"])]),
    .target(name: "CBench", path: "Bench/CBench"),
    .executableTarget(
      name: "DetectBench", dependencies: ["Detect", "CBench"], path: "Bench/Detect",
      swiftSettings: settings + [.unsafeFlags(["-parse-as-library"])]),
    .testTarget(
      name: "DetectTests", dependencies: ["Detect"], exclude: ["Corpus"],
      swiftSettings: [.swiftLanguageMode(.v6)]),
    .testTarget(
      name: "ConfigurationTests", dependencies: ["Configuration", "Detect"],
      swiftSettings: [.swiftLanguageMode(.v6)]),
    .testTarget(
      name: "QueueTests", dependencies: ["Queue"], swiftSettings: [.swiftLanguageMode(.v6)]),
    .testTarget(
      name: "ProcessTests", dependencies: ["EdgeRelay", "Relay", "Detect", "Queue", "CLinux"],
      swiftSettings: [.swiftLanguageMode(.v6)]),
    .testTarget(
      name: "RelayTests", dependencies: ["Relay", "Detect", "Queue"],
      swiftSettings: [.swiftLanguageMode(.v6)]),
  ]
)
