"""The two servers of scripts/servers, their databases, and proxies in front of them."""

import contextlib
import os
import shlex
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from environment import servers_of
from machine import Failed
from processes import Children

# Users have the first two on, but scripts/servers turns them off. Autovacuum would begin at random
# times, and would change what is measured after a run. WAL files are kept for the next run, because
# creating new ones takes time, and not the same time in each run.
SETTINGS = {"fsync": "on", "full_page_writes": "on", "autovacuum": "off", "min_wal_size": "4GB"}

TICKS = os.sysconf("SC_CLK_TCK")


def with_database(uri, database):
    return urlsplit(uri)._replace(path=f"/{database}").geturl()


def process_stat(pid):
    """The fields of /proc/PID/stat after the name: state, parent, ..."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def live_children(parent):
    """Processes and their stat."""
    children = {}
    for entry in os.listdir("/proc"):
        # Other processes come and go.
        with contextlib.suppress(OSError):
            if entry.isdigit() and (stat := process_stat(entry))[1] == str(parent):
                children[entry] = stat
    return children


def tree_cpu_seconds(parent):
    """What a postmaster and its children, including ended ones, have used."""
    while True:
        before = process_stat(parent)[11:15]
        ticks = sum(int(stat[11]) + int(stat[12]) for stat in live_children(parent).values())
        # A child that is reaped meanwhile would be counted twice, or not at all.
        if process_stat(parent)[11:15] == before:
            return (ticks + sum(map(int, before))) / TICKS


@dataclass
class Server:
    name: str
    uri: str
    psql_words: list
    children: Children
    postmaster: int = field(init=False)

    def __post_init__(self):
        child = self.sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'")
        self.postmaster = int(process_stat(child)[1])

    def psql(self, uri, *arguments):
        """The words that run psql."""
        return [*self.psql_words, "--no-psqlrc", "--quiet", "--tuples-only", "--no-align",
                "--set=ON_ERROR_STOP=1", f"--dbname={uri}", *arguments]

    def sql(self, statement, database="postgres"):
        uri = with_database(self.uri, database)
        return self.children.run(self.psql(uri, f"--command={statement}"))

    def script(self, path, database, **variables):
        arguments = [f"--set={name}={value}" for name, value in variables.items()]
        with open(path) as script:
            uri = with_database(self.uri, database)
            return self.children.run(self.psql(uri, *arguments), stdin=script)

    def create_database(self, name, template):
        self.sql(f"CREATE DATABASE {name} TEMPLATE {template}")

    def drop_database(self, name):
        self.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def cpu_seconds(self):
        return tree_cpu_seconds(self.postmaster)

    def wal_bytes(self):
        return int(self.sql("SELECT pg_current_wal_insert_lsn() - '0/0'"))

    @contextlib.contextmanager
    def settings(self):
        try:
            for name, value in SETTINGS.items():
                self.sql(f"ALTER SYSTEM SET {name} = '{value}'")
            self.reload()
            yield
        finally:
            for name in SETTINGS:
                self.sql(f"ALTER SYSTEM RESET {name}")
            self.sql("SELECT pg_reload_conf()")

    def reload(self):
        """Reloads the configuration, and waits until it is in effect."""
        self.sql("SELECT pg_reload_conf()")
        deadline = time.monotonic() + 10
        while any(self.sql(f"SHOW {name}") != value for name, value in SETTINGS.items()):
            if time.monotonic() > deadline:
                raise Failed(f"the {self.name} does not take {SETTINGS}")
            time.sleep(0.05)


class Servers:
    """Source and target, which are started, and stopped at the end, unless they were up."""

    def __init__(self, choice, children):
        self.choice = choice
        self.children = children
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            environment = stack.enter_context(servers_of(self.choice))
            self.version = environment["BACKFILL_TIMESCALEDB_VERSION"]
            self.edition = environment["BACKFILL_TIMESCALEDB_EDITION"]
            self.psql_words = shlex.split(environment["BACKFILL_PSQL"])
            self.pg_dump_words = shlex.split(environment["BACKFILL_PG_DUMP"])
            self.source, self.target = (
                Server(name, environment[f"BACKFILL_{name.upper()}"], self.psql_words,
                       self.children) for name in ("source", "target"))
            for server in self.both:
                stack.enter_context(server.settings())
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *error):
        return self.stack.__exit__(*error)

    @property
    def both(self):
        return self.source, self.target

    def checkpoint(self):
        for server in self.both:
            server.sql("CHECKPOINT")

    @contextlib.contextmanager
    def client_programs(self):
        """A folder of scripts that run the servers' pg_dump, pg_dumpall and psql."""
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            for name, words in (("psql", self.psql_words), ("pg_dump", self.pg_dump_words),
                                ("pg_dumpall", self.pg_dump_words)):
                script = Path(folder, name)
                script.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
                script.chmod(0o755)
            yield folder

    def clone_schema(self, source_database, target_database):
        """Clones as TimescaleDB's documentation says, which leaves empty chunks in the target
        (tests/support/migration.cpp)."""
        before = "SELECT public.timescaledb_pre_restore();\n"
        after = "SELECT public.timescaledb_post_restore();\n"
        dump = self.children.run(
            [*self.pg_dump_words, f"--dbname={with_database(self.source.uri, source_database)}",
             "--quote-all-identifiers", "--no-owner", "--no-privileges", "--no-tablespaces",
             "--exclude-table-data=_timescaledb_internal.*"])
        # One psql, so that the settings of pre_restore apply to the dump's statements.
        restore = self.children.start(
            self.target.psql(with_database(self.target.uri, target_database)),
            stdin=subprocess.PIPE)
        with contextlib.suppress(BrokenPipeError):
            restore.process.stdin.write(f"{before}{dump}\n{after}".encode())
            restore.process.stdin.close()
        self.children.finish(restore)


class Proxy:
    """The tests' proxy in front of a server, for as long as the block lasts."""

    def __init__(self, program, server, delay_microseconds, children):
        place = urlsplit(server.uri)
        self.children = children
        self.child = children.start(
            [str(program), place.hostname, str(place.port), str(delay_microseconds)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        port = self.child.process.stdout.readline().strip()
        authority = place.netloc.rpartition("@")[0] + f"@127.0.0.1:{port}"
        self.uri = place._replace(netloc=authority).geturl()

    def __enter__(self):
        return self

    def __exit__(self, error, *_):
        self.child.process.stdin.close()
        # After an error, it may have been killed with the others.
        with contextlib.suppress(*[Failed] if error else []):
            self.children.finish(self.child)

    def round_trips(self):
        self.child.process.stdin.write("\n")
        self.child.process.stdin.flush()
        return int(self.child.process.stdout.readline())
