"""Writes modules of the families of published ones and holds hubtune against
TensorFlow on each: outputs, gradients, five steps of training, export.

    python tests/interop/families.py [--quick] [--no-export] [--keep FOLDER]
        [--table FILE] [NAME...]

Environment as of compare.py. --quick: those of them that take little time.
--keep: modules are kept in FOLDER and not written again. --table: where rows
of the modules compared take the place of those before.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Its own kernels: oneDNN's are further from the same network in double.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
import absl.logging
import tensorflow as tf

import compare
import differ
import exports
import families_training
import feeds
import oracle
import program
import report
from families_write import FAMILIES

HEAD = """# Families of modules

Modules of the families that are published on hub, written by `make
interop-families` (`tests/interop/families.py`) with TensorFlow %s and held
against it: every call's outputs (1e-4 of the largest value) and gradients
(relative L2 1e-4), losses of five steps of SGD and of Adam (1e-4), and what
is exported in both formats, loaded in TensorFlow again. Models that compute
in half or bfloat16 are held to four of its roundings instead (2^-8, 2^-5):
TensorFlow's own kernels differ among themselves by as much. Networks whose
gradients through batch norm magnify rounding are held against the same network
in double: each gradient in double to 1e-9; in float all gradients together,
outputs and losses within three times of how far TensorFlow's own float is from
it, measured beside it. Cells count checks that passed; `-` where there is nothing
to compare, and an export of 1 where the tuned module alone was exported
(`--no-export`). Ops are the kinds in the file.

| module | ops | outputs | gradients | training | export |
|---|---:|---|---|---|---|
"""


class Report(report.Report):
    """Also keeps why something was skipped or failed."""

    def __init__(self):
        super().__init__()
        self.notes, self.ops = [], {}

    def count(self, module, column, kind, message=""):
        super().count(module, column, kind, message)
        if message and not message.endswith(": random"):
            self.notes.append("%s, %s: %s" % (module, column, message))

    def row(self, name):
        cells = self.results.get(name, {})
        shown = [cell_text(cells.get(c, [0, 0, 0])) for c in report.COLUMNS]
        return "| `%s` | %s | %s |" % (name, self.ops.get(name, "-"),
                                       " | ".join(shown))

    def table(self, before):
        """Rows and notes of this run, and those of modules before it."""
        rows = {line.split("`")[1]: line for line in before
                if line.startswith("| `")}
        rows.update({name: self.row(name) for name in self.ops})
        notes = [line for line in before if line.startswith("- ") and
                 line[2:].split(",")[0] not in self.ops]
        notes += ["- " + short(n) for n in self.notes]
        ordered = [rows[name] for name in FAMILIES if name in rows]
        return "\n".join([HEAD % tf.__version__ + "\n".join(ordered), ""] +
                         notes) + "\n"


def short(note):
    """A line of it, without the lines of code that Python names, and without
    folders of this run."""
    note = re.sub(r'\s*File "[^"]*", line \d+[^\n]*', "", note)
    note = re.sub(r"'/[^']*/([^/']+)'", r"'\1'", note)
    return note[:160].replace("\n", " ")


def write_table(r, path):
    before = open(path).read().splitlines() if os.path.exists(path) else []
    with open(path, "w") as f:
        f.write(r.table(before))


def cell_text(cell):
    passed, failed, _ = cell
    if failed:
        return "**%d of %d**" % (passed, passed + failed)
    return str(passed) if passed else "-"


def kinds_of_ops(path):
    found = set()
    for meta in oracle.meta_graphs(path):
        found |= {n.op for n in meta.graph_def.node}
        for f in meta.graph_def.library.function:
            found |= {n.op for n in f.node_def}
    return len(found)


def write(folder, names):
    """By a process of its own: the oracle changes how graphs are made."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                          "families_write.py")
    subprocess.run([sys.executable, script, folder, *names], check=True)


def train(r, name, path, calls, exact):
    family = FAMILIES[name]
    if not family.train:
        return
    problem = families_training.Problem(path, family, calls, exact)
    for optimizer, rate in zip(("sgd", "adam"), family.rates):
        r.guarded(name, "training", optimizer, lambda: families_training.check(
            problem, optimizer, rate))
    check_tuned(r, name, calls, exact)


def check_tuned(r, name, calls, exact):
    """The tuned module in its own format: its calls are the original's."""
    run, out = program.scratch("run"), program.scratch("tuned")
    if not os.path.exists(run):
        return
    form = "hub1" if calls[0].format == "hub1" else "savedmodel"

    def work():
        shutil.rmtree(out, ignore_errors=True)
        program.hubtune("export", run, out, "--what", "module", "--format",
                        form)
        exports.CACHE.clear()
        bounds = {c.name: bound_of(c, exact.get(c.name), FAMILIES[name].bound)
                  for c in calls}
        return exports.interface(calls, out) + same_as_hubtune(out, bounds)

    r.guarded(name, "export", "tuned", work)


def bound_of(call, exact, bound):
    """Of the outputs of the original in double, where that is known."""
    if not exact:
        return bound
    feed = feeds.for_call(call)
    return differ.bounds(call.run(feed), exact.run(compare.doubled(feed)),
                         bound)


def same_as_hubtune(folder, bounds):
    found = []
    for call in exports.calls_of(folder):
        feed = feeds.for_call(call)
        if exports.is_random(call, feed):
            continue
        found += ["%s: %s" % (call.name, d) for d in differ.values(
            program.run(folder, call, feed), call.run(feed),
            bounds[call.name])]
    return found


def calls_in_double(path):
    """Of the module beside it that has the same weights, if there is one."""
    if os.path.isdir(path + ".twin.double"):
        twins = oracle.calls(path + ".twin.double")
        return {c.name: c for c in oracle.with_twins(twins, twins)}
    if not os.path.isdir(path + ".double"):
        return {}
    return {c.name: c for c in oracle.calls(path + ".double")}


def calls_of(path):
    found = oracle.calls(path)
    if os.path.isdir(path + ".twin"):
        return oracle.with_twins(found, oracle.calls(path + ".twin"))
    return found


def check(r, name, path, export):
    feeds.SPECIAL, feeds.BATCH = FAMILIES[name].feed, FAMILIES[name].batch
    r.ops[name] = kinds_of_ops(path)
    calls = calls_of(path)
    exact = calls_in_double(path)
    for call in calls:
        compare.compare_call(r, name, path, call, FAMILIES[name].bound,
                             exact.get(call.name))
    try:
        train(r, name, path, calls, exact)
    except Exception as e:
        r.failed(name, "training", "%s: %s" % (type(e).__name__, str(e)[:300]))
    if export:
        compare.compare_exports(r, name, path, calls)


def main(words):
    p = argparse.ArgumentParser()
    p.add_argument("--quick", action="store_true")
    p.add_argument("--no-export", action="store_true")
    p.add_argument("--keep")
    p.add_argument("--table")
    p.add_argument("names", nargs="*")
    o = p.parse_args(words)
    absl.logging.set_verbosity(absl.logging.FATAL)
    tf.get_logger().setLevel("CRITICAL")
    folder = os.path.abspath(o.keep or program.scratch("families"))
    os.makedirs(folder, exist_ok=True)
    names = o.names or [n for n, f in FAMILIES.items()
                        if f.quick or not o.quick]
    write(folder, names)
    r = Report()
    for name in names:
        started, path = time.time(), os.path.join(folder, name)
        try:
            check(r, name, path, not o.no_export)
        except Exception as e:
            r.failed(name, "run", "%s: %s" % (type(e).__name__, str(e)[-400:]))
        print(r.row(name), "%.0f s" % (time.time() - started), flush=True)
        if o.table:
            write_table(r, o.table)
    shutil.rmtree(program.SCRATCH, ignore_errors=True)
    return r.show()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
