"""The TimescaleDB versions on this machine. A flavour is an edition and a version of TimescaleDB for
a version of PostgreSQL, installed or in a private Debian root."""

import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from machine import Failed, as_root, delete_tree, have_root, is_root, run

SCRIPTS = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or
             Path(os.environ.get("HOME") or "/var/cache") / ".cache") / "timescaledb-backfill"
ROOTS = CACHE / "roots"

ONE_CHOICE = r"(auto|trixie|sid|[0-9]+\.[0-9]+\.[0-9]+)"
CHOICE = re.compile(f"{ONE_CHOICE}(:{ONE_CHOICE})?")

# The Debian releases that can be downloaded, and the packages to install.
PACKAGES = {
    "trixie": "postgresql-17,postgresql-17-timescaledb",
    "sid": "postgresql-18,postgresql-18-timescaledb",
}


def say(text):
    print(f"servers: {text}", file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Flavour:
    edition: str  # community or apache
    version: str
    postgres: int  # its major version
    place: str  # installed, or root:NAME

    def __str__(self):
        return f"{self.edition} {self.version} postgresql-{self.postgres} {self.place}"

    @property
    def title(self):
        return (f"TimescaleDB {self.version} ({self.edition} edition, postgresql-{self.postgres}, "
                f"{self.place})")

    @property
    def name(self):
        return str(self).replace(" ", "-").replace(":", "-")

    @property
    def root(self):
        """The name of its root, or None."""
        return self.place.partition(":")[2]

    @property
    def top(self):
        """The root of its file system; "" for this machine's."""
        return str(ROOTS / self.root) if self.root else ""

    @property
    def programs(self):
        return f"/usr/lib/postgresql/{self.postgres}/bin"

    @property
    def choice(self):
        """The value of --timescaledb that selects it."""
        own = self.edition == "community" or not self.root
        return self.version if own else self.root

    def chroot(self, *options):
        words = [shutil.which("chroot"), *options, self.top]
        return words if is_root() else ["sudo", *words]

    def server_words(self):
        """The prefix of a command that runs a program in the root, as the servers' user."""
        if self.root:
            return self.chroot("--userspec=postgres")
        if is_root():
            return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
        return []

    def client_words(self, program):
        """The words of a command that runs a client program of this flavour."""
        return [*(self.chroot() if self.root else []), f"{self.programs}/{program}"]

    def as_server(self, *words, **options):
        # That user may not have access to the current directory.
        return run([*self.server_words(), *words], cwd="/", **options)


def flavours_in(top, place):
    """The flavours in a root."""
    scripts = Path(f"{top}/usr/share/postgresql").glob("*/extension/timescaledb--*.sql")
    for script in scripts:
        match = re.search(r"/([0-9]+)/extension/timescaledb--([0-9]+\.[0-9]+\.[0-9]+)\.sql$",
                          str(script))
        if not match:
            continue
        postgres, version = match.groups()
        library = Path(f"{top}/usr/lib/postgresql/{postgres}/lib")
        if ((library / f"timescaledb-{version}.so").exists()
                and os.access(library / "../bin/initdb", os.X_OK)):
            community = (library / f"timescaledb-tsl-{version}.so").exists()
            yield Flavour("community" if community else "apache", version, int(postgres), place)


def all_flavours():
    """All flavours, the best one first."""
    found = list(flavours_in("", "installed"))
    for root in sorted(ROOTS.glob("*/")):
        if root.is_dir() and not root.name.startswith("."):
            found += flavours_in(root, f"root:{root.name}")
    found.sort(key=lambda one: one.place)
    found.sort(reverse=True, key=lambda one: (
        one.edition, [int(part) for part in one.version.split(".")], one.postgres))
    return found


def usable_flavours():
    """The flavours that this user can run: a root needs chroot, which requires root privileges."""
    return [one for one in all_flavours() if have_root() or not one.root]


def flavour_of(choice):
    """The first usable flavour of a choice, or None."""
    return next((one for one in usable_flavours()
                 if choice in ("auto", one.version, one.root)), None)


def flavour_to_start(choice):
    """As flavour_of(), but downloads it if it is missing."""
    found = flavour_of(choice)
    if found:
        return found
    if choice != "auto" and choice not in PACKAGES:
        raise Failed(f"there is no TimescaleDB {choice} here; see scripts/servers list")
    suite = choice if choice in PACKAGES else "trixie"
    fetch_root(suite)
    found = flavour_of(suite)
    if not found:
        raise Failed(f"no TimescaleDB in {ROOTS / suite}")
    return found


def fetch_root(suite):
    new = ROOTS / f".new-{suite}"
    try:
        if not have_root():
            raise Failed("no root")
        as_root("true")
    except Failed:
        raise Failed("no TimescaleDB here, and downloading it requires root or sudo") from None
    run([str(SCRIPTS / "dependencies"), "servers"])
    # Remove what an interrupted run has left.
    delete_tree(new)
    ROOTS.mkdir(parents=True, exist_ok=True)
    as_root("mkdir", "-m", "755", str(new))
    say(f"fetching Debian {suite} with TimescaleDB into {ROOTS / suite} (about a minute, 700 MB)")
    log = CACHE / f"debootstrap-{suite}.log"
    mirror = os.environ.get("BACKFILL_DEBIAN_MIRROR")
    with open(log, "w") as output:
        try:
            as_root("debootstrap", "--variant=minbase", f"--include={PACKAGES[suite]}", suite,
                    str(new), *([mirror] if mirror else []), stdout=output, stderr=output)
        except Failed:
            end = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
            raise Failed(f"debootstrap failed; its output is in {log}\n{end}") from None
    as_root("rm", "-rf", f"{new}/var/cache/apt/archives", f"{new}/var/lib/apt/lists")
    # Only a complete root gets the final name.
    as_root("mv", "-T", str(new), str(ROOTS / suite))
