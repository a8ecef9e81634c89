"""Holds hubtune against TensorFlow on published modules, training included.

    python tests/interop/published.py [--table FILE] [NAME...]

HUBTUNE, HUBTUNE_EXPORTER and HUBTUNE_SHARED as of compare.py. Prints how far
apart the two were at most, and with --table writes that as a document.
"""
import argparse
import os
import shutil
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Its own kernels: oneDNN's are further from the same network in double.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
import absl.logging
import tensorflow as tf

import compare
import families
import families_training
import feeds
import oracle
import program
import report
from families_registry import Family

HEAD = """# Published modules

Modules that others trained and published, held against TensorFlow %s by
`tests/interop/published.py`. Numbers are the largest differences seen: of
outputs, against the largest value of an output (texts and integers are equal);
of gradients, relative in L2, over all variables; of the losses of five steps of
SGD and of Adam, relative. Beside each stands of how many calls, or runs of five
steps. Exports in both formats: how many checks passed, of loading them in
TensorFlow, their answers (1e-4) and training them on. `-`: there is nothing to
compare.

| module | ops | outputs | gradients | steps | exports |
|---|---:|---|---|---|---|
"""


def trained(train, output=None, rates=(0.05, 0.002)):
    return Family(lambda: None, True, None, train, output, rates, 1e-4, 3)


# How each is trained; the others have no variable that trains. A rate beyond
# which losses are no numbers is lowered here, and not in TensorFlow.
WAYS = {
    "babyweight_estimator": trained("signature predict", "predictions",
                                    (1e-3, 1e-3)),
    "chicago_taxi": trained("signature predict", "logits"),
    "dm21": trained("signature default", "grid_contribution",
                    (1e-3, 1e-4)),
    "half_plus_two_v1": trained("signature default"),
    "hub_module_v1_mini_train": trained("signature default"),
    "keyword_spotting": trained("call"),
    "openmv_mobilenet": trained("call", rates=(1e-3, 1e-4)),
    "regression_train_signature": trained("call"),
    "vae (fixed draws)": trained("signature serving_default", "output_3"),
}


def train(r, name, path):
    way = WAYS.get(name)
    if not way:
        return
    try:
        problem = families_training.Problem(path, way, oracle.calls(path))
    except Exception as e:
        return r.failed(name, "training", "%s: %s" % (type(e).__name__, e))
    for optimizer, rate in zip(("sgd", "adam"), way.rates):
        r.guarded(name, "training", optimizer, lambda: families_training.check(
            problem, optimizer, rate))


def check(r, name, path):
    calls = oracle.calls(path)
    for call in calls:
        compare.compare_call(r, name, path, call)
    train(r, name, path)
    compare.compare_exports(r, name, path, calls)


def cell(r, name, column):
    passed, failed, _ = r.results.get(name, {}).get(column, [0, 0, 0])
    far = r.furthest.get(name, {}).get(column, 0.0)
    if not passed and not failed:
        return "-"
    text = "%.0e (%d)" % (far, passed) if far else "equal (%d)" % passed
    text = str(passed) if column == "export" else text
    return text + (", **%d failed**" % failed if failed else "")


def table(r, found):
    rows = ["| `%s` | %d | %s |" % (name, families.kinds_of_ops(path), " | ".join(
        cell(r, name, c) for c in report.COLUMNS))
        for name, path in found.items()]
    return HEAD % tf.__version__ + "\n".join(rows) + "\n"


def main(words):
    p = argparse.ArgumentParser()
    p.add_argument("--table")
    p.add_argument("names", nargs="*")
    o = p.parse_args(words)
    absl.logging.set_verbosity(absl.logging.FATAL)
    tf.get_logger().setLevel("CRITICAL")
    r = report.Report()
    found = compare.published(r)
    found = {k: v for k, v in found.items() if not o.names or k in o.names}
    for name, path in found.items():
        try:
            check(r, name, path)
        except Exception as e:
            r.failed(name, "run", "%s: %s" % (type(e).__name__, str(e)[-400:]))
    if o.table:
        with open(o.table, "w") as f:
            f.write(table(r, found))
    shutil.rmtree(program.SCRATCH, ignore_errors=True)
    return r.show()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
