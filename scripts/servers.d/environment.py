"""The environment variables by which the tests and other scripts find the servers."""

import contextlib
import os
import shlex
import shutil
import subprocess

from flavours import CACHE, SCRIPTS, flavour_of, flavour_to_start, usable_flavours
from machine import Failed, prepare_environment, run
from pair import Pair, locked

SERVER_NAMES = ("source", "target")
CLIENTS = ("pg_dump", "pg_dumpall", "psql")


def given():
    """True if the caller has set both variables to other servers."""
    own = [bool(os.environ.get(f"BACKFILL_{side}")) for side in ("SOURCE", "TARGET")]
    return all(own)


def given_variables():
    """Variables for the caller's servers."""
    programs = {name: os.environ.get(f"BACKFILL_{name.upper()}") or shutil.which(name) or ""
                for name in CLIENTS}

    def ask(statement):
        if not programs["psql"]:
            return ""
        with contextlib.suppress(Failed):
            return run([*shlex.split(programs["psql"]), "--no-psqlrc", "--quiet", "--tuples-only",
                        "--no-align", f"--dbname={os.environ['BACKFILL_SOURCE']}",
                        f"--command={statement}"], stdout=subprocess.PIPE).strip()
        return ""

    return {
        "BACKFILL_SOURCE": os.environ["BACKFILL_SOURCE"],
        "BACKFILL_TARGET": os.environ["BACKFILL_TARGET"],
        "BACKFILL_TIMESCALEDB_VERSION": ask(
            "SELECT extversion FROM pg_extension WHERE extname = 'timescaledb' UNION ALL "
            "SELECT default_version FROM pg_available_extensions WHERE name = 'timescaledb' "
            "LIMIT 1"),
        "BACKFILL_TIMESCALEDB_EDITION": ask(
            "SELECT CASE current_setting('timescaledb.license', true) "
            "WHEN 'timescale' THEN 'community' WHEN 'apache' THEN 'apache' END"),
    } | {f"BACKFILL_{name.upper()}": words for name, words in programs.items()}


def pair_that(condition, choice):
    """The pair that "up" would start, if it satisfies a condition; otherwise, for auto, the only pair
    that does; or None."""
    flavour = flavour_of(choice)
    if not flavour:
        return None
    pair = Pair(flavour)
    if condition(pair):
        return pair
    if choice != "auto":
        return None
    others = [pair for pair in map(Pair, usable_flavours()) if condition(pair)]
    if len(others) > 1:
        raise Failed("several are up: pick one with --timescaledb")
    return others[0] if others else None


def running_pair(choice):
    pair = pair_that(Pair.is_running, choice)
    if not pair:
        raise Failed("no such servers are up; start them with: scripts/servers up")
    return pair


def named_pair():
    """The pair whose servers the caller's variables name, or None if they are other servers."""
    named = [os.environ.get(f"BACKFILL_{side.upper()}") for side in SERVER_NAMES]
    return next((pair for pair in map(Pair, usable_flavours())
                 if pair.is_running() and named == [pair.uri(side) for side in SERVER_NAMES]), None)


def variables(choice):
    """Variables for the source of one flavour and the target of the same or of another one, with the
    client programs of the newer PostgreSQL."""
    if given():
        return given_variables()
    first, _, second = choice.partition(":")
    with locked():
        source, target = running_pair(first), running_pair(second or first)
    clients = max(target.flavour, source.flavour, key=lambda flavour: flavour.postgres)
    choices = source.flavour.choice + (f":{target.flavour.choice}" if second else "")
    is_apache = "apache" in (source.flavour.edition, target.flavour.edition)
    restart = ["env", f"XDG_CACHE_HOME={CACHE.parent}", str(SCRIPTS / "servers"), "restart",
               "--timescaledb", choices]
    return {
        "BACKFILL_SOURCE": source.uri("source"),
        "BACKFILL_TARGET": target.uri("target"),
        "BACKFILL_TIMESCALEDB_VERSION": target.flavour.version,
        "BACKFILL_TIMESCALEDB_EDITION": "apache" if is_apache else "community",
    } | {f"BACKFILL_{name.upper()}": shlex.join(clients.client_words(name)) for name in CLIENTS} | {
        "BACKFILL_RESTART": shlex.join(restart),
        "BACKFILL_AS_SERVER": shlex.join(target.flavour.server_words()),
        "BACKFILL_SERVER_PROGRAMS": target.flavour.programs,
        "BACKFILL_SERVER_SEED": target.inside("seed"),
    }


@contextlib.contextmanager
def servers_of(choice, in_memory=False):
    """The variables of servers, which are started when they are not up, and stopped then in the
    end."""
    prepare_environment()
    started = []
    try:
        try:
            found = variables(choice)
        except Failed:
            for one in choice.split(":"):
                with locked():
                    pair = Pair(flavour_to_start(one), in_memory)
                    if not pair.is_running():
                        # Before it is up, so that nothing is left if this is interrupted.
                        started.append(pair)
                        pair.up()
            found = variables(choice)
        yield found
    finally:
        for pair in started:
            if pair.exists():
                with locked():
                    pair.down()
