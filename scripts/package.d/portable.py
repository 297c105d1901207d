"""Makes the portable executable: the launcher, and after it the program, its libraries and their
loader, as src/launcher.cpp describes. Arguments: the launcher, the program, the result; for another
architecture, also its strip and its emulator."""

import re
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path


def output_of(command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def libraries_of(program, emulator):
    """The loader of a program, and its libraries, by name."""
    headers = output_of(["readelf", "--program-headers", program])
    loader = re.search(r"program interpreter: (\S+)\]", headers).group(1)
    listed = output_of([*emulator, loader, "--list", program])
    return loader, dict(re.findall(r"^\s*(\S+) => (/\S+) \(", listed, re.MULTILINE))


def stripped(path, folder, strip):
    copy = Path(folder) / Path(path).name
    shutil.copyfile(Path(path).resolve(), copy)
    subprocess.run([strip, "--strip-unneeded", copy], check=True)
    return copy.read_bytes()


def main():
    launcher, program, result, *others = sys.argv[1:]
    strip, *emulator = others or ["strip"]
    loader, libraries = libraries_of(program, emulator)
    files = {Path(loader).name: loader, Path(program).name: program} | libraries
    with tempfile.TemporaryDirectory() as folder:
        contents = {name: stripped(path, folder, strip) for name, path in files.items()}
        packed = stripped(launcher, folder, strip)
    table = "".join(f"{name} {len(content)}\n" for name, content in contents.items()).encode()
    packed += b"".join(contents.values()) + table + struct.pack("<Q", len(table)) + b"BACKFILL"
    Path(result).write_bytes(packed)
    Path(result).chmod(0o755)


main()
