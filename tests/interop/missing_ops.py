#!/usr/bin/env python3
"""Lists the operations that TensorFlow's public functions and Keras' layers
can put into a graph and that `hubtune ops` lacks, the likeliest first.

    missing_ops.py [--program=hubtune] [--all]

The source of every public function, and of the gradients of the ops there
are, is followed, call by call, to the functions of generated ops. An op counts for each function that reaches it:
less, the longer the way; more, where models are made of such functions.
--all also prints what only `tf.raw_ops` reaches.
"""
import argparse
import ast
import collections
import inspect
import os
import subprocess
import textwrap
import types

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf
from tensorflow.python.framework import ops as framework_ops
from tensorflow.python.ops import (gen_audio_ops, gen_rnn_ops,
                                   gen_stateful_random_ops)

# Where public functions live, and how often graphs of models hold them.
PLACES = [
    (tf.keras.layers, 8), (tf.keras.applications, 8), (tf.keras.losses, 2),
    (tf.keras.optimizers.legacy, 2),
    (tf.nn, 4), (tf.strings, 4), (tf.image, 3), (tf.math, 3), (tf.io, 3),
    (tf.lookup, 3), (tf.signal, 2), (tf.sparse, 2), (tf.ragged, 2),
    (tf.linalg, 2), (tf.random, 1), (tf.audio, 2), (tf, 3),
    (tf.quantization, 2), (gen_audio_ops, 2), (gen_rnn_ops, 3),
    (gen_stateful_random_ops, 1), (tf.compat.v1, 1),
    (tf.compat.v1.nn, 1), (tf.compat.v1.image, 1),
]
DEEP = 9


def ops_by_function():
    """TensorFlow's name of an op by that of its generated function."""
    return {name.lower(): name for name in dir(tf.raw_ops)
            if name[:1].isupper()}


def inside(function):
    name = getattr(function, "__module__", None) or ""
    return name.startswith(("tensorflow.", "keras."))


def plain(function):
    """Without what decorators put around it."""
    return inspect.unwrap(getattr(function, "fget", None) or function)


def names_in(tree):
    """Dotted names that are called or handed on in a function's body."""
    for node in ast.walk(tree):
        parts = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if isinstance(node, ast.Name):
            yield [node.id] + parts[::-1]


def resolve(parts, function, owner):
    if parts[0] == "self" and owner is not None and len(parts) > 1:
        return getattr(owner, parts[1], None)
    value = function.__globals__.get(parts[0])
    for part in parts[1:]:
        if not isinstance(value, (types.ModuleType, type)):
            return None
        try:
            value = getattr(value, part, None)
        except Exception:  # a lazy module that is not there
            return None
    return value


class Walk:
    def __init__(self):
        self.ops = ops_by_function()
        self.callees = {}

    def calls(self, function, owner):
        key = (function, owner)
        if key not in self.callees:
            self.callees[key] = []
            try:
                tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
            except (OSError, TypeError, SyntaxError):
                return []
            found = [resolve(p, function, owner) for p in names_in(tree)]
            self.callees[key] = [f for f in found if f is not None]
        return self.callees[key]

    def reach(self, start, owner):
        """{op: length of the shortest way}"""
        found, seen = {}, set()
        level = [(start, owner)]
        for depth in range(1, DEEP):
            following = []
            for function, of in level:
                try:
                    function = plain(function)
                except ValueError:
                    continue
                if (not isinstance(function, types.FunctionType)
                        or not inside(function) or (function, of) in seen):
                    continue
                seen.add((function, of))
                if ".gen_" in function.__module__:
                    name = self.ops.get(function.__name__.replace("_", ""))
                    found.setdefault(name, depth)
                    continue
                following += [(f, of) for f in self.calls(function, of)]
            level = following
        found.pop(None, None)
        return found


def public(place):
    for name in dir(place):
        try:
            value = getattr(place, name)
        except Exception:
            continue
        if isinstance(value, type) and inside(value):
            for method in dir(value):
                if method == "__init__" or method[:1] != "_":
                    yield name, getattr(value, method, None), value
        elif callable(value):
            yield name, value, None


def gradients(ours):
    for name in sorted(ours):
        try:
            yield name, framework_ops.gradient_registry.lookup(name)
        except LookupError:
            continue


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", default="hubtune")
    parser.add_argument("--all", action="store_true")
    options = parser.parse_args()
    listing = subprocess.run([options.program, "ops"], check=True,
                             stdout=subprocess.PIPE).stdout.decode()
    ours = {line.split()[0] for line in listing.splitlines() if line.split()}
    walk = Walk()
    score, nearest = collections.Counter(), {}

    def count(way, function, owner, weight):
        for op, depth in walk.reach(function, owner).items():
            score[op] += weight / depth
            nearest[op] = min(nearest.get(op, (99, "")), (depth, way))

    for place, weight in PLACES:
        for name, function, owner in public(place):
            way = "%s.%s" % (place.__name__.split(".", 2)[-1], name)
            count(way, function, owner, weight)
    for name, function in gradients(ours):
        count("the gradient of " + name, function, None, 2)
    for op, points in score.most_common():
        if op not in ours:
            print("%7.2f  %-36s %s" % (points, op, nearest[op][1]))
    if options.all:
        for op in sorted(set(walk.ops.values()) - set(score) - ours):
            print("%7.2f  %s" % (0, op))


if __name__ == "__main__":
    main()
