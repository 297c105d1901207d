"""Builds presets one after the other, some while tests already run."""

import subprocess
import sys
import threading
from pathlib import Path

from machine import Failed

PROJECT = Path(__file__).resolve().parents[2]


def announce(text):
    print(f"\n== {text}", file=sys.stderr, flush=True)


def commands(preset, targets):
    yield ["cmake", "--preset", preset]
    yield ["cmake", "--build", "--preset", preset, *(["--target", *targets] if targets else [])]


def build(preset, targets=()):
    announce(f"build {preset}")
    for words in commands(preset, targets):
        if subprocess.run(words, cwd=PROJECT, stdin=subprocess.DEVNULL).returncode != 0:
            raise Failed("the build failed")


class BackgroundBuilds:
    """Builds presets in the background, with low priority, while tests run."""

    def __init__(self, wanted):
        """wanted: targets by the name of their preset, in the order to build them."""
        self.wanted = wanted
        self.done = {preset: threading.Event() for preset in wanted}
        self.failed = set()
        self.process = None
        self.stopped = False
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped = True
        if self.process:
            self.process.terminate()
        self.thread.join()

    def run(self):
        for preset, targets in self.wanted.items():
            self.log(preset).parent.mkdir(parents=True, exist_ok=True)
            with open(self.log(preset), "w") as log:
                for words in commands(preset, targets):
                    if self.stopped:
                        return
                    self.process = subprocess.Popen(
                        ["nice", *words], cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=log,
                        stderr=subprocess.STDOUT)
                    if self.process.wait() != 0:
                        self.failed.add(preset)
                        break
            self.done[preset].set()

    @staticmethod
    def log(preset):
        return PROJECT / "build" / f"{preset}.log"

    def wait(self, preset):
        announce(f"wait for the build of {preset}")
        self.done[preset].wait()
        if preset in self.failed:
            print(self.log(preset).read_text(errors="replace")[-20000:], file=sys.stderr)
            raise Failed(f"the build of {preset} failed")
