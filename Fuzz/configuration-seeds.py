#!/usr/bin/env python3
"""Writes seeds and a dictionary for the configuration's fuzzer: configuration-seeds.py FILE OUT_FOLDER DICTIONARY."""
import pathlib
import re
import sys

file, out, dictionary = map(pathlib.Path, sys.argv[1:4])
out.mkdir(parents=True, exist_ok=True)
# Without the marks of its comments the shipped file sets every key.
text = re.sub(r"(?m)^#(?! )", "", file.read_text())
for number, table in enumerate(re.split(r"(?m)^(?=\[)", text) + [text]):
    (out / f"file-{number}").write_bytes(b"\0" + table.encode())
for number, (table, key, value) in enumerate(re.findall(r"(?m)^\[(.*)\]\n(?:#.*\n)*(\w+) = (.*)", text)):
    name = "__".join(table.replace('"', "").split(".") + [key]).upper()
    (out / f"variable-{number}").write_bytes(f"\1EDGERELAY_{name}={value.strip(chr(34))}".encode())
words = set(re.findall(r"[\w.:/]+", text)) | set('[ ] " \\ = # , . { \' ; -'.split()) | {"[[", '"""', "\\n"}
with dictionary.open("w") as lines:
    for word in sorted(words):
        print('"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"', file=lines)
