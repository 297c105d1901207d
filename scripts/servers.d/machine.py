"""Running commands, as root if necessary, and their environment."""

import contextlib
import os
import shutil
import subprocess
from pathlib import Path


class Failed(Exception):
    """Ends the script with its message."""


def prepare_environment():
    # chroot and debootstrap are not in an ordinary user's PATH.
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    os.environ["LC_ALL"] = "C.UTF-8"
    # The caller's settings for other servers must not affect ours.
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]


def is_root():
    return os.geteuid() == 0


def have_root():
    return is_root() or shutil.which("sudo") is not None


def run(words, **options):
    """Runs a command. Returns its output, if that was captured."""
    options = {"stdin": subprocess.DEVNULL, "text": True, "check": True} | options
    try:
        return subprocess.run(words, **options).stdout
    except subprocess.CalledProcessError as error:
        raise Failed(f"{os.path.basename(words[0])} ended with status {error.returncode}") from None
    except OSError as error:
        raise Failed(f"cannot run {words[0]}: {error.strerror}") from None


def rights_to(path):
    """The prefix of a command that gives it access to a file: none for our own files."""
    try:
        owned = os.stat(path, follow_symlinks=False).st_uid == os.geteuid()
    except FileNotFoundError:
        owned = True
    except PermissionError:
        owned = False
    return [] if owned or is_root() else ["sudo"]


def as_root(*words, **options):
    return run([*([] if is_root() else ["sudo"]), *words], **options)


def read_with_rights(words, path):
    """The output of a command on a file that another user may own; empty if it fails."""
    with contextlib.suppress(Failed):
        return run([*rights_to(path), *words, str(path)], stdout=subprocess.PIPE,
                   stderr=subprocess.DEVNULL).rstrip("\n")
    return ""


def delete_tree(path):
    """Deletes a folder that root may own. Unmounts what is mounted in it first, because a debootstrap
    that was killed leaves /proc mounted in its root, and does not cross file systems."""
    if not os.path.lexists(path):
        return
    top = os.path.realpath(path)
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for mount in sorted(mounts, reverse=True):
        if mount == top or mount.startswith(f"{top}/"):
            as_root("umount", mount)
    run([*rights_to(path), "rm", "-rf", "--one-file-system", str(path)])
