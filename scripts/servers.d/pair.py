"""Two throw-away servers of a flavour, "source" and "target"."""

import contextlib
import fcntl
import os
import pwd
import random
import secrets
import socket
import subprocess
import tempfile
import time
import zlib
from pathlib import Path

from flavours import CACHE, say
from machine import (Failed, as_root, delete_tree, is_root, read_with_rights, rights_to, run)

SERVERS = CACHE / "servers"

# The memory that must be free to keep data in memory: for a few dozen databases of tests at a time,
# and for WAL.
MEMORY = 4 << 30

CONFIGURATION = """
# scripts/servers
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 400
shared_buffers = 256MB
max_wal_size = {wal}
max_worker_processes = 64
max_locks_per_transaction = 512
dynamic_shared_memory_type = {shared}
# The data need not survive a crash of the machine.
fsync = off
full_page_writes = off
logging_collector = off
log_line_prefix = '%m [%p] %d %a '
log_timezone = 'UTC'
timezone = 'UTC'
shared_preload_libraries = 'timescaledb'
timescaledb.telemetry_level = off
# No job launcher: schedulers keep databases busy, which makes CREATE DATABASE ... TEMPLATE
# fail, and jobs would change what tests check. Jobs can still be run by hand.
timescaledb.max_background_workers = 0
"""

# From PostgreSQL 16 on. Each connection computes the iterations, 4096 by default. A random password
# needs only one.
CHEAP_PASSWORDS = "scram_iterations = 1\n"


@contextlib.contextmanager
def locked():
    """Prevents two runs of this script from working at the same time."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another run of scripts/servers")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def free_port():
    """A free port below the system's ephemeral ports."""
    while True:
        port = random.randrange(20000, 30000)
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) != 0:
                return port


def server_process(folder):
    """The process of the server in a data folder, if there is one. The process must have this working
    directory, because another process may have got its number."""
    pid = read_with_rights(["head", "-n", "1"], f"{folder}/postmaster.pid")
    place = pid and read_with_rights(["readlink"], f"/proc/{pid}/cwd")
    return pid if place and place == read_with_rights(["readlink", "-f"], folder) else None


def stop_server(folder):
    """Shuts down immediately, as in a crash. The data is deleted afterwards, or a crash is wanted."""
    pid = server_process(folder)
    if pid:
        run([*rights_to(f"/proc/{pid}"), "kill", "-QUIT", pid])
        while server_process(folder):
            time.sleep(0.02)


def remove_servers(state):
    """Stops the servers of a state folder, even if they are not set up completely, and deletes their
    files."""
    with contextlib.suppress(FileNotFoundError):
        if data := (state / "data").read_text().strip():
            for one in ("seed", "source", "target"):
                stop_server(f"{data}/{one}")
            delete_tree(data)
    delete_tree(state)


def enough_memory():
    available = next(int(line.split()[1]) for line in Path("/proc/meminfo").open()
                     if line.startswith("MemAvailable:"))
    return available * 1024 >= MEMORY


def folder_in_memory():
    """A folder in memory that any user may use, if there is one with enough space."""
    with contextlib.suppress(OSError):
        room = os.statvfs("/dev/shm")
        if room.f_bavail * room.f_frsize >= MEMORY and os.access("/dev/shm", os.W_OK):
            return "/dev/shm"
    return None


class Pair:
    """Paths are those outside of the flavour's root, except where a comment says otherwise."""

    def __init__(self, flavour, in_memory=False):
        """in_memory: keep new data in memory, if there is enough."""
        self.flavour = flavour
        self.in_memory = in_memory and enough_memory()
        self.state = SERVERS / flavour.name
        self.data = None
        self.ports = {}  # by "source" and "target"
        self.password = None

    def exists(self):
        """True also if the servers are not set up completely, or have crashed."""
        return self.state.exists()

    def is_running(self):
        """True if both servers run and were set up completely."""
        try:
            self.data = (self.state / "data").read_text().strip()
            source, target, self.password = (self.state / "ready").read_text().split()
        except (FileNotFoundError, ValueError):
            return False
        self.ports = {"source": source, "target": target}
        return all(server_process(f"{self.data}/{one}") for one in self.ports)

    def uri(self, server, database="postgres"):
        return f"postgresql://postgres:{self.password}@127.0.0.1:{self.ports[server]}/{database}"

    def up(self):
        if self.is_running():
            say(f"{self.flavour.title} is up already")
            return
        # Remove what a killed run or a reboot has left.
        remove_servers(self.state)
        say(f"starting source and target with {self.flavour.title}")
        try:
            self.make_data_folder()
            self.password = secrets.token_hex(16)
            self.make_seed()
            for one in ("source", "target"):
                self.flavour.as_server("cp", "-a", self.inside("seed"), self.inside(one))
                self.ports[one] = self.start(one)
            new = self.state / "ready.new"
            new.touch(mode=0o600)
            new.write_text(f"{self.ports['source']} {self.ports['target']} {self.password}\n")
            new.rename(self.state / "ready")
        except BaseException:
            remove_servers(self.state)
            raise
        say("source is on 127.0.0.1:{source}, target on 127.0.0.1:{target}".format(**self.ports))

    def down(self):
        say(f"stopping {self.flavour.title}")
        remove_servers(self.state)

    def crash(self):
        """Crashes both, and starts them again on the same ports."""
        for one in self.ports:
            stop_server(f"{self.data}/{one}")
        for one, port in self.ports.items():
            if not self.start_on(port, one):
                self.fail_to_start(one)

    def inside(self, name):
        """The path of a data folder within the flavour's root, for the servers."""
        return f"{self.data.removeprefix(self.flavour.top)}/{name}"

    def make_data_folder(self):
        """Makes the folder where the servers' user has access: user postgres has none to root's
        home."""
        self.state.mkdir(parents=True)
        self.state.chmod(0o700)
        note = self.state / "data"
        top = self.flavour.top
        if top:
            # Several caches may share a root through symbolic links. Each has its own servers.
            self.data = (f"{top}/var/lib/timescaledb-backfill/{self.flavour.name}-"
                         f"{zlib.crc32(str(CACHE).encode())}")
            note.write_text(self.data)
            as_root("mkdir", "-p", os.path.dirname(self.data))
            as_root("mkdir", "-p", self.data)
            if self.in_memory:
                # Some containers are not allowed to mount.
                with contextlib.suppress(Failed):
                    as_root("mount", "-t", "tmpfs", "timescaledb-backfill", self.data,
                            stderr=subprocess.DEVNULL)
            as_root("chroot", top, "install", "-d", "-m", "700", "-o", "postgres", "-g", "postgres",
                    self.data.removeprefix(top))
        elif is_root():
            try:
                user = pwd.getpwnam("postgres")
            except KeyError:
                raise Failed("servers do not run as root, and there is no user postgres") from None
            folder = self.in_memory and folder_in_memory() or "/var/tmp"
            self.data = tempfile.mkdtemp(prefix="timescaledb-backfill.", dir=folder)
            note.write_text(self.data)
            os.chown(self.data, user.pw_uid, user.pw_gid)
        else:
            folder = self.in_memory and folder_in_memory() or self.state
            self.data = tempfile.mkdtemp(prefix="timescaledb-backfill.", dir=folder)
            note.write_text(self.data)

    def make_seed(self):
        """Makes the data folder of which those of all servers are copies, including the servers that
        tests start (tests/support/temporary_server.cpp)."""
        flavour, folder = self.flavour, self.inside("seed")
        # Only the servers' user has access to the parent folder.
        flavour.as_server("tee", f"{folder}.password", stdin=None, input=self.password,
                          stdout=subprocess.DEVNULL)
        flavour.as_server(f"{flavour.programs}/initdb", f"--pgdata={folder}",
                          "--username=postgres", f"--pwfile={folder}.password",
                          "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8",
                          "--no-sync", stdout=subprocess.DEVNULL)
        # A Debian root may have no /dev/shm.
        shared = flavour.as_server("sh", "-c", "test -w /dev/shm && echo posix || echo mmap",
                                   stdout=subprocess.PIPE).strip()
        configuration = CONFIGURATION.format(shared=shared,
                                             wal="512MB" if self.in_memory else "4GB")
        if flavour.postgres >= 16:
            configuration += CHEAP_PASSWORDS
        flavour.as_server("tee", "-a", f"{folder}/postgresql.conf", stdin=None,
                          input=configuration, stdout=subprocess.DEVNULL)
        self.ports["seed"] = self.start("seed")
        # Set the password again, because initdb used the default number of iterations.
        self.sql("seed", "postgres", f"ALTER ROLE postgres PASSWORD '{self.password}'")
        self.sql("seed", "postgres", "CREATE DATABASE template_backfill")
        self.sql("seed", "template_backfill", "SET client_min_messages = error",
                 f"CREATE EXTENSION timescaledb VERSION '{flavour.version}'")
        self.sql("seed", "postgres", "ALTER DATABASE template_backfill WITH IS_TEMPLATE true "
                 "ALLOW_CONNECTIONS false")
        flavour.as_server(f"{flavour.programs}/pg_ctl", "stop", f"--pgdata={folder}",
                          "--mode=fast", "--silent")
        del self.ports["seed"]

    def sql(self, server, database, *statements):
        run([*self.flavour.client_words("psql"), "--no-psqlrc", "--quiet", "--tuples-only",
             "--no-align", "--set=ON_ERROR_STOP=1", f"--dbname={self.uri(server, database)}",
             *(f"--command={statement}" for statement in statements)])

    def start_on(self, port, server):
        folder = self.inside(server)
        try:
            self.flavour.as_server(
                f"{self.flavour.programs}/pg_ctl", "start", f"--pgdata={folder}",
                f"--log={folder}.log", "--wait", "--timeout=60", "--silent", f"--options=-p {port}",
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except Failed:
            return False
        return True

    def start(self, server):
        """Returns the port."""
        for _ in range(3):
            port = free_port()
            if self.start_on(port, server):
                return str(port)
            # Another process may have taken the port meanwhile.
            if "could not bind" not in self.end_of_log(server, 1000):
                break
        self.fail_to_start(server)

    def end_of_log(self, server, lines):
        return self.flavour.as_server("tail", "-n", str(lines), f"{self.inside(server)}.log",
                                      stdout=subprocess.PIPE)

    def fail_to_start(self, server):
        raise Failed(f"{server} did not start\n{self.end_of_log(server, 5)}")
