"""Encoders behind their preprocessors, as `--preprocess` joins them.

    python tests/interop/chains.py [--keep FOLDER]

Environment as of compare.py. Outputs, gradients and five steps of training
from raw text are held against TensorFlow's, and what is exported in both
formats against the answers of the run.
"""
import argparse
import json
import os
import shutil
import sys

import absl.logging
import numpy as np
import tensorflow as tf

import compare
import differ
import exports
import families
import families_training
import feeds
import oracle
import program
import report
from families_write import FAMILIES

PAIRS = [("bert_preprocess", "bert_encoder"),
         ("fast_bert_preprocess", "keras_encoder"),
         ("albert_preprocess", "keras_encoder")]


class Chain(oracle.Call2):
    """A call of an encoder that takes what a preprocessor takes."""

    def __init__(self, first, call):
        super().__init__("%s of %s" % (call.name, first.name), call.arguments,
                         first.inputs, self.both, call.variables)
        self.first, self.call, self.root = first, call, call.root
        self.format, self.path = call.format, call.path
        self.more = ["--preprocess", first.path]

    def both(self, feed):
        made = self.first.function(feed)
        return self.call.function({k: made[k.split("/")[-1]]
                                   for k in self.call.inputs})


def usual(calls):
    """What hubtune calls where nothing is asked for."""
    named = {c.name: c for c in calls}
    return named.get("signature serving_default", calls[0])


def answers(out, text):
    data = program.scratch("texts.jsonl")
    with open(data, "w") as f:
        f.writelines(json.dumps({"x0": t}) + "\n" for t in text)
    lines = program.hubtune("predict", out, data, "--json", "--top",
                            families_training.CLASSES).splitlines()
    return [json.loads(line) for line in lines]


def same_answers(out, folder, form, text):
    program.hubtune("export", out, folder, "--format", form)
    exports.CACHE.clear()
    call = [c for c in oracle.calls(folder)
            if c.name == "signature serving_default" or
            c.arguments[1] == "serving_default"][0]
    got = call.run({k: np.array(text, object) for k in call.inputs})
    found = []
    for i, answer in enumerate(answers(out, text)):
        row = dict(zip([c.decode() for c in got["classes"][i]],
                       got["scores"][i]))
        for wanted in answer:
            if abs(row[wanted["label"]] - wanted["score"]) > exports.BOUND:
                found.append("%d: %s, wanted %s" % (i, row, wanted))
    return found


def one_step(folder):
    weights, moved = exports.layer_trains(folder)
    return [] if moved == weights else ["%d of %d weights moved" % (
        moved, weights)]


def check(r, first, path, name, family):
    chains = [Chain(first, c) for c in oracle.calls(path)]
    for chain in chains:
        compare.compare_call(r, name, path, chain)
    problem = families_training.Problem(path, family, chains)
    for optimizer, rate in zip(("sgd", "adam"), family.rates):
        r.guarded(name, "training", optimizer, lambda: families_training.check(
            problem, optimizer, rate))
    out = program.scratch("run")
    text = feeds.SPECIAL("text", list(first.inputs.values())[0],
                         np.random.RandomState(3))
    for form in ("savedmodel", "hub1"):
        folder = program.kept("%s.trained.%s" % (name, form))
        shutil.rmtree(folder, ignore_errors=True)
        r.guarded(name, "export", form, lambda: same_answers(
            out, folder, form, list(text)))
    r.guarded(name, "export", "KerasLayer trains", lambda: one_step(
        program.kept(name + ".trained.savedmodel")))


def main(words):
    p = argparse.ArgumentParser()
    p.add_argument("--keep")
    o = p.parse_args(words)
    absl.logging.set_verbosity(absl.logging.FATAL)
    tf.get_logger().setLevel("CRITICAL")
    folder = os.path.abspath(o.keep or program.scratch("families"))
    os.makedirs(folder, exist_ok=True)
    families.write(folder, sorted({n for pair in PAIRS for n in pair}))
    r = report.Report()
    for first, behind in PAIRS:
        feeds.SPECIAL = FAMILIES[first].feed
        check(r, usual(oracle.calls(os.path.join(folder, first))),
              os.path.join(folder, behind), "%s, %s" % (first, behind),
              FAMILIES[behind])
    shutil.rmtree(program.SCRATCH, ignore_errors=True)
    return r.show()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
