"""The methods of staging, copying and verifying that are compared: the program, and psql."""

import contextlib
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from machine import Failed
from processes import Usage


@dataclass(frozen=True)
class Chunk:
    """See chunks.sql."""

    id: int
    name: str
    table: str
    columns: list
    summed: list | None

    @property
    def column_list(self):
        return ", ".join(self.columns)


@dataclass(frozen=True)
class Ends:
    """Connection strings of the databases."""

    source: str
    target: str


@dataclass(frozen=True)
class ProgramWay:
    program: Path
    workers: int
    ends: Ends
    servers: object
    file: Path | None = None  # CSV
    verify_options: tuple = ()

    def run(self, command, *arguments):
        return self.servers.children.run_watched(
            [str(self.program), command, "--source", self.ends.source,
             "--target", self.ends.target, *arguments])

    def stage(self):
        # After all data, so that no bound cuts a chunk.
        return self.run("stage", "--until", "2100-01-01T00:00:00Z")

    def copy(self, *options):
        return self.run("copy", "--parallelism", str(self.workers), *options)

    def verify(self):
        return self.run("verify", "--all", "--parallelism", str(self.workers),
                        *self.verify_options)

    def sync(self):
        # Nothing else writes, and psql's way waits for nobody.
        return self.run("sync-tables", "--parallelism", str(self.workers), "--dual-write-delay", "0s")

    def clone(self):
        with self.servers.client_programs() as folder:
            return self.run("clone-schema", "--programs", folder,
                            "--parallelism", str(self.workers))

    def load(self):
        return self.servers.children.run_watched(
            [str(self.program), "import", "--target", self.ends.target, "--table", "measure",
             "--parallelism", str(self.workers), str(self.file)])


class PsqlSession:
    """A psql that gets one statement after the other."""

    def __init__(self, server, uri):
        self.children = server.children
        self.child = self.children.start(server.psql(uri), stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, text=True)

    def tell(self, statement):
        # A psql that ended reports the reason when it is closed.
        with contextlib.suppress(BrokenPipeError):
            self.child.process.stdin.write(statement + ";\n")
            self.child.process.stdin.flush()

    def ask(self, statement):
        """The one line that the statement prints."""
        self.tell(statement)
        line = self.child.process.stdout.readline()
        if not line:
            self.close()
            raise Failed(f"psql printed nothing for: {statement}")
        return line

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self.child.process.stdin.close()
        return self.children.finish(self.child)


def aggregates(chunk):
    """The statement with which the original compares. It leaves out sums of floats, which depend on
    the order of the rows."""
    calls = ["count(*)"]
    for column in chunk.columns:
        calls += [f"count({column})", f"min({column})", f"max({column})"]
    calls += [f"sum({column})" for column in chunk.summed or []]
    return f"SELECT {', '.join(calls)} FROM ONLY {chunk.name}"


@dataclass(frozen=True)
class PsqlWay:
    """What the original does for each chunk, done with psql: one statement after the other, newest
    chunk first, all indexes and keys live. It is faster than the original, which made about 35 round
    trips for a chunk."""

    chunks: list
    workers: int
    ends: Ends
    servers: object
    file: Path | None = None  # CSV

    def in_parallel(self, work, items):
        return self.servers.children.in_parallel(self.workers, work, items)

    def stage(self):
        """For each chunk, reads the source and inserts a row in the target, in one transaction."""
        source = PsqlSession(self.servers.source, self.ends.source)
        target = PsqlSession(self.servers.target, self.ends.target)
        target.tell("BEGIN; CREATE TABLE bench_queue (chunk text PRIMARY KEY, slices jsonb, "
                    "bytes bigint, worked timestamptz, verified timestamptz)")
        for chunk in self.chunks:
            row = source.ask(f"""
                SELECT format('%L, %L, %L', '{chunk.name}',
                              jsonb_object_agg(dimension.column_name, jsonb_build_array(
                                  slice.range_start, slice.range_end)),
                              pg_table_size('{chunk.name}'))
                FROM _timescaledb_catalog.chunk_constraint
                JOIN _timescaledb_catalog.dimension_slice AS slice
                  ON slice.id = chunk_constraint.dimension_slice_id
                JOIN _timescaledb_catalog.dimension ON dimension.id = slice.dimension_id
                WHERE chunk_constraint.chunk_id = {chunk.id}""")
            target.ask(f"INSERT INTO bench_queue VALUES ({row.strip()}) RETURNING 1")
        target.tell("COMMIT")
        return source.close() + target.close()

    def copy(self):
        return self.in_parallel(self.copy_chunks, self.chunks)

    def copy_chunks(self, chunks):
        """For each chunk, pipes a psql that reads into one that loads, in one transaction. If a chunk
        is compressed, its compressed table is copied; the cloned schema has an empty one."""
        usage = Usage()
        source, target = self.servers.both
        start = self.servers.children.start
        for chunk in chunks:
            reader = start(source.psql(
                self.ends.source, f"--command=COPY (SELECT {chunk.column_list} "
                                  f"FROM ONLY {chunk.table}) TO STDOUT (FORMAT BINARY)"),
                stdout=subprocess.PIPE)
            loader = start(target.psql(
                self.ends.target, "--single-transaction",
                f"--command=DELETE FROM ONLY {chunk.table}",
                f"--command=COPY {chunk.table} ({chunk.column_list}) FROM STDIN (FORMAT BINARY)",
                f"--command=ANALYZE {chunk.name}"),
                stdin=reader.process.stdout)
            # Otherwise, the reader would not notice if the loader ended.
            reader.process.stdout.close()
            usage += self.servers.children.finish(reader, loader)
        return usage

    def verify(self):
        return self.in_parallel(self.verify_chunks, self.chunks)

    def sync(self):
        """Empties the table, and copies it again."""
        start = self.servers.children.start
        reader = start([*self.servers.pg_dump_words, f"--dbname={self.ends.source}", "--data-only",
                        "--table=measure"], stdout=subprocess.PIPE)
        loader = start(self.servers.target.psql(
            self.ends.target, "--single-transaction", "--command=TRUNCATE public.measure",
            "--file=-"), stdin=reader.process.stdout)
        reader.process.stdout.close()
        return self.servers.children.finish(reader, loader)

    def clone(self):
        """Restores a dump."""
        start = self.servers.children.start
        reader = start([*self.servers.pg_dump_words, f"--dbname={self.ends.source}"],
                       stdout=subprocess.PIPE)
        loader = start(self.servers.target.psql(
            self.ends.target, "--single-transaction", "--output=/dev/null", "--file=-"),
            stdin=reader.process.stdout)
        reader.process.stdout.close()
        return self.servers.children.finish(reader, loader)

    def load(self):
        with open(self.file) as file:
            return self.servers.children.finish(self.servers.children.start(
                self.servers.target.psql(
                    self.ends.target,
                    "--command=\\copy measure from pstdin with (format csv, header)"),
                stdin=file))

    def verify_chunks(self, chunks):
        source = PsqlSession(self.servers.source, self.ends.source)
        target = PsqlSession(self.servers.target, self.ends.target)
        for chunk in chunks:
            statement = aggregates(chunk)
            if target.ask(statement) != source.ask(statement):
                raise Failed(f"{chunk.name} differs between source and target")
            target.ask("UPDATE bench_queue SET verified = clock_timestamp() "
                       f"WHERE chunk = '{chunk.name}' RETURNING 1")
        return source.close() + target.close()


def psql_root(words):
    """The root folder of a psql that scripts/servers runs in a Debian root; otherwise ""."""
    names = [os.path.basename(word) for word in words]
    return words[names.index("chroot") + 1] if "chroot" in names else ""


class OnePassPsqlWay(PsqlWay):
    """Copies a plain table through the hypertable in one transaction, sorted by time."""

    def copy(self):
        start = self.servers.children.start
        reader = start(self.servers.source.psql(
            self.ends.source, "--command=COPY (SELECT * FROM measure ORDER BY time) TO STDOUT "
                              "(FORMAT BINARY)"), stdout=subprocess.PIPE)
        loader = start(self.servers.target.psql(
            self.ends.target, "--single-transaction",
            "--command=COPY measure FROM STDIN (FORMAT BINARY)", "--command=ANALYZE measure"),
            stdin=reader.process.stdout)
        reader.process.stdout.close()
        return self.servers.children.finish(reader, loader)


class LongLivedPsqlWay(PsqlWay):
    """Copies with two psql for each worker, one for each side, one chunk after the other."""

    def copy(self):
        root = psql_root(self.servers.psql_words)
        with tempfile.TemporaryDirectory(dir=f"{root}/tmp", prefix="bench-") as folder:
            scripts = []
            for worker in range(self.workers):
                scripts += self.write_scripts(Path(folder), root, worker)
            # Every psql needs a thread, because readers and loaders wait for each other.
            return self.servers.children.in_parallel(len(scripts), self.run_script, scripts)

    def write_scripts(self, folder, root, worker):
        """Writes the scripts of a reader and a loader. Returns server, URI and script of both.

        They use two FIFOs in turn. Opening a FIFO waits until the other side opens it, too. So the
        reader uses the first one again only after the loader has opened the second, and has closed
        the first before that."""
        fifos = [folder / f"{worker}-{number}" for number in range(2)]
        for fifo in fifos:
            os.mkfifo(fifo)
        read, load = tempfile.TemporaryFile("w+"), tempfile.TemporaryFile("w+")
        for number, chunk in enumerate(self.chunks[worker::self.workers]):
            fifo = str(fifos[number % 2]).removeprefix(root)
            read.write(f"\\copy (SELECT {chunk.column_list} FROM ONLY {chunk.table}) "
                       f"TO '{fifo}' WITH (FORMAT BINARY)\n")
            load.write("BEGIN;\n"
                       f"DELETE FROM ONLY {chunk.table};\n"
                       f"\\copy {chunk.table} ({chunk.column_list}) FROM '{fifo}' "
                       "WITH (FORMAT BINARY)\n"
                       f"ANALYZE {chunk.name};\n"
                       "UPDATE bench_queue SET worked = clock_timestamp() "
                       f"WHERE chunk = '{chunk.name}';\n"
                       "COMMIT;\n")
        return ((self.servers.source, self.ends.source, read),
                (self.servers.target, self.ends.target, load))

    def run_script(self, scripts):
        usage = Usage()
        for server, uri, script in scripts:
            with script:
                script.seek(0)
                child = server.children.start(server.psql(uri), stdin=script)
                usage += server.children.finish(child)
        return usage
