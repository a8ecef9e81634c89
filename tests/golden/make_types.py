#!/usr/bin/env python3
"""Runs one sample of every op row in each type that TensorFlow takes for its
first type attribute and writes what it computed to types.txt (see README.md).

    make_types.py [--list=PROGRAM]

What TensorFlow refuses has no case.
"""
import argparse
import os
import re
import sys

import make
import numpy as np
import tensorflow as tf
from tensorflow.python.framework import op_def_registry

# Gradients that TensorFlow has none of, for what it computes in half.
NO_GRADIENT = {"ResizeBicubic": {"half", "bfloat16"}}
# What is compared less closely, and why.
NEAR = {
    "bfloat16": ("Conv", "!near=5e-2"),  # TensorFlow adds in bfloat16
    "double": ("Resize", "!near=1e-6 !differences=0"),  # weights are floats
}


def spans_of(text):
    """[[(start, end), ...], ...]: where the inputs of each argument stand."""
    reader, random = make.Reader(text), np.random.RandomState(0)
    arguments = []

    def one():
        start = reader.at
        make.read_input(reader, random)
        reader.blanks()
        return start, reader.at

    reader.blanks()
    while reader.peek():
        if reader.accept("("):
            group = []
            reader.blanks()
            while not reader.accept(")"):
                group.append(one())
            arguments.append(group)
        elif reader.match(r"(!?)([A-Za-z_][A-Za-z_0-9]*)="):
            make.read_attr_value(reader)
        else:
            arguments.append([one()])
        reader.blanks()
    return arguments


def data_spans(definition, attr, text):
    """Those of the inputs of type `attr`; None where the sample cannot be
    had in another type."""
    if text.startswith("@") or re.search(r"\b%s=" % attr, text):
        return None
    arguments = spans_of(text)
    if len(arguments) != len(definition.input_arg):
        return None
    return [span for argument, group in zip(definition.input_arg, arguments)
            if argument.type_attr == attr for span in group] or None


def is_plain(text, span):
    values = text[span[0]:span[1]]
    return not re.search(r"nan|inf|'", values) and not (
        "{" in values and re.search(r"\.\d|e", values))


def types_of(definition, attr):
    found = [a for a in definition.attr if a.name == attr][0]
    allowed = [make.type_name(tf.as_dtype(t))
               for t in found.allowed_values.list.type]
    return [t for t in make.TYPES.values() if not allowed or t in allowed]


def retyped(op, text, spans, dtype):
    letters = list(text)
    for start, _ in spans:
        letters[start] = next(k for k, v in make.TYPES.items() if v == dtype)
    text = "".join(letters)
    if dtype in NO_GRADIENT.get(op, ()) and "!grad" not in text:
        text += " !grad=0"
    prefix, option = NEAR.get(dtype, ("-", ""))
    return text + " " + option if prefix in op else text


def lines_of(op, samples):
    """The cases of an op: per type the first sample that TensorFlow takes."""
    definition = op_def_registry.get(op)
    attrs = [a.type_attr for a in definition.input_arg if a.type_attr]
    if not attrs:
        return []
    usable = [(text, data_spans(definition, attrs[0], text))
              for text in samples]
    usable = [(t, s) for t, s in usable if s]
    lines = []
    for dtype in types_of(definition, attrs[0]):
        letter = next(k for k, v in make.TYPES.items() if v == dtype)
        there = any(all(t[a] == letter for a, _ in s) for t, s in usable)
        if there:
            continue
        plain = [(t, s) for t, s in usable if all(is_plain(t, x) for x in s)]
        for text, spans in plain[:3]:
            try:
                sample = make.Sample(op, retyped(op, text, spans, dtype))
                lines += make.case_lines(sample)
                break
            except Exception:  # TensorFlow has no such kernel
                continue
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", default="tests/list_samples")
    options = parser.parse_args()
    tf.get_logger().setLevel("ERROR")
    lines = []
    for _, rows in sorted(make.read_table(options.list).items()):
        for op, samples in rows:
            if op_def_registry.get(op):
                lines += lines_of(op, samples)
    with open(os.path.join(make.HERE, "types.txt"), "w",
              encoding="utf-8") as file:
        file.write("\n".join(lines))
    print("types: %d cases" % sum(x.startswith("case ") for x in lines))


if __name__ == "__main__":
    sys.exit(main())
