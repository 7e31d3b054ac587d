// The running relay's figures as Prometheus reads them: text format 0.0.4.
//
// A metric is a field of the answer to `status` under a conventional name: counters end in _total and
// begin again at a start, units are part of the name.

/// One figure of the relay.
struct Metric {
  enum Kind { case counter, gauge }

  /// The field of `status`.
  let field: Literal
  let name: Literal
  let kind: Kind
  let help: Literal

  static let all: [Metric] = [
    Metric(
      field: "uptime_seconds", name: "uptime_seconds", kind: .gauge,
      help: "Time since the relay was started."),
    Metric(
      field: "clock_synchronised", name: "clock_synchronised", kind: .gauge,
      help: "Whether the kernel says that the wall clock is kept."),
    Metric(
      field: "clock_believed", name: "clock_believed", kind: .gauge,
      help: "Whether devices that ask for the time are answered."),
    Metric(
      field: "platform_addresses", name: "platform_addresses", kind: .gauge,
      help: "Addresses known of the platform."),
    Metric(
      field: "platform_sessions", name: "platform_sessions", kind: .gauge,
      help: "Devices whose session with the platform stands."),
    Metric(field: "devices", name: "devices", kind: .gauge, help: "Devices known."),
    Metric(
      field: "devices_online", name: "devices_online", kind: .gauge,
      help: "Devices with a session."),
    Metric(
      field: "devices_waiting", name: "devices_waiting", kind: .gauge,
      help: "Devices with frames that the platform has not confirmed."),
    Metric(
      field: "sessions", name: "sessions", kind: .gauge,
      help: "Connections of devices and bound UDP sources."),
    Metric(
      field: "sessions_accepted", name: "sessions_accepted_total", kind: .counter,
      help: "Sessions accepted."),
    Metric(
      field: "sessions_refused", name: "sessions_refused_total", kind: .counter,
      help: "Sessions refused because there were too many of all."),
    Metric(
      field: "refused_by_source_limit", name: "refused_by_source_limit_total", kind: .counter,
      help: "Sessions refused because their source had too many."),
    Metric(
      field: "refused_by_network", name: "refused_by_network_total", kind: .counter,
      help: "Connections and datagrams from networks that may not connect."),
    Metric(
      field: "refused_by_device", name: "refused_by_device_total", kind: .counter,
      help: "Sessions and datagrams of devices that may not use the relay."),
    Metric(
      field: "refused_by_protocol", name: "refused_by_protocol_total", kind: .counter,
      help: "Sessions and datagrams of protocols that are disabled."),
    Metric(
      field: "sessions_rejected", name: "sessions_rejected_total", kind: .counter,
      help: "Sessions closed because nobody understands what they send."),
    Metric(
      field: "sessions_timed_out", name: "sessions_timed_out_total", kind: .counter,
      help: "Sessions closed because nothing came in time."),
    Metric(
      field: "frames_waiting", name: "frames_waiting", kind: .gauge,
      help: "Frames that the platform has not confirmed."),
    Metric(
      field: "frames_received", name: "frames_received_total", kind: .counter,
      help: "Frames received from devices."),
    Metric(
      field: "frames_answered", name: "frames_answered_total", kind: .counter,
      help: "Frames answered."),
    Metric(
      field: "frames_at_risk", name: "frames_at_risk_total", kind: .counter,
      help: "Frames answered while neither the disk nor the platform took them."),
    Metric(
      field: "frames_stored", name: "frames_stored_total", kind: .counter,
      help: "Frames kept for the platform."),
    Metric(
      field: "frames_delivered", name: "frames_delivered_total", kind: .counter,
      help: "Stored frames whose delivery is proven or taken as such."),
    Metric(
      field: "frames_delivered_by_login", name: "frames_delivered_by_login_total",
      kind: .counter,
      help: "Those that the platform's answer to a repeated login speaks for."),
    Metric(
      field: "frames_delivered_by_end", name: "frames_delivered_by_end_total",
      kind: .counter,
      help: "Those that the platform's orderly end of the connection speaks for."),
    Metric(
      field: "frames_delivered_by_kernel", name: "frames_delivered_by_kernel_total",
      kind: .counter,
      help: "Those that only the acknowledgement of the platform's kernel speaks for."),
    Metric(
      field: "frames_resent", name: "frames_resent_total", kind: .counter,
      help: "Frames sent again because a connection ended before their proof."),
    Metric(
      field: "frames_expired", name: "frames_expired_total", kind: .counter,
      help: "Heartbeats and questions that were worthless before they could be sent."),
    Metric(
      field: "frames_dropped", name: "frames_dropped_total", kind: .counter,
      help: "Frames given up, because the spool was full or damaged."),
    Metric(
      field: "frames_quarantined", name: "frames_quarantined_total", kind: .counter,
      help: "Frames put aside because sessions with the platform broke over them."),
    Metric(
      field: "commands", name: "commands_total", kind: .counter,
      help: "Commands of the platform passed to devices."),
    Metric(
      field: "commands_dropped", name: "commands_dropped_total", kind: .counter,
      help: "Commands of the platform that no device could be given in time."),
    Metric(
      field: "spool_bytes", name: "spool_size_bytes", kind: .gauge, help: "Size of the spool."),
    Metric(
      field: "spool_frames_spared", name: "spool_frames_spared_total", kind: .counter,
      help: "Frames confirmed by the platform before they had to be written."),
    Metric(
      field: "spool_commits", name: "spool_commits_total", kind: .counter,
      help: "Batches made durable."),
    Metric(
      field: "spool_commits_failed", name: "spool_commits_failed_total", kind: .counter,
      help: "Batches that the disk refused, and that were tried elsewhere."),
    Metric(
      field: "spool_written_bytes", name: "spool_written_bytes_total", kind: .counter,
      help: "Bytes written to the spool."),
  ]

  /// Every metric of an answer to `status`.
  static func text(_ status: Record) -> Text {
    var text = Text()
    for field in status.fields where field.name.spells("version") {
      writeVersion(field.value, to: &text)
    }
    for metric in all {
      for field in status.fields where field.name.spells(metric.field) {
        metric.write(field.value, to: &text)
      }
    }
    return text
  }

  /// Writes the metric with its help and type.
  func write(_ value: [UInt8], to text: inout Text) {
    text.append("# HELP edgerelay_")
    text.append(name)
    text.append(" ")
    text.append(help)
    text.append("\n# TYPE edgerelay_")
    text.append(name)
    text.append(kind == .counter ? " counter\n" : " gauge\n")
    text.append("edgerelay_")
    text.append(name)
    text.append(" ")
    text.append(value)
    text.append("\n")
  }

  /// Writes which version runs, the way that can be joined with other metrics.
  static func writeVersion(_ version: [UInt8], to text: inout Text) {
    text.append("# HELP edgerelay_build_info The version that runs.\n")
    text.append("# TYPE edgerelay_build_info gauge\nedgerelay_build_info{version=\"")
    text.append(version)
    text.append("\"} 1\n")
  }
}
