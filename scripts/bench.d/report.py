"""Medians, ratios, and the printed tables."""

from dataclasses import dataclass
from statistics import median

from cases import (CASES, COMPARISONS, CPU_PER_GB, PEAK_MEMORY, PEAK_MEMORY_WORKERS, ROUND_TRIPS,
                   SERVER_CPU, Goal)

MIB = 2**20


@dataclass(frozen=True)
class Summary:
    """Medians over the timed runs of one phase by one way."""

    case: str
    phase: str
    way: str
    workers: int
    runs: int
    chunks: int
    seconds: float
    least_seconds: float
    most_seconds: float
    chunks_per_second: float
    program_cpu: float
    program_cpu_per_gb: float | None
    peak_memory: float | None
    source_cpu: float
    target_cpu: float
    wal_bytes: float
    copied_bytes: float | None
    dead_rows: float | None
    visible_share: float | None
    round_trips_per_chunk: float | None

    @property
    def contender(self):
        return self.way, self.workers


@dataclass(frozen=True)
class Ratio:
    """A value with a goal, or for information."""

    case: str
    phase: str
    what: str
    value: float
    least: float | None = None
    most: float | None = None
    goal: Goal | None = None

    @property
    def verdict(self):
        return self.goal.judge(self.value) if self.goal else ""


def median_of(measurements, name):
    values = [getattr(one, name) for one in measurements]
    return None if not values or None in values else median(values)


def grouped(measurements):
    groups = {}
    for one in measurements:
        groups.setdefault((one.case, one.phase, one.way, one.workers), []).append(one)
    return groups


def copied_gigabytes(measurements, case):
    """The COPY data of a case in GB, according to our program. psql copies the same rows in the same
    format."""
    sizes = [one.copied_bytes for one in measurements
             if one.case == case and one.way == "ours" and one.copied_bytes]
    return median(sizes) / 1e9 if sizes else None


def summarize(measurements):
    timed = grouped(one for one in measurements if one.kind == "timed")
    apart = grouped(one for one in measurements if one.kind == "round trips")
    summaries = []
    for key, runs in timed.items():
        case, phase, way, workers = key
        seconds = [run.seconds for run in runs]
        cpu = median_of(runs, "program_cpu")
        # Runs with fewer chunks copy less.
        gigabytes = (copied_gigabytes(measurements, case)
                     if phase == "copy" and way != "fewer" else None)
        visible, pages = (median_of(runs, name) for name in ("visible_pages", "pages"))
        trips = median_of(apart.get(key, runs), "round_trips")
        summaries.append(Summary(
            case, phase, way, workers, len(runs), runs[0].chunks, median(seconds), min(seconds),
            max(seconds), runs[0].chunks / median(seconds), cpu,
            cpu / gigabytes if gigabytes else None,
            median_of(runs, "peak_memory"), median_of(runs, "source_cpu"),
            median_of(runs, "target_cpu"), median_of(runs, "wal_bytes"),
            median_of(runs, "copied_bytes"), median_of(runs, "dead_rows"),
            visible / pages if pages else None,
            None if trips is None else trips / runs[0].chunks))
    return summaries


def title(contender):
    way, workers = contender
    return f"{way} x{workers}"


def speedups(summaries, program):
    found = {(one.case, one.phase, one.contender): one for one in summaries}
    for comparison in COMPARISONS:
        contenders = [(program if way == "program" else way, workers)
                      for way, workers in (comparison.base, comparison.other)]
        base, other = (found.get((comparison.case, comparison.phase, contender))
                       for contender in contenders)
        if not base or not other:
            continue
        names = " / ".join(map(title, contenders))
        what = "seconds" if base.chunks == other.chunks else "seconds per chunk"
        share = other.chunks / base.chunks
        yield Ratio(comparison.case, comparison.phase, f"{what}, {names}",
                    share * base.seconds / other.seconds,
                    share * base.least_seconds / other.most_seconds,
                    share * base.most_seconds / other.least_seconds, comparison.goal)
        # If a way is compared with itself, other comparisons have the ratio to psql.
        if base.program_cpu_per_gb and other.program_cpu_per_gb and base.way != other.way:
            names = " / ".join(map(title, reversed(contenders)))
            yield Ratio(comparison.case, comparison.phase, f"program CPU per GB, {names}",
                        other.program_cpu_per_gb / base.program_cpu_per_gb, goal=CPU_PER_GB)


def ratios(summaries, measurements):
    found = []
    for program in dict.fromkeys(one.way for one in summaries if one.way in ("ours", "reference")):
        found += speedups(summaries, program)
        found += [Ratio(one.case, one.phase, f"round trips per chunk, {title(one.contender)}",
                        one.round_trips_per_chunk, goal=ROUND_TRIPS[one.phase])
                  for one in summaries
                  if one.way == program and one.round_trips_per_chunk is not None]
    found += [Ratio(one.case, one.phase, f"server CPU s, {title(one.contender)}",
                    one.source_cpu + one.target_cpu,
                    goal=SERVER_CPU.get((one.case, one.phase, one.workers))
                    if one.way != "psql" else None)
              for one in summaries
              if any(key[:2] == (one.case, one.phase) for key in SERVER_CPU)]
    found += [Ratio(one.case, one.phase, f"peak MiB, ours x{PEAK_MEMORY_WORKERS}",
                    one.peak_memory / MIB, goal=PEAK_MEMORY)
              for one in measurements if one.kind == "peak memory"]
    order = list(CASES)
    return sorted(found, key=lambda ratio: order.index(ratio.case))


def number(value, digits=2, unit=1):
    return "-" if value is None else f"{value / unit:,.{digits}f}"


def table(titles, rows):
    """Aligns columns; numbers are right-aligned."""
    widths = [max(map(len, column)) for column in zip(titles, *rows)]
    def line(cells):
        return "  ".join(f"{cell:{'>' if i >= 2 else '<'}{width}}"
                         for i, (cell, width) in enumerate(zip(cells, widths))).rstrip()
    return "\n".join(map(line, [titles, *rows]))


def summary_table(summaries):
    titles = ["phase", "way", "seconds", "min..max", "chunks/s", "program CPU s", "CPU s/GB",
              "peak MiB", "source CPU s", "target CPU s", "WAL MB", "copied MB", "dead rows",
              "all-visible", "round trips/chunk"]
    rows = [[one.phase, title(one.contender), number(one.seconds),
             f"{one.least_seconds:.2f}..{one.most_seconds:.2f}",
             number(one.chunks_per_second, 1), number(one.program_cpu),
             number(one.program_cpu_per_gb), number(one.peak_memory, 1, MIB),
             number(one.source_cpu), number(one.target_cpu), number(one.wal_bytes, 1, 1e6),
             number(one.copied_bytes, 1, 1e6), number(one.dead_rows, 0),
             "-" if one.visible_share is None else f"{one.visible_share:.0%}",
             number(one.round_trips_per_chunk)] for one in summaries]
    return table(titles, rows)


def ratio_table(found):
    rows = [[one.case, f"{one.phase}: {one.what}", number(one.value),
             "-" if one.least is None else f"{one.least:.2f}..{one.most:.2f}",
             f"{one.goal.required:g}" if one.goal else "-",
             f"{one.goal.aimed:g}" if one.goal else "-", one.verdict] for one in found]
    return table(["case", "what", "median", "min..max", "required", "aimed", ""], rows)


def render(machine, summaries, found, skipped):
    """The whole report as text."""
    parts = ["\n".join(f"{name}: {value}" for name, value in machine.items())]
    for name, case in CASES.items():
        own = [one for one in summaries if one.case == name]
        if own:
            parts.append(f"{name}: {case.about}; runs: {own[0].runs}\n"
                         f"{summary_table(own)}")
        elif name in skipped:
            parts.append(f"{name}: skipped, {skipped[name]}")
    if found:
        parts.append(ratio_table(found))
    return "\n\n".join(parts)
