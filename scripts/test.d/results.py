"""What CTest's JUnit files tell of the tests that ran, and the closing lines."""

import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import dataclass, field

# A test that fails says so much of it again at the end, which is all that is kept of a long output.
MOST_LINES = 200


@dataclass
class Results:
    """Of one run of CTest, or of something like it."""

    title: str
    passed: int = 0
    skipped: int = 0
    reasons: Counter = field(default_factory=Counter)  # to skip
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
    """GoogleTest prints it below the place."""
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
            # Not run at all, too: there is no program, for one.
            why = "" if skipped is None else skipped.get("message")
            results.failures[case.get("name")] = output or why
    return results


def close(all_results, remarks):
    """Prints what all of it came to. Returns whether that is well."""
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
