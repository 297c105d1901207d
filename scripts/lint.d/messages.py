#!/usr/bin/env python3
"""Prints the program's messages that docs/troubleshooting.md does not explain.

A message is the text of an exception, or of a logged warning or error. The text that is
compared is its longest piece without placeholders. With --list, prints all messages.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
STARTS = re.compile(r"\b(?:\w*Error|spdlog::(?:info|warn|error)|output::warn)(?=\s*\()")
LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
# Errors that only a bug in the program or the server can cause.
INTERNAL = [
    "the server sent",
    "the statement returns no column",
    "did not start COPY for",
    "as the integer",
    "out of memory",
]


def without_comments(code):
    return re.sub(r"(?m)^\s*//.*|\s//[^\"\n]*$", "", code)


def call(code, start):
    """The text from an opening bracket to the matching one."""
    depth = 0
    position = start
    while position < len(code):
        literal = LITERAL.match(code, position)
        if literal:
            position = literal.end()
            continue
        depth += {"(": 1, ")": -1}.get(code[position], 0)
        position += 1
        if depth == 0:
            break
    return code[start:position]


def texts(code):
    """The string literals; adjacent ones are joined."""
    joined = re.sub(r'"\s*\n\s*"', "", code)
    for literal in LITERAL.findall(joined):
        yield literal.replace('\\"', '"').replace("\\n", "\n")


def messages():
    for path in sorted((ROOT / "src").glob("**/*.[ch]pp")):
        code = without_comments(path.read_text(encoding="utf-8"))
        for start in STARTS.finditer(code):
            for text in texts(call(code, code.index("(", start.end()))):
                yield path.relative_to(ROOT), text


def pieces(text):
    return [piece.strip(" ,;:.()'\"\n") for piece in re.split(r"\{[^}]*\}|\n", text)]


def main():
    described = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    # Messages are inline code there.
    described = re.sub(r"(?s)```.*?```", "", described)
    described = re.sub(r"\s+", " ", "\n".join(re.findall(r"`([^`]+)`", described)))
    missing = []
    for path, text in messages():
        piece = max(pieces(text), key=len)
        # A single word is a part of a message, not a message.
        if " " not in piece or any(piece.startswith(start) for start in INTERNAL):
            continue
        if "--list" in sys.argv[1:]:
            print(f"{path}: {text!r}")
        elif piece not in described:
            missing.append(f"{path}: {piece}")
    if missing:
        print("docs/troubleshooting.md does not explain:", *missing, sep="\n  ")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
