"""The benchmark's processes: measures what they use, and makes sure that none outlives it."""

import contextlib
import os
import subprocess
import tempfile
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from machine import Failed


@dataclass(frozen=True)
class Usage:
    """What processes used; peak_memory in bytes, where it was watched."""

    cpu_seconds: float = 0.0
    peak_memory: int | None = None

    def __add__(self, other):
        peaks = [one.peak_memory for one in (self, other) if one.peak_memory is not None]
        return Usage(self.cpu_seconds + other.cpu_seconds, max(peaks, default=None))


class Child:
    """One process; its output is kept, unless it is redirected."""

    def __init__(self, words, **streams):
        self.name = os.path.basename(words[0])
        self.said = tempfile.TemporaryFile()
        streams = {"stdin": subprocess.DEVNULL, "stdout": self.said} | streams
        self.process = subprocess.Popen(words, stderr=self.said, **streams)

    def last_words(self):
        self.said.seek(0)
        lines = self.said.read().decode(errors="replace").strip().splitlines()
        return "\n  ".join(lines[-5:])


class PeakMemory(threading.Thread):
    """Watches the peak of a process's resident memory.

    Not ru_maxrss of wait4(): that counts in what the process was before its exec, a copy of this
    Python, which is larger than the program.
    """

    interval = 0.02  # seconds

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.path = f"/proc/{pid}/status"
        self.bytes = 0
        self.ended = threading.Event()

    def run(self):
        while not self.ended.is_set():
            self.look()
            self.ended.wait(self.interval)

    def look(self):
        with contextlib.suppress(OSError), open(self.path) as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    self.bytes = int(line.split()[1]) * 1024


class Children:
    """All processes that the benchmark has started and that still run."""

    def __init__(self):
        self.lock = threading.Lock()
        self.running = set()
        self.expired = False

    def start(self, words, **streams):
        child = Child(words, **streams)
        with self.lock:
            self.running.add(child)
        return child

    def finish(self, *children):
        """Waits for all of them. Returns what they used; raises if one failed."""
        usage = Usage()
        for child in children:
            # Reap it only with the lock held: otherwise, kill() could hit a new process with the same
            # number.
            try:
                os.waitid(os.P_PID, child.process.pid, os.WEXITED | os.WNOWAIT)
            except BaseException:  # Ctrl-C
                self.kill()
                raise
            with self.lock:
                _, status, used = os.wait4(child.process.pid, 0)
                child.process.returncode = os.waitstatus_to_exitcode(status)
                self.running.discard(child)
            usage += Usage(used.ru_utime + used.ru_stime)
        failed = [child for child in children if child.process.returncode != 0]
        if failed:
            late = "stopped because it took too long: " if self.expired else ""
            raise Failed("\n".join(f"{late}{child.name} ended with status "
                                   f"{child.process.returncode}\n  {child.last_words()}"
                                   for child in failed))
        return usage

    def run(self, words, **streams):
        """Runs a command to its end. Returns its output."""
        with tempfile.TemporaryFile() as output:
            self.finish(self.start(words, stdout=output, **streams))
            output.seek(0)
            return output.read().decode().strip()

    def run_watched(self, words):
        """Runs a command, watching its memory."""
        child = self.start(words)
        memory = PeakMemory(child.process.pid)
        memory.start()
        try:
            usage = self.finish(child)
        finally:
            memory.ended.set()
        return Usage(usage.cpu_seconds, memory.bytes)

    def kill(self):
        with self.lock:
            for child in self.running:
                child.process.kill()

    @contextlib.contextmanager
    def within(self, seconds):
        """Kills all running processes if the block takes longer."""
        def expire():
            self.expired = True
            self.kill()
        timer = threading.Timer(seconds, expire)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def in_parallel(self, workers, work, items):
        """Has several threads do work(one item after the other of what they are handed), which
        returns a Usage, and adds up. A failure ends all of them, and their processes."""
        queue = deque(items)

        def handed():
            with contextlib.suppress(IndexError):
                while True:
                    yield queue.popleft()

        total = Usage()
        with ThreadPoolExecutor(workers) as pool:
            try:
                for done in as_completed([pool.submit(work, handed()) for _ in range(workers)]):
                    total += done.result()
            except BaseException:
                queue.clear()
                self.kill()
                raise
        return total
