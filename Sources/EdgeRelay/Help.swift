// What `--help` prints.

/// Help texts.
enum Help {
  static var general: Text {
    Text(
      """
      usage: edgerelay COMMAND [OPTIONS]

      A store-and-forward relay for GPS trackers: answers devices at once, keeps their frames on
      disk until the platform has them, and forwards each device over a TCP session of its own.

        run             run the relay
        demo            show it at work: relay, platform and trackers on this machine
        inspect         explain captured bytes: protocol, frames, identity, answers
        protocols       list what the relay speaks
        status          how the running relay stands
        metrics         the same for Prometheus
        devices         the devices it knows, and how each stands
        ledger          what became of their frames
        unknown         who sends what it does not understand, and what
        tail            frames as they pass
        send            send a command to a device
        park            hold back what a device sends; resume: no longer
        drop            give up what waits of a device
        reload          have the running relay read its configuration again
        dump            all of this as one JSON object, for a report of a fault
        spool           what stands in a spool, live or copied; read only
        check-config    check the configuration, or show what holds and where it comes from
        default-config  print a configuration file with every key and its default
        version         print the version

      'edgerelay COMMAND --help' says more.

      """)
  }

  static var protocols: Text {
    Text(
      """
      usage: edgerelay protocols

      Lists the protocols that the relay recognises: what they are called, under which names their
      devices are sold, where the identity stands, how much is answered, and what is not done.

      """)
  }

  static var run: Text {
    Text(
      """
      usage: edgerelay run [--config FILE] [OPTIONS]

        --config FILE          the configuration; *.toml in conf.d beside it come after it (default:
                               /etc/edgerelay/edgerelay.toml, if it exists and there is no --upstream)
        --upstream HOST:PORT   the platform to forward to
        --listen ADDRESS:PORT  where devices connect, TCP and UDP alike; may be repeated
                               (default: port 8888 on every address, IPv4 and IPv6)
        --spool DIRECTORY      where frames are kept (default: /var/lib/edgerelay)
        --spool-size SIZE      the most it may take: 4M to 16G (default: 256M); an existing
                               spool is never made smaller
        --when-full POLICY     drop-oldest: give up the oldest frames (default)
                               refuse: take and answer no new ones
        --replies [WHO=]POLICY minimal: answer what the protocol owes
                               generous: answer also what is optional
                               WHO: a protocol or a device; may be repeated (default: what
                               docs/PROTOCOLS.md recommends for each protocol)
        --pass-unknown         pass connections that speak nothing known on as they are, unstored
                               and unanswered, instead of closing them
        --quiet                log warnings and errors only

      Options come before the environment (EDGERELAY_UPSTREAM__MAIN__ADDRESS=...), and that before the
      files. TERM stops the relay after what was received is stored and answered; HUP reads the
      configuration again.
      Exit codes: 0 stopped, 1 failed, 64 usage, 69 port taken, 71 system error, 73 spool directory not
      usable, 75 spool in use by another instance, 78 configuration not usable.

      """)
  }

  static var ask: Text {
    Text(
      """
      usage: edgerelay status|unknown|dump [OPTIONS]
             edgerelay metrics [--write FILE] [OPTIONS]
             edgerelay devices [--sort ORDER] [--waiting] [--protocol NAME] [DEVICE] [OPTIONS]
             edgerelay ledger [--protocol NAME] [DEVICE] [OPTIONS]

      Asks the relay that runs on a spool: on the one that FILE (default:
      /etc/edgerelay/edgerelay.toml) names, or on DIRECTORY.

        status    devices, sessions, frames waiting, and what has happened since its start
        metrics   the same figures as Prometheus reads them, for node exporter's textfile collector
        devices   a line for each device: protocol, address, seconds since its last frame, frames
                  waiting, the age of the oldest of them, its session with the platform, failures
                  in a row; frames received and delivered since the ledger is kept, given up ever
        ledger    what became of every frame, for each device and for all: received = delivered +
                  held + given up, by reason, over restarts; that it is so is checked
        unknown   the latest addresses that sent what no protocol understands: how often, which
                  protocols come nearest, and how it begins
        dump      configuration in force, status, devices, ledger and unknown as one JSON object

        --json             one object, or one a line
        --write FILE       put the metrics in the place of FILE at once
        --config FILE      the configuration that names the spool
        --spool DIRECTORY  the spool
        --sort ORDER       name; backlog: most waiting first; last: who has sent last first;
                           oldest: whose oldest frame waits longest first (default: who came first)
        --waiting          only devices with frames that wait
        --protocol NAME    only devices that speak it; 'edgerelay protocols' lists the names

      Exit codes: 0 answered, 1 the ledger is not even, 67 no such device, 69 no relay is at work
      there, 78 configuration not usable.

      """)
  }

  static var act: Text {
    Text(
      """
      usage: edgerelay send [--hex] [--wait SECONDS] DEVICE COMMAND [OPTIONS]
             edgerelay park|resume DEVICE [OPTIONS]
             edgerelay drop --yes DEVICE [OPTIONS]
             edgerelay tail [DEVICE] [OPTIONS]
             edgerelay reload [OPTIONS]

      Has the relay that runs on a spool do something; for root and the user that it runs as.

        send      hands COMMAND to the device as it is, in one write: text, or bytes in hex with --hex
                  or 0x before it. If the device cannot be reached, it waits a minute at most for its
                  next frame, as the platform's commands do
        park      sends nothing of the device to the platform; its frames are kept and answered. A
                  restart does not change that
        resume    ends that
        drop      gives up what waits of the device; counted as dropped by the operator
        tail      prints what devices send and are sent, a line each, until it is stopped: time (with
                  + seconds since the relay's start, while its clock is not believed), direction,
                  device, protocol, kind, class of answer (see inspect), bytes in hex
        reload    as HUP does, and says what came of it, and which keys were not understood

        --wait SECONDS     until it is known what becomes of a command that waits
        --protocol NAME    where devices of several protocols have the same name
        --json             an object for each line
        --config FILE      the configuration that names the spool
        --spool DIRECTORY  the spool

      Exit codes: 0 done, 1 not done, 64 usage, 67 no such device, 69 no relay is at work there, 75 the
      command still waits, 77 not for this user, 78 configuration not usable.

      """)
  }

  static var spool: Text {
    Text(
      """
      usage: edgerelay spool [--verify | --dump DEVICE [--all]] [--json] DIRECTORY

      Looks at a spool: its segments, its devices and what waits for each, what was lost and why, and
      damage. It only reads, needs no lock, and may be used while a relay is at work there.

        --verify       read everything, also what was delivered, and check every checksum
        --dump DEVICE  write the frames that wait for the platform, each a line of hex
        --all          also those that were delivered and not written over yet
        --json         an object a line

      Exit codes: 0 sound, 1 damage or loss by damage, 64 usage, 65 no spool that this version can read,
      66 no such directory, or not readable.

      """)
  }

  static var checkConfig: Text {
    Text(
      """
      usage: edgerelay check-config [--show] [--strict] [FILE]

      Reads FILE (default: /etc/edgerelay/edgerelay.toml), conf.d/*.toml beside it and the environment,
      as 'run' would, and says what is wrong and where. Nothing else is touched.

        --show     print what holds, and for every value where it comes from
        --strict   unknown keys and tables are mistakes, not warnings

      Exit codes: 0 good, 78 not.

      """)
  }

  static var defaultConfig: Text {
    Text(
      """
      usage: edgerelay default-config

      Prints a configuration file with every key, its default and what it does, as comments.

      """)
  }

  static var inspect: Text {
    Text(
      """
      usage: edgerelay inspect [--tcp|--udp] [--json] [--replies POLICY] [HEX ... | FILE | -]

      Runs the relay's own detection over captured bytes and prints, for every frame, protocol,
      identity, class and the answer owed. FILE (or standard input, with -) is told by its content:

        pcap, pcapng      every flow: who speaks to whom, the frames, the server's answer beside
                          ours, commands, and how much is odd or was not captured
        JSON lines        "frames" of one connection a line, hex; with "family", "identity" and
                          "server_replies" it is said whether these are what we say
        hex text          one stream, or with --udp each line one datagram; HEX words likewise
        anything else     raw bytes

        --file FILE       a FILE whose name may look like hex
        --json            one object a line: offset, length, protocol, confidence, kind, identity,
                          class, replay, answer, notes; skipped bytes are objects too. For captures
                          also flow, server, agreement, from; and one object a flow with its counts
        --replies [WHO=]POLICY  as for run

      Bytes that no protocol takes are shown with the protocols that came nearest and where they
      stopped. A damaged file is read as far as it goes; exit code 65 if that is nowhere.

      Classes: R owed, O optional, N never answered, L answered with the time, U only the platform
      can answer. Replay: F kept, H opens a session, X expires, B block of a transfer.

      """)
  }
}
