// The configuration as it is shipped: every table and key as a comment, with what holds without it.

import Detect

/// The file that `default-config` prints and that packages install.
public enum DefaultFile {
  public static var text: Text {
    var text = Text(
      """
      # EdgeRelay's configuration; edgerelay.toml(5) describes it.
      #
      # Lines without a space behind the # show what holds when they are left as they are, or an
      # example. Own settings are best kept in conf.d/*.toml beside this file, which are read after
      # it in the order of their names, so that an upgrade never has to ask about this file.
      #
      # Check:  edgerelay check-config
      # Apply:  systemctl reload edgerelay

      """)
    for table in Table.allCases {
      text.append("\n")
      comment(table.row.summary, to: &text)
      text.append("#[")
      text.append(table.row.name)
      if !table.row.example.isEmpty {
        text.append(".")
        text.append(table.row.example)
      }
      text.append("]\n")
      for key in Key.allCases where key.row.table == table {
        let row = key.row
        comment(row.summary, to: &text)
        if row.change == .restart { text.append("# Takes effect at the next start.\n") }
        text.append("#")
        text.append(row.name)
        text.append(" = ")
        let shown = row.standard.isEmpty ? row.example : row.standard
        row.kind.write(Text(shown).bytes, to: &text)
        text.append("\n")
      }
    }
    return text
  }

  @inline(never)
  private static func comment(_ lines: Literal, to text: inout Text) {
    text.append("# ")
    for byte in Text(lines).bytes {
      text.append(byte: byte)
      if byte == 0x0A { text.append("# ") }
    }
    text.append("\n")
  }
}
