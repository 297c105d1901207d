"""Style checks, each by a separate program, all at the same time."""

import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def files(folders, *suffixes):
    return sorted(str(path.relative_to(PROJECT)) for folder in folders
                  for path in (PROJECT / folder).rglob("*") if path.suffix in suffixes)


def with_first_line(pattern):
    """Scripts without a suffix whose first line matches."""
    found = []
    for path in sorted(path for folder in ("scripts", ".ci", "tests/fuzz")
                       for path in (PROJECT / folder).iterdir()):
        if path.is_file():
            with open(path, errors="replace") as file:
                if re.search(pattern, file.readline()):
                    found.append(str(path.relative_to(PROJECT)))
    return found


def checks():
    """Yields the name of each check and its command."""
    yield "C++ format", ["clang-format-14", "--dry-run", "-Werror",
                         *files(["src", "tests", "bench"], ".cpp", ".hpp")]
    yield "shell scripts", ["shellcheck", "-x", "-P", "SCRIPTDIR",
                            *with_first_line(r"^#!.*\b(ba)?sh\b")]
    yield "Python", ["pyflakes3", *with_first_line(r"^#!.*python3"), *files(["scripts"], ".py")]
    yield "messages explained", ["python3", "-B", "scripts/lint.d/messages.py"]
    yield "order of folders", ["python3", "-B", "scripts/lint.d/folders.py"]


def check(item):
    """Returns a line with the result, and whether the check passed."""
    name, words = item
    if not shutil.which(words[0]):
        return f"lint: {name} not checked, there is no {words[0]}", True
    ran = subprocess.run(words, cwd=PROJECT, text=True, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    print(ran.stdout, end="", flush=True)
    well = ran.returncode == 0
    return f"lint: {name} {'passed' if well else 'FAILED'}", well


def lint():
    """Returns a line for each check, and whether all passed."""
    with ThreadPoolExecutor() as pool:
        outcomes = list(pool.map(check, checks()))
    return [line for line, _ in outcomes], all(well for _, well in outcomes)


if __name__ == "__main__":
    lines, passed = lint()
    print("\n".join(lines))
    sys.exit(0 if passed else 1)
