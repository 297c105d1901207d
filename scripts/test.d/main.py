"""Builds the program, starts servers, and runs the tests with CTest."""

import argparse
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path.append(str(PROJECT / "scripts" / "servers.d"))

from builds import BackgroundBuilds, announce, build  # noqa: E402
from environment import given, given_variables, servers_of  # noqa: E402
from flavours import CHOICE, all_flavours  # noqa: E402
from lint import lint  # noqa: E402
from machine import Failed, run  # noqa: E402
from results import Results, close, read_results  # noqa: E402

DESCRIPTION = """\
Installs what is missing, builds, and runs the unit tests, the fuzzers if clang is available, then
the integration tests on two local servers of each of: the Apache edition of Debian trixie (fetched
if missing), and the newest and the oldest version of the Community edition that scripts/servers
list names. Tests that do not depend on the version run on the best one only, and those that the
Apache edition adds nothing to do not run there (with --timescaledb, all do). Prints the counts and
the reasons of skipped tests at the end; the exit status is 0 if all tests that ran passed."""

EPILOG = """\
If BACKFILL_SOURCE and BACKFILL_TARGET are set, the integration tests run on those servers only.
BACKFILL_TEST_ROUNDS multiplies the rounds of random and stress tests (1). JUnit files are written to
build/PRESET/test-results, and inputs that made a fuzzer fail to build/fuzz/found. CTest runs the
tests: tests/properties.cmake has their labels, and CONTRIBUTING.md explains how to run it by hand."""

# Tests often wait for servers and locks, so several run per processor. More would need more sessions
# than the servers allow.
PROCESSES = str(min(16, 4 * len(os.sched_getaffinity(0))))


def parse_arguments():
    parser = argparse.ArgumentParser(prog="scripts/test", description=DESCRIPTION, epilog=EPILOG,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=["release", "debug", "asan", "tsan"],
                        default="release", help="the build to test (release)")
    parser.add_argument("--timescaledb", metavar="CHOICE", default="", help=(
        "only these servers, see scripts/servers --help; all: those above, versions in between, and "
        "sid; 2.27.2:2.29.2: the source of one flavour and the target of the other"))
    parser.add_argument("--filter", metavar="REGEX", default="", help=(
        "only tests whose Suite.Name matches, as for ctest -R; the fuzzers are the suite Fuzz"))
    parser.add_argument("--quick", action="store_true", help=(
        "only the unit tests and the core of the integration tests, on the best available servers, "
        "or on those of --timescaledb"))
    parser.add_argument("--lint", action="store_true", help="also run scripts/lint")
    parser.add_argument("--fuzz", metavar="SECONDS", type=int, help=(
        "run each fuzzer for this time (5; 0: not at all); installs clang"))
    parser.add_argument("--sanitize", action="store_true", help=(
        "test the program built with sanitizers on the best of these servers, and the release on "
        "the others; the build with sanitizers is that of the fuzzers (preset fuzz) if they run, "
        "otherwise that of the preset asan"))
    arguments = parser.parse_args()
    if arguments.timescaledb not in ("", "all") and not CHOICE.fullmatch(arguments.timescaledb):
        parser.error("--timescaledb takes all, auto, trixie, sid or a version such as 2.19.3, or "
                     f"two, not '{arguments.timescaledb}'")
    try:
        re.compile(arguments.filter)
    except re.error:
        parser.error(f"--filter takes a regular expression, not '{arguments.filter}'")
    if arguments.fuzz is not None and arguments.fuzz < 0:
        parser.error("--fuzz takes seconds from 0 on")
    return arguments


def choices(arguments):
    """The choices of scripts/servers to test on, the best first. None stands for the caller's
    servers."""
    if given():
        return [None]
    choice = arguments.timescaledb
    if choice == "auto" or (arguments.quick and not choice):
        return [best_choice()]
    if choice not in ("", "all"):
        return [choice]
    versions = list(dict.fromkeys(one.version for one in all_flavours()
                                  if one.edition == "community"))
    if not choice:
        versions = versions[:1] + versions[1:][-1:]
    return [*versions, "trixie", *(["sid"] if choice else [])]


def best_choice():
    return next((one.version for one in all_flavours()), "trixie")


class Tests:
    def __init__(self, arguments):
        self.arguments = arguments
        self.results = []

    def ctest(self, title, preset, label, variables=None, processes=PROCESSES, without=()):
        """Runs the tests of a build that have the label `label`, except those with one of the labels
        `without`."""
        announce(title)
        folder = PROJECT / "build" / preset
        report = folder / "test-results" / f"{title.replace(' ', '-')}.xml"
        report.parent.mkdir(exist_ok=True)
        report.unlink(missing_ok=True)
        labels = [label, *(["quick"] if self.arguments.quick else [])]
        ran = subprocess.run(
            ["ctest", "--test-dir", folder, "--output-on-failure", "--no-tests=ignore",
             "--parallel", processes, "--output-junit", report,
             # A test must have all of the labels.
             *(word for one in labels for word in ("--label-regex", f"^{one}$")),
             *(["--label-exclude", f"^({'|'.join(without)})$"] if without else []),
             *(["--tests-regex", self.arguments.filter] if self.arguments.filter else [])],
            env=os.environ | (variables or {}), stdin=subprocess.DEVNULL)
        if report.exists():
            results = read_results(title, report)
        else:
            results = Results(title, failures={"ctest": "it left no report"})
        if ran.returncode != 0 and not results.failures:
            results.failures["ctest"] = f"it ended with status {ran.returncode}"
        if results.passed + results.failed + results.skipped == 0:
            results.note = "no test matches" if self.arguments.filter else "there is none"
        elif results.failed:
            results.note = f"more is in {report.relative_to(PROJECT)}"
        self.results.append(results)

    def unit(self, preset):
        self.ctest("unit" + built_as(preset), preset, "unit")

    def fuzz(self, builds):
        builds.wait("fuzz")
        (PROJECT / "build/fuzz/found").mkdir(exist_ok=True)
        seconds = str(5 if self.arguments.fuzz is None else self.arguments.fuzz)
        # Run all at the same time, because each runs for a fixed time.
        self.ctest("fuzz", "fuzz", "fuzz", {"BACKFILL_FUZZ_SECONDS": seconds}, "99")

    def integration(self, choice, preset, program_of=None, without=()):
        """Runs the integration tests on the servers of a choice, or all tests on the caller's servers
        if it is None. program_of: the preset of the program, if it differs from that of the tests."""
        more = {}
        if program_of:
            more["BACKFILL_PROGRAM"] = str(PROJECT / "build" / program_of / "timescaledb-backfill")
        built = built_as(program_of or preset)
        if choice is None:
            variables = given_variables()
            self.ctest(f"servers given{built}", preset, "integration", variables | more)
            return
        try:
            with servers_of(choice, in_memory=True) as variables:
                self.ctest(title_of(choice, variables) + built, preset, "integration",
                           variables | more, without=without)
        except Failed as failure:
            print(f"scripts/test: {failure}", file=sys.stderr)
            self.results.append(Results(f"servers {choice}", note="they did not start",
                                        failures={"servers": str(failure)}))


def built_as(preset):
    """The preset as the end of a title."""
    return {"release": "", "fuzz": " asan"}.get(preset, f" {preset}")


def title_of(choice, variables):
    source, _, target = choice.partition(":")
    if target:
        return f"source {source} target {target}"
    return " ".join(variables[f"BACKFILL_TIMESCALEDB_{what}"] for what in ("EDITION", "VERSION"))


def can_fuzz():
    """True if clang and its libFuzzer are installed. Not every Debian release has them."""
    try:
        run(["clang++-14", "-fsanitize=fuzzer", "-x", "c++", "-o", "/dev/null", "-"],
            stdin=None, stderr=subprocess.DEVNULL, input=(
                'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) '
                "{ return 0; }"))
    except Failed:
        return False
    return True


def repeated(choice, best, others, arguments):
    """The labels of tests that would repeat on a choice what they do on others."""
    if choice == best or arguments.timescaledb == "all":
        return []
    # There are an old and a new Community edition besides.
    return ["once", *(["community"] if choice == "trixie" and len(others) > 1 else [])]


def install(arguments):
    needs = ["build", "servers", "test", *(["lint"] if arguments.lint else []),
             *(["fuzz"] if arguments.fuzz else [])]
    if subprocess.run([PROJECT / "scripts" / "dependencies", *needs]).returncode != 0:
        raise Failed("required packages are missing")


def run_all(arguments):
    """Returns True if everything passed."""
    tests, remarks, well = Tests(arguments), [], True
    install(arguments)
    if arguments.lint:
        announce("lint")
        remarks, well = lint()
    later = {}
    fuzzes = arguments.fuzz != 0 and not arguments.quick
    if fuzzes and not can_fuzz():
        fuzzes = False
        remarks.append("fuzz: not run, there is no clang++-14 with libFuzzer")
    sanitized = ("fuzz" if fuzzes else "asan") if arguments.sanitize else None
    # The integration tests of the other preset run the program that is built with sanitizers.
    program = ["timescaledb-backfill", *(["unit_tests"] if sanitized else [])]
    if fuzzes:
        later["fuzz"] = ["fuzzers", *program]
    elif sanitized:
        later["asan"] = program
    build(arguments.preset)
    with BackgroundBuilds(later) as builds:
        tests.unit(arguments.preset)
        best, *others = choices(arguments)
        for choice in others if sanitized and others else [best, *others]:
            tests.integration(choice, arguments.preset,
                              without=repeated(choice, best, others, arguments))
        if fuzzes:
            tests.fuzz(builds)
        if sanitized:
            builds.wait(sanitized)
            tests.unit(sanitized)
            tests.integration(best, arguments.preset, program_of=sanitized)
    return close(tests.results, remarks) and well


def main():
    arguments = parse_arguments()
    # Stop the servers as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        sys.exit(0 if run_all(arguments) else 1)
    except Failed as failure:
        print(f"scripts/test: {failure}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


main()
