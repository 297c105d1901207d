"""Makes the portable executable: the launcher, and after it the program, its libraries and their
loader, as src/launcher.cpp describes. Arguments: the launcher, the program, the result."""

import re
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path


def libraries_of(program):
    """The loader of a program, and its libraries, by name."""
    listed = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    if "not found" in listed:
        sys.exit(f"scripts/package: a library of {program} is missing:\n{listed}")
    loader = re.search(r"^\s*(/\S*/ld-\S+) \(", listed, re.MULTILINE).group(1)
    return loader, dict(re.findall(r"^\s*(\S+) => (/\S+) \(", listed, re.MULTILINE))


def stripped(path, folder):
    copy = Path(folder) / Path(path).name
    shutil.copyfile(Path(path).resolve(), copy)
    subprocess.run(["strip", "--strip-unneeded", copy], check=True)
    return copy.read_bytes()


def main():
    launcher, program, result = sys.argv[1:]
    loader, libraries = libraries_of(program)
    files = {Path(loader).name: loader, Path(program).name: program} | libraries
    with tempfile.TemporaryDirectory() as folder:
        contents = {name: stripped(path, folder) for name, path in files.items()}
        packed = stripped(launcher, folder)
    table = "".join(f"{name} {len(content)}\n" for name, content in contents.items()).encode()
    packed += b"".join(contents.values()) + table + struct.pack("<Q", len(table)) + b"BACKFILL"
    Path(result).write_bytes(packed)
    Path(result).chmod(0o755)


main()
