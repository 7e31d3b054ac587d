// The running relay's figures as Prometheus reads them: text format 0.0.4.
//
// A metric is a field of the answer to `status` under a conventional name: counters end in _total and
// begin again at a start, units are part of the name.

/// The figures of the relay.
enum Metric {
  /// NAME FIELD HELP, one a line; the field of `status` is - where it is the name without _total. One text
  /// instead of rows, which would be put together by code, each word of each.
  private static var rows: Literal {
    """
    uptime_seconds - Time since the relay was started.
    clock_synchronised - Whether the kernel says that the wall clock is kept.
    clock_believed - Whether devices that ask for the time are answered.
    platform_addresses - Addresses known of the platform.
    platform_sessions - Devices whose session with the platform stands.
    devices - Devices known.
    devices_online - Devices with a session.
    devices_waiting - Devices with frames that the platform has not confirmed.
    sessions - Connections of devices and bound UDP sources.
    sessions_accepted_total - Sessions accepted.
    sessions_refused_total - Sessions refused because there were too many of all.
    refused_by_source_limit_total - Sessions refused because their source had too many.
    refused_by_network_total - Connections and datagrams from networks that may not connect.
    refused_by_device_total - Sessions and datagrams of devices that may not use the relay.
    refused_by_protocol_total - Sessions and datagrams of protocols that are disabled.
    sessions_rejected_total - Sessions closed because nobody understands what they send.
    sessions_timed_out_total - Sessions closed because nothing came in time.
    frames_waiting - Frames that the platform has not confirmed.
    frames_received_total - Frames received from devices.
    frames_answered_total - Frames answered.
    frames_at_risk_total - Frames answered while neither the disk nor the platform took them.
    frames_stored_total - Frames kept for the platform.
    frames_delivered_total - Stored frames whose delivery is proven or taken as such.
    frames_delivered_by_login_total - Those that the platform's answer to a repeated login speaks for.
    frames_delivered_by_end_total - Those that the platform's orderly end of the connection speaks for.
    frames_delivered_by_kernel_total - Those that only the acknowledgement of the platform's kernel speaks for.
    frames_resent_total - Frames sent again because a connection ended before their proof.
    frames_expired_total - Heartbeats and questions that were worthless before they could be sent.
    frames_dropped_total - Frames given up, because the spool was full or damaged.
    frames_quarantined_total - Frames put aside because sessions with the platform broke over them.
    commands_total - Commands of the platform passed to devices.
    commands_dropped_total - Commands of the platform that no device could be given in time.
    spool_size_bytes spool_bytes Size of the spool.
    spool_frames_spared_total - Frames confirmed by the platform before they had to be written.
    spool_commits_total - Batches made durable.
    spool_commits_failed_total - Batches that the disk refused, and that were tried elsewhere.
    spool_written_bytes_total - Bytes written to the spool.
    """
  }

  /// Every metric of an answer to `status`.
  static func text(_ status: Record) -> Text {
    var text = Text()
    let version = status.value("version")
    if !version.isEmpty { writeVersion(version, to: &text) }
    for row in Text(rows).bytes.parts(at: 0x0A) {
      let words = row.parts(at: 0x20)
      let isCounter = words[0].count > 6 && Array(words[0].suffix(6)).spells("_total")
      let wanted =
        words[1].spells("-") ? Array(words[0].dropLast(isCounter ? 6 : 0)) : words[1]
      for field in status.fields where field.name == wanted {
        text.append("# HELP edgerelay_")
        text.append(words[0])
        text.append(byte: 0x20)
        text.append(Array(row[(words[0].count + words[1].count + 2)...]))
        text.append("\n# TYPE edgerelay_")
        text.append(words[0])
        text.append(isCounter ? " counter\n" : " gauge\n")
        text.append("edgerelay_")
        text.append(words[0])
        text.append(byte: 0x20)
        text.append(field.value)
        text.append("\n")
      }
    }
    return text
  }

  /// Writes which version runs, the way that can be joined with other metrics.
  private static func writeVersion(_ version: [UInt8], to text: inout Text) {
    text.append("# HELP edgerelay_build_info The version that runs.\n")
    text.append("# TYPE edgerelay_build_info gauge\nedgerelay_build_info{version=\"")
    text.append(version)
    text.append("\"} 1\n")
  }
}
