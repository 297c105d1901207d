"""Checks the order of includes between the folders of src, and the size of the folders."""

import re
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
SOURCE = PROJECT / "src"

# A folder may include itself and those before it. docs/design.md has the same order.
ORDER = ("base", "json", "processes", "postgres", "timescale", "csv", "queue", "comparison", "output",
         "load", "run", "jobs", "stage", "status", "completion_point", "copy", "verify", "tables", "check",
         "importing", "refresh", "cloning", "cli", "commands")
LARGEST_SHARE = 0.15  # of all lines in src

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"/]+)/', re.MULTILINE)


def problems(order, files):
    """Yields a line for each problem. files: pairs of a path below src and its text."""
    files = [(path.parts[0], path, text) for path, text in files if len(path.parts) > 1]
    for folder in sorted({folder for folder, _, _ in files} - set(order)):
        yield f"src/{folder} is not in the order of folders in scripts/lint.d/folders.py"
    for folder, path, text in files:
        for included in INCLUDE.findall(text):
            if {folder, included} <= set(order) and order.index(included) > order.index(folder):
                yield f"src/{path} includes src/{included}, which comes after src/{folder}"
    total = sum(text.count("\n") for _, _, text in files)
    for folder in order:
        lines = sum(text.count("\n") for own, _, text in files if own == folder)
        if lines > LARGEST_SHARE * total:
            yield (f"src/{folder} has {lines} of {total} lines, "
                   f"more than {LARGEST_SHARE:.0%}; split it")


def main():
    files = [(path.relative_to(SOURCE), path.read_text()) for path in sorted(SOURCE.rglob("*"))
             if path.suffix in (".cpp", ".hpp")]
    found = list(problems(ORDER, files))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
