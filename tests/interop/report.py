"""Results by module and column, printed as a table."""
import os
import sys
import time

import differ

KNOWN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "known.txt")
COLUMNS = ("run", "gradients", "training", "export")


def known_differences():
    with open(KNOWN) as f:
        rows = [line.strip() for line in f if line.strip()[:1] not in ("", "#")]
    return [tuple(part.strip() for part in row.split("|")) for row in rows]


class Report:
    def __init__(self):
        self.known = known_differences()
        self.results = {}  # module -> column -> [passed, failed, skipped]
        self.furthest = {}  # module -> column -> largest relative difference
        self.started = time.time()

    def count(self, module, column, kind, message=""):
        cell = self.results.setdefault(module, {}).setdefault(column,
                                                              [0, 0, 0])
        cell[kind] += 1
        if message:
            print("%s: %s: %s" % (module, column, message), file=sys.stderr,
                  flush=True)

    def note(self, module, column, far):
        cell = self.furthest.setdefault(module, {})
        cell[column] = max(cell.get(column, 0.0), far)

    def passed(self, module, column):
        self.count(module, column, 0)

    def failed(self, module, column, message):
        for name, where, part in self.known:
            if (name, where) == (module, column) and part in message:
                return self.skipped(module, column, "known: " + message[:200])
        self.count(module, column, 1, "FAILED: " + message)

    def skipped(self, module, column, why):
        self.count(module, column, 2, "skipped: " + why)

    def check(self, module, column, what, differences):
        """differences: messages; none of them: passed."""
        if differences:
            self.failed(module, column, "%s: %s" % (
                what, "; ".join(differences[:3])))
        else:
            self.passed(module, column)

    def guarded(self, module, column, what, work):
        """Runs work(), which gives differences or raises."""
        try:
            differ.taken()
            self.check(module, column, what, work())
            self.note(module, column, differ.taken())
        except Exception as e:  # every failure of either side is a result
            lines = [x for x in str(e).strip().splitlines() if x.strip()]
            self.failed(module, column, "%s: %s: %s" % (
                what, type(e).__name__, " | ".join(lines[-3:])[:500]))

    def total(self, kind):
        return sum(cell[kind] for row in self.results.values()
                   for cell in row.values())

    def show(self):
        row = "%-28s" + " %20s" * len(COLUMNS)
        print(row % (("module, largest difference",) + COLUMNS))
        for module, cells in self.results.items():
            far = self.furthest.get(module, {})
            print(row % ((module,) + tuple(
                text_of(cells.get(c, [0, 0, 0]), far.get(c, 0.0))
                for c in COLUMNS)))
        print("%d passed, %d failed, %d skipped" % tuple(
            self.total(k) for k in range(3)))
        return 1 if self.total(1) else 0


def text_of(cell, far):
    words = ("passed", "FAILED", "skipped")
    text = ", ".join("%d %s" % (n, w) for n, w in zip(cell, words) if n)
    return (text + (" %.0e" % far if far else "")) or "-"
