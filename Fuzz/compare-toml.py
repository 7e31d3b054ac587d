#!/usr/bin/env python3
"""Compares what the configuration's reader accepted with what Python's TOML reader makes of it.

Reads the lines that Fuzz/Configuration.swift prints with EDGERELAY_FUZZ_LIST."""
import sys
import tomllib


def text(word):
    return bytes.fromhex(word).decode()


def read(words):
    """The tables of a line, as tomllib would have them."""
    root = {}
    table = root
    for word in words:
        if word.startswith("["):
            first, second = word[1:-1].split(".")
            table = root.setdefault(text(first), {})
            if second != "-":
                table = table.setdefault(text(second), {})
        else:
            key, value = word.split("=")
            form, value = value.split(":")
            value = text(value)
            table[text(key)] = {
                "string": str, "list": lambda words: words.split(" ") if words else [], "integer": int, "boolean": lambda word: word == "true"
            }[form](value)
    return root


def same(ours, theirs):
    if isinstance(ours, dict):
        return isinstance(theirs, dict) and ours.keys() == theirs.keys() and all(
            same(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, list):
        return isinstance(theirs, list) and ours == theirs
    return type(ours) is type(theirs) and ours == theirs


def main():
    count = 0
    for line in sys.stdin:
        if not line.startswith("accepted:"):
            continue
        file, *words = line.rstrip("\n").removeprefix("accepted:").split(" ")
        theirs = tomllib.loads(text(file))
        if not same(read(words), theirs):
            sys.exit(f"{text(file)!r} is read as {read(words)}, elsewhere as {theirs}")
        count += 1
    print(f"{count} accepted files mean the same elsewhere")


main()
