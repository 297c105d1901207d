"""The commands of scripts/servers."""

import argparse
import os
import shlex
import signal
import sys

from environment import given, named_pair, pair_that, running_pair, variables
from flavours import CACHE, CHOICE, all_flavours, flavour_to_start, say
from machine import Failed, prepare_environment
from pair import SERVERS, Pair, locked, remove_servers

DESCRIPTION = """\
Two throw-away PostgreSQL servers with TimescaleDB, "source" and "target", on loopback only.

  up       start both on free ports, unless they run
  env      print their environment variables, for:  eval "$(scripts/servers env)"
  down     stop both and delete their data; with --all, those of every flavour
  restart  crash both (immediate shutdown), and start them again on the same ports
  list     print the available flavours, best first: edition, version, PostgreSQL, place

CHOICE is one of
  auto   the first one of the list, or trixie if it is empty (the default);
         env, down and restart use the one that is up if the first one is not
  trixie, sid
         the Apache edition of that Debian release; downloaded if missing (about 700 MB)
  X.Y.Z  that version, preferably its Community edition
  A:B    both; env prints the source of A and the target of B"""

EPILOG = """\
Each server has the user postgres, a superuser, and the database template_backfill with the
extension, to create databases from: CREATE DATABASE x TEMPLATE template_backfill.

environment:
  BACKFILL_SOURCE, BACKFILL_TARGET  your own servers; up and down do not touch them,
                                    and restart still applies to this script's servers;
                                    if they name servers of this script, down stops those
  BACKFILL_DEBIAN_MIRROR            a mirror for Debian packages (default: debootstrap's)
  XDG_CACHE_HOME                    everything is in its folder timescaledb-backfill (~/.cache)
"""


def parse_arguments():
    parser = argparse.ArgumentParser(prog="scripts/servers", description=DESCRIPTION, epilog=EPILOG,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["up", "down", "env", "restart", "list"])
    parser.add_argument("--timescaledb", metavar="CHOICE", default="auto", help="see above")
    parser.add_argument("--in-memory", action="store_true", help=(
        "keep the data in memory, if 4 GB are free: tests make many small databases, which is slow "
        "on disks"))
    parser.add_argument("--all", action="store_true", help="stop those of every flavour")
    arguments = parser.parse_args()
    if not CHOICE.fullmatch(arguments.timescaledb):
        parser.error("--timescaledb takes auto, trixie, sid or a version such as 2.19.3, or two, "
                     f"not '{arguments.timescaledb}'")
    if arguments.all and arguments.command != "down":
        parser.error("--all goes with down only")
    if arguments.in_memory and arguments.command != "up":
        parser.error("--in-memory goes with up only")
    if arguments.command != "restart" and not given() and (
            os.environ.get("BACKFILL_SOURCE") or os.environ.get("BACKFILL_TARGET")):
        parser.error("set both BACKFILL_SOURCE and BACKFILL_TARGET, or neither")
    return arguments


def stop_all():
    for state in sorted(SERVERS.glob("*/")):
        say(f"stopping {state.name}")
        remove_servers(state)


def stop(choice):
    pair = named_pair() if given() else pair_that(Pair.exists, choice)
    if pair:
        pair.down()
    elif given():
        say("BACKFILL_SOURCE and BACKFILL_TARGET name other servers, which are left alone; unset both "
            "to stop those that this script has started")
    else:
        say("nothing to stop")


def run_command(command, choice, arguments):
    if command == "list":
        print(*all_flavours(), sep="\n")
    elif command == "env":
        for name, value in variables(choice).items():
            print(f"export {name}={shlex.quote(value)}")
    elif command == "up" and given():
        say("using the servers that BACKFILL_SOURCE and BACKFILL_TARGET name; unset both to start "
            "others")
    else:
        with locked():
            if arguments.all:
                stop_all()
                return
            for one in choice.split(":"):
                if command == "up":
                    Pair(flavour_to_start(one), arguments.in_memory).up()
                elif command == "restart":
                    running_pair(one).crash()
                else:
                    stop(one)


def main():
    arguments = parse_arguments()
    # Cleans up as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        # A shell splits commands with these paths at white space.
        if len(str(CACHE).split()) > 1:
            raise Failed(f"the cache folder's path has white space in it: {CACHE}")
        if not given() or arguments.command in ("down", "restart"):
            prepare_environment()
        run_command(arguments.command, arguments.timescaledb, arguments)
    except Failed as failure:
        print(f"scripts/servers: {failure}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


main()
