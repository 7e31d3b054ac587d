#!/usr/bin/env python3
"""Writes the frames of the golden corpora as seeds for the fuzzer: seeds.py CORPUS_FOLDER OUT_FOLDER."""
import pathlib
import sys

ORDER = ["gt06", "topin", "gt02", "tk103", "coban", "h02", "jt808", "watch", "v680", "pt", "xexun"]


def value(text):
    if not text.startswith('"'):
        return bytes.fromhex(text)
    return text[1:-1].encode("latin-1").decode("unicode_escape").encode("latin-1")


def main():
    corpus, out = map(pathlib.Path, sys.argv[1:3])
    out.mkdir(parents=True, exist_ok=True)
    for file in sorted(corpus.glob("*.txt")):
        selector = ORDER.index(file.stem)
        for number, case in enumerate(file.read_text().split("\n\n")):
            up = down = b""
            for line in case.splitlines():
                mark, _, rest = line.partition(" ")
                if mark in ("<", "~", "?") and rest:
                    up += value(rest)
                if mark == "v":
                    down += value(rest)
            for kind, data in (("up", up), ("down", down)):
                if data:
                    name = f"{file.stem}-{number}-{kind}"
                    (out / name).write_bytes(bytes([selector, number % 256]) + data)
                    if kind == "up":
                        (out / f"{name}-unbound").write_bytes(bytes([len(ORDER), number % 256]) + data)


main()
