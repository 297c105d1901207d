"""Creates the data, runs each method in turn, and records the measurements."""

import contextlib
import json
import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from cases import CASES, DATASETS, PEAK_MEMORY_WORKERS, PHASES
from machine import Failed
from servers import Proxy, with_database
from ways import Chunk, Ends, LongLivedPsqlWay, OnePassPsqlWay, ProgramWay, PsqlWay

HERE = Path(__file__).parent

# The template for databases, made by scripts/servers.
EXTENSION_ONLY = "template_backfill"

# No phase takes longer than this many seconds.
TIME_LIMIT = 1800


def announce(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


@dataclass
class Measurement:
    """One phase of one run. Seconds and bytes."""

    case: str
    phase: str
    # psql, ours, reference, digest-rows (ours, verifying by rows), or fewer (ours, with fewer chunks)
    way: str
    workers: int
    # timed; warm-up, which does not count; peak memory or round trips, for these only
    kind: str
    round: int
    chunks: int
    seconds: float
    program_cpu: float
    peak_memory: int | None
    source_cpu: float
    target_cpu: float
    wal_bytes: int
    round_trips: int | None = None
    # of COPY data, as the program counts it
    copied_bytes: int | None = None
    dead_rows: int | None = None
    visible_pages: int | None = None
    pages: int | None = None


@dataclass(frozen=True)
class Contender:
    way: str
    workers: int
    kind: str = "timed"


@dataclass(frozen=True)
class Built:
    """A dataset in the source, with an empty clone of it in the target."""

    source_database: str
    template: str
    chunks: list
    tasks: int  # of ours: a plain table without an index is one
    rows: int
    file: Path | None = None  # the data as CSV, if build_file() has made it


@contextlib.contextmanager
def new_database(server, name, template):
    # Other runs on the same servers must have other names.
    name = f"bench_{os.getpid()}_{name}"
    try:
        server.create_database(name, template)
        yield name
    finally:
        server.drop_database(name)


class Bench:
    """The databases and measurements of one run of the benchmark."""

    def __init__(self, servers, programs, proxy, scale):
        self.servers = servers
        self.programs = programs  # by the name of the way
        self.proxy = proxy
        self.scale = scale
        self.measurements = []
        self.built = {}
        self.databases = contextlib.ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return self.databases.__exit__(*error)

    def keep_database(self, *arguments):
        """Makes a database that lasts as long as this object."""
        return self.databases.enter_context(new_database(*arguments))

    def build(self, name):
        if name in self.built:
            return self.built[name]
        source, target = self.servers.both
        dataset = DATASETS[name].scaled(self.scale)
        template = "template0" if dataset.plain or dataset.cloned else EXTENSION_ONLY
        if dataset.made_of:
            template = self.build(dataset.made_of).source_database
        announce(f"making the data {name}")
        database = self.keep_database(source, name, template)
        source.script(HERE / dataset.script, database, chunks=dataset.chunks, rows=dataset.rows,
                      plain=dataset.plain, changed=1)
        empty = self.keep_database(target, f"{name}_empty", EXTENSION_ONLY)
        if dataset.both:
            target.script(HERE / dataset.script, empty, rows=dataset.rows, changed=0)
        elif dataset.absent or dataset.plain:
            target.script(HERE / dataset.script, empty, chunks=0, rows=dataset.rows, plain=False)
        elif not dataset.cloned:
            self.servers.clone_schema(database, empty)
        has_chunks = not (dataset.plain or dataset.both or dataset.cloned)
        lines = source.script(HERE / "chunks.sql", database).splitlines() if has_chunks else []
        chunks = [Chunk(**json.loads(line)) for line in lines]
        rows = int(source.sql("SELECT count(*) FROM measure", database))
        if has_chunks and not dataset.absent:
            self.check_clone(chunks, empty)
        self.built[name] = Built(database, empty, chunks, max(len(chunks), 1), rows)
        return self.built[name]

    def build_file(self, name):
        """Also writes the data to a CSV file, and drops the chunks of the empty clone."""
        built = self.build(name)
        if built.file:
            return built
        folder = Path(self.databases.enter_context(
            tempfile.TemporaryDirectory(prefix="bench-")))
        file = folder / f"{name}.csv"
        with open(file, "wb") as output:
            self.servers.children.finish(self.servers.children.start(
                self.servers.source.psql(
                    with_database(self.servers.source.uri, built.source_database),
                    "--command=COPY (SELECT * FROM measure ORDER BY time) TO STDOUT (FORMAT csv, "
                    "HEADER)"), stdout=output))
        self.servers.target.sql(
            "SELECT public.drop_chunks('public.measure', older_than => '2100-01-01'::timestamptz)",
            built.template)
        self.built[name] = replace(built, file=file)
        return self.built[name]

    def check_clone(self, chunks, database):
        """Checks that each table has a counterpart of the same name, also the compressed ones, as
        the psql way requires."""
        output = self.servers.target.script(HERE / "chunks.sql", database)
        clones = {(one["name"], one["table"]) for one in map(json.loads, output.splitlines())}
        if clones != {(chunk.name, chunk.table) for chunk in chunks}:
            raise Failed(f"the chunks of {database} are not those of the source")

    def run(self, case, rounds):
        built = self.build_file(case.dataset) if case.from_file else self.build(case.dataset)
        contenders = [Contender("psql", workers) for workers in case.psql_workers]
        contenders += [Contender(name, workers) for name in self.programs
                       for workers in case.program_workers]
        if case.by_rows:
            contenders += [Contender("digest-rows", workers) for workers in case.program_workers]
        if case.fewer:
            contenders += [Contender("fewer", workers) for workers in case.program_workers]
        # The first run writes WAL files that later runs reuse; it must not count.
        self.run_contender(case, built, replace(contenders[0], kind="warm-up"), 0, case.delay)
        for number in range(1, rounds + 1):
            for contender in contenders:
                self.run_contender(case, built, contender, number, case.delay)
            # The methods take turns in being first.
            contenders = contenders[1:] + contenders[:1]
        if case.counted_apart:
            for contender in contenders:
                apart = replace(contender, kind="round trips")
                self.run_contender(case, built, apart, 1, 0)
        memory = Contender("ours", PEAK_MEMORY_WORKERS, "peak memory")
        self.run_contender(case, built, memory, 1, case.delay)

    def run_contender(self, case, built, contender, number, delay):
        """Measures the phases of one way in a target database of its own."""
        if contender.way == "fewer":
            built = self.build(case.fewer)
        target = self.servers.target
        with contextlib.ExitStack() as stack:
            name = stack.enter_context(new_database(target, "run", built.template))
            ends = Ends(with_database(self.servers.source.uri, built.source_database),
                        with_database(target.uri, name))
            phases = case.phases
            if case.copied_before:
                self.copy_before(built, contender, ends)
            elif not case.is_prepared:
                phases = PHASES[:PHASES.index(case.phases[-1]) + 1]
            proxies = []
            if delay is not None:
                proxies = [stack.enter_context(
                    Proxy(self.proxy, server, delay, self.servers.children))
                    for server in self.servers.both]
                ends = Ends(with_database(proxies[0].uri, built.source_database),
                            with_database(proxies[1].uri, name))
            way = self.make_way(case, built, contender, ends)
            for phase in phases:
                measurement = self.measure(case, built, contender, number, way, phase, proxies)
                if phase in ("copy", "load", "sync", "clone"):
                    self.check_rows(built, contender, name)
                if phase == "copy":
                    self.look_at_target(measurement, name)
                if phase in case.phases:
                    self.measurements.append(measurement)

    def make_way(self, case, built, contender, ends):
        if contender.way == "psql":
            kind = (OnePassPsqlWay if DATASETS[case.dataset].plain
                    else LongLivedPsqlWay if case.long_lived_psql else PsqlWay)
            return kind(built.chunks, contender.workers, ends, self.servers, built.file)
        by_rows = contender.way == "digest-rows"
        return ProgramWay(self.programs.get(contender.way, self.programs["ours"]),
                          contender.workers, ends, self.servers, built.file,
                          ("--mode", "digest-rows") if by_rows else ())

    def copy_before(self, built, contender, ends):
        """Copies with our program, which also leaves the queue that verify marks."""
        program = self.programs.get(contender.way, self.programs["ours"])
        way = ProgramWay(program, 2, ends, self.servers)
        with self.servers.children.within(TIME_LIMIT):
            PsqlWay(built.chunks, 2, ends, self.servers).stage()
            way.stage()
            # The psql way finds chunks by name, and attached chunks have other names than in the
            # source.
            if contender.way == "reference":
                way.copy()
            else:
                way.copy("--load-strategy", "in-place")

    def measure(self, case, built, contender, number, way, phase, proxies):
        source, target = self.servers.both
        self.servers.checkpoint()
        wal_before = target.wal_bytes()
        trips_before = sum(proxy.round_trips() for proxy in proxies)
        source_before, target_before = source.cpu_seconds(), target.cpu_seconds()
        with self.servers.children.within(TIME_LIMIT):
            begin = time.monotonic()
            usage = getattr(way, phase)()
            seconds = time.monotonic() - begin
        source_after, target_after = source.cpu_seconds(), target.cpu_seconds()
        trips = sum(proxy.round_trips() for proxy in proxies) - trips_before
        announce(f"{case.name}: {contender.kind}, run {number}: {phase} by {contender.way} with "
                 f"{contender.workers} workers: {seconds:.2f} s")
        return Measurement(
            case.name, phase, contender.way, contender.workers, contender.kind, number,
            built.tasks, seconds, usage.cpu_seconds, usage.peak_memory,
            source_after - source_before, target_after - target_before,
            target.wal_bytes() - wal_before, trips if proxies else None)

    def check_rows(self, built, contender, database):
        rows = int(self.servers.target.sql("SELECT count(*) FROM measure", database))
        if rows != built.rows or rows == 0:
            raise Failed(f"{contender.way} copied {rows:,} of {built.rows:,} rows")

    def look_at_target(self, measurement, database):
        target = self.servers.target
        if measurement.way == "ours":  # the queue has the number
            measurement.copied_bytes = int(
                target.sql("SELECT sum(bytes_copied) FROM __backfill.task", database))
        found = json.loads(target.script(HERE / "visibility.sql", database))
        for name, value in found.items():
            setattr(measurement, name, int(value))

    def as_json(self):
        return [asdict(measurement) for measurement in self.measurements]


def measure_cases(bench, names, rounds):
    """Measures all cases. Returns those that cannot be measured, with the reason."""
    skipped = {}
    for name in names:
        case = CASES[name]
        if case.needs_community and bench.servers.edition != "community":
            skipped[name] = (f"needs the Community edition; these servers have the "
                             f"{bench.servers.edition} one")
            announce(f"{name} is skipped: it {skipped[name]}")
            continue
        bench.run(case, rounds)
    return skipped
