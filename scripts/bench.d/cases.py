"""The cases that are measured, and their goals."""

from dataclasses import dataclass, replace

PHASES = ("stage", "copy", "verify")


@dataclass(frozen=True)
class Dataset:
    """The contents of a source: rows of the table "measure"."""

    name: str
    script: str
    chunks: int = 0
    rows: int = 0  # of each chunk
    made_of: str | None = None  # the dataset that the script changes into this one
    absent: bool = False  # the target has the hypertable without chunks
    both: bool = False  # a plain table; the target has its rows, too, of which some differ
    plain: bool = False  # the source has no TimescaleDB, the target a hypertable without chunks
    cloned: bool = False  # plain tables of a source without TimescaleDB; the target is empty

    def scaled(self, factor):
        """Scales the number of chunks if they are tiny, otherwise their sizes. There are always 100
        hosts or devices with the same number of rows each."""
        if self.script == "tiny.sql":
            return replace(self, chunks=max(1, round(self.chunks * factor)))
        return replace(self, rows=100 * max(1, round(self.rows * factor / 100)))


DATASETS = {dataset.name: dataset for dataset in (
    Dataset("indexed", "measures.sql", chunks=10, rows=430_000),
    Dataset("keys", "keys.sql", chunks=6, rows=290_000),
    Dataset("compressed", "compress.sql", made_of="indexed"),
    Dataset("tiny", "tiny.sql", chunks=3_000, rows=20),
    Dataset("distant", "tiny.sql", chunks=300, rows=20),
    Dataset("few", "tiny.sql", chunks=2_000, rows=20, absent=True),
    Dataset("many", "tiny.sql", chunks=20_000, rows=20, absent=True),
    Dataset("small", "measures.sql", chunks=7, rows=4_400),
    Dataset("huge", "measures.sql", chunks=1, rows=4_000_000),
    Dataset("unindexed", "measures.sql", chunks=60, rows=43_300, plain=True),
    Dataset("relations", "relations.sql", rows=1_000_000, both=True),
    Dataset("tables", "tables.sql", rows=2_000_000, cloned=True),
    Dataset("file", "measures.sql", chunks=4, rows=430_000),
)}


@dataclass(frozen=True)
class Case:
    name: str
    about: str
    dataset: str
    phases: tuple = ("copy",)
    psql_workers: tuple = (2,)
    program_workers: tuple = (2,)
    # one psql for many chunks, because starting one for each would take most of the time
    long_lived_psql: bool = False
    # the delay of a proxy in each direction, in microseconds; None for no proxy
    delay: int | None = None
    # whether round trips are counted in a separate run, through a proxy without delay
    counted_apart: bool = False
    # whether the data is copied into the target before the measurement
    copied_before: bool = False
    # whether verify is also measured with --mode digest-rows
    by_rows: bool = False
    # a dataset with fewer chunks, with which ours is measured, too
    fewer: str | None = None
    # whether the data comes from a CSV file, by the phase load
    from_file: bool = False
    needs_community: bool = False

    @property
    def is_prepared(self):
        """Whether the phases need no earlier ones."""
        return self.from_file or self.phases in (("sync",), ("clone",))


CASES = {case.name: case for case in (
    Case("indexed", "10 chunks of 430,000 rows, 10 columns, 2 indexes; 2 workers", "indexed"),
    Case("keys", "6 chunks of 290,000 rows, primary key and foreign key; 2 workers", "keys"),
    Case("compressed", "the data of indexed, compressed; 2 workers", "compressed",
         needs_community=True),
    Case("tiny", "3,000 chunks of 20 rows; 2 workers", "tiny", PHASES, long_lived_psql=True,
         counted_apart=True),
    Case("distant", "300 chunks of 20 rows, 5 ms away; 4 workers", "distant", PHASES, (4,), (4,),
         long_lived_psql=True, delay=2_500),
    Case("growth", "20,000 chunks of 20 rows, which the target lacks, and 2,000; 2 workers", "many",
         PHASES, (), fewer="few"),
    Case("small", "7 chunks, 4.5 MB in all; 2 workers of psql's, ours as many as they want up to 8, "
                  "and 1", "small", ("copy", "verify"), (2,), (8, 1)),
    Case("huge", "one chunk of 4,000,000 rows, 2 indexes; 1 and 4 workers", "huge",
         psql_workers=(1,), program_workers=(1, 4)),
    Case("unindexed", "a plain table without an index, 2,598,000 rows of 60 chunks in random order; "
                      "1 worker of psql's, sorted by time, 2 of ours", "unindexed",
         psql_workers=(1,)),
    Case("verify", "verifying the data of indexed; 1 and 2 workers", "indexed", ("verify",),
         (1, 2), (1, 2), copied_before=True),
    Case("verify-compressed", "verifying the data of compressed, by its batches and by its rows; 2 "
                              "workers", "compressed", ("verify",), (), copied_before=True,
         by_rows=True, needs_community=True),
    Case("sync", "a plain table of 1,000,000 rows, 2 indexes, of which 1,000 differ; pg_dump piped into "
                 "psql", "relations", ("sync",), (1,), (1,)),
    Case("clone", "20 plain tables, one of 2,000,000 rows, the others of 66,666, with keys and an index "
                  "each; pg_dump piped into psql", "tables", ("clone",), (1,), (2,)),
    Case("import", "a CSV file of 1,720,000 rows, 10 columns, 2 indexes; psql's \\copy, and 1 to 4 "
                   "workers", "file", ("load",), (1,), (1, 2, 4), from_file=True),
)}


@dataclass(frozen=True)
class Goal:
    required: float
    aimed: float

    def judge(self, value):
        """Higher values are better if `aimed` is greater than `required`; otherwise lower ones are."""
        at_least = self.aimed > self.required
        if value < self.required if at_least else value > self.required:
            return f"{'below' if at_least else 'above'} {self.required:g}"
        reached = value >= self.aimed if at_least else value <= self.aimed
        return "as aimed" if reached else "enough"


@dataclass(frozen=True)
class Comparison:
    """The seconds of `base` divided by the seconds of `other`, each a way and its number of workers.
    If they have different numbers of chunks, seconds per chunk are compared. "program" stands for
    ours and for the reference."""

    case: str
    phase: str
    base: tuple
    other: tuple
    goal: Goal | None = None


COMPARISONS = (
    Comparison("indexed", "copy", ("psql", 2), ("program", 2), Goal(1.8, 2.2)),
    Comparison("keys", "copy", ("psql", 2), ("program", 2), Goal(3.5, 4.5)),
    Comparison("compressed", "copy", ("psql", 2), ("program", 2), Goal(1.0, 1.3)),
    Comparison("tiny", "stage", ("psql", 2), ("program", 2), Goal(2, 5)),
    Comparison("tiny", "copy", ("psql", 2), ("program", 2), Goal(2, 4)),
    Comparison("tiny", "verify", ("psql", 2), ("program", 2), Goal(2, 4)),
    Comparison("distant", "stage", ("psql", 4), ("program", 4)),
    Comparison("distant", "copy", ("psql", 4), ("program", 4)),
    Comparison("distant", "verify", ("psql", 4), ("program", 4)),
    Comparison("growth", "stage", ("program", 2), ("fewer", 2)),
    Comparison("growth", "copy", ("program", 2), ("fewer", 2), Goal(1.3, 1.1)),
    Comparison("growth", "verify", ("program", 2), ("fewer", 2), Goal(1.3, 1.1)),
    Comparison("huge", "copy", ("program", 1), ("program", 4), Goal(1.3, 1.7)),
    Comparison("huge", "copy", ("psql", 1), ("program", 4)),
    Comparison("unindexed", "copy", ("psql", 1), ("program", 2), Goal(1.6, 2)),
    Comparison("verify", "verify", ("psql", 1), ("program", 1)),
    Comparison("verify", "verify", ("psql", 2), ("program", 2)),
    Comparison("verify-compressed", "verify", ("digest-rows", 2), ("program", 2), Goal(5, 10)),
    Comparison("sync", "sync", ("psql", 1), ("program", 1), Goal(3, 4)),
    Comparison("clone", "clone", ("psql", 1), ("program", 2), Goal(1.5, 2)),
    Comparison("import", "load", ("psql", 1), ("program", 1)),
    Comparison("import", "load", ("psql", 1), ("program", 2), Goal(1.5, 1.8)),
    Comparison("import", "load", ("psql", 1), ("program", 4), Goal(1.5, 1.8)),
)

# CPU seconds of both servers, for the program with as many workers as it wants.
SERVER_CPU = {("small", "copy", 8): Goal(0.9, 0.9), ("small", "verify", 8): Goal(0.7, 0.7)}

# For each chunk, in cases that count round trips.
ROUND_TRIPS = {"stage": Goal(0.2, 0.05), "copy": Goal(4, 2), "verify": Goal(3, 1.5)}

# MiB
PEAK_MEMORY = Goal(64, 32)
PEAK_MEMORY_WORKERS = 8

# The program's divided by psql's, while copying.
CPU_PER_GB = Goal(1, 0.5)
