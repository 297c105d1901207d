"""The results of tests, from CTest's JUnit files, and the summary at the end."""

import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import dataclass, field

# The number of lines of a failed test's output that the summary repeats.
MOST_LINES = 200


@dataclass
class Results:
    """The results of one run of CTest, or of another check."""

    title: str
    passed: int = 0
    skipped: int = 0
    reasons: Counter = field(default_factory=Counter)  # why tests were skipped
    failures: dict = field(default_factory=dict)  # the output of failed tests by their names
    note: str = ""

    @property
    def failed(self):
        return len(self.failures)

    def add(self, other):
        self.passed += other.passed
        self.skipped += other.skipped
        self.reasons += other.reasons
        self.failures |= other.failures

    def line(self):
        line = f"{self.title}: {self.passed} passed, {self.failed} failed, {self.skipped} skipped"
        if self.reasons:
            line += " (" + "; ".join(f"{why}: {n}" for why, n in sorted(self.reasons.items())) + ")"
        return f"{line}; {self.note}" if self.note else line


def reason_to_skip(output):
    """The reason, which GoogleTest prints after the file and line."""
    found = re.search(r": Skipped\n(.*?)\n(?:\n|\[)", output, re.DOTALL)
    return " ".join(found.group(1).split()) if found else "no reason given"


def read_results(title, path):
    results = Results(title)
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        output = case.findtext("system-out") or ""
        skipped = case.find("skipped")
        if case.get("status") == "run":
            results.passed += 1
        elif case.get("status") == "disabled":
            results.skipped += 1
            results.reasons["disabled"] += 1
        elif skipped is not None and skipped.get("message", "").startswith("SKIP_"):
            results.skipped += 1
            results.reasons[reason_to_skip(output)] += 1
        else:
            # Failed, or could not be run, for example because there is no program.
            why = "" if skipped is None else skipped.get("message")
            results.failures[case.get("name")] = output or why
    return results


def close(all_results, remarks):
    """Prints the summary. Returns True if tests ran and none failed."""
    for results in all_results:
        for name, output in results.failures.items():
            print(f"\n== {results.title}: {name}")
            print(*output.rstrip().splitlines()[-MOST_LINES:], sep="\n")
    print()
    print(*remarks, *(results.line() for results in all_results), sep="\n")
    passed, failed, skipped = (sum(getattr(one, what) for one in all_results)
                               for what in ("passed", "failed", "skipped"))
    if passed + failed == 0:
        print("no test ran")
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return failed == 0 and passed > 0
