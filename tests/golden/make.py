#!/usr/bin/env python3
"""Runs the samples of all op rows through TensorFlow and writes what it
computed, values and gradients, to FAMILY.txt (see README.md).

    make.py [--list=PROGRAM] [--out=FOLDER] [--check] [FAMILY ...]

--list is tests/list_samples of the build folder. --check writes nothing here:
it compares what TensorFlow computes now with the files that stand here.
"""
import argparse
import os
import re
import subprocess
import sys
import zlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import rewriter_config_pb2
try:
    import tensorflow_text  # its ops register themselves
except ImportError:
    tensorflow_text = None
from tensorflow.python.framework import op_def_library, op_def_registry

HERE = os.path.dirname(os.path.abspath(__file__))
TYPES = {"f": "float", "d": "double", "h": "half", "g": "bfloat16",
         "i": "int32", "l": "int64", "b": "bool", "s": "string",
         "u": "uint8", "w": "uint16", "x": "uint32", "y": "uint64",
         "a": "int8", "e": "int16", "c": "complex64", "z": "complex128"}
WORDS = ["", "a", "the", "Hub", "tune", "mod ule", "\u00e9t\u00e9", "42"]
LIMITS = {"half": 1e-2, "bfloat16": 1e-2, "float": 1e-5, "complex64": 1e-5,
          "double": 1e-12, "complex128": 1e-12}


class BadSample(Exception):
    """A sample that the grammar does not know, or that TensorFlow refuses."""


# ---- the grammar of samples

class Reader:
    """Steps through the text of a sample."""

    def __init__(self, text):
        self.text, self.at = text, 0

    def peek(self):
        return self.text[self.at:self.at + 1]

    def accept(self, char):
        if self.peek() != char:
            return False
        self.at += 1
        return True

    def expect(self, char):
        if not self.accept(char):
            raise BadSample("wanted '%s' at '%s'" % (char,
                                                     self.text[self.at:]))

    def blanks(self):
        while self.accept(" "):
            pass

    def match(self, pattern):
        found = re.compile(pattern).match(self.text, self.at)
        if found:
            self.at = found.end()
        return found

    def string(self):
        """After the opening quote; bytes."""
        out = bytearray()
        while not self.accept("'"):
            if self.at >= len(self.text):
                raise BadSample("a string without end")
            if not self.accept("\\"):
                out += self.text[self.at].encode()
                self.at += 1
                continue
            found = self.match(r"x([0-9a-fA-F]{2})")
            if found:
                out.append(int(found.group(1), 16))
                continue
            escape = self.text[self.at]
            self.at += 1
            out += {"n": "\n", "t": "\t", "r": "\r"}.get(escape,
                                                         escape).encode()
        return bytes(out)


def split_samples(text):
    """The samples of a row: parts between ';', not inside quotes."""
    parts = re.findall(r"(?:'(?:\\.|[^'\\])*'|[^;'])+", text)
    return [part.strip() for part in parts if part.strip()]


def read_scalar(reader, dtype):
    if reader.accept("'"):
        return reader.string()
    found = reader.match(r"[^,}\s]+")
    if not found:
        raise BadSample("no value at '%s'" % reader.text[reader.at:])
    word = found.group(0)
    if dtype == "bool":
        return word in ("true", "1")
    if dtype.startswith("complex"):
        return complex(word)
    return float(word) if dtype in LIMITS else int(word)


def numpy_type(dtype):
    return tf.as_dtype(dtype).as_numpy_dtype


def draw(random, dtype, shape, low, high):
    count = int(np.prod(shape))
    if dtype == "string":
        values = [WORDS[random.randint(len(WORDS))] for _ in range(count)]
    elif dtype == "bool":
        values = random.randint(2, size=count)
    elif dtype in LIMITS:
        low, high = (-2, 2) if low is None else (low, high)
        values = random.uniform(low, high, count).astype(np.float32)
        if dtype.startswith("complex"):
            values = values + 1j * random.uniform(low, high, count).astype(
                np.float32)
    else:
        low, high = (0, 4) if low is None else (int(low), int(high))
        values = random.randint(low, high, count)
    return np.array(values).astype(numpy_type(dtype)).reshape(shape)


def read_input(reader, random):
    found = reader.match(r"([a-z])\[([0-9, ]*)\]")
    if not found or found.group(1) not in TYPES:
        raise BadSample("no input at '%s'" % reader.text[reader.at:])
    dtype = TYPES[found.group(1)]
    shape = [int(n) for n in found.group(2).split(",") if n.strip()]
    span = reader.match(r"\(([^,()]+),([^()]+)\)")
    if span:
        return dtype, draw(random, dtype, shape, float(span.group(1)),
                           float(span.group(2)))
    if not reader.accept("{"):
        return dtype, draw(random, dtype, shape, None, None)
    values = []
    while not reader.accept("}"):
        if values:
            reader.expect(",")
        values.append(read_scalar(reader, dtype))
    if len(values) == 1 and int(np.prod(shape)) > 1:
        raise BadSample("one value for shape %s" % shape)
    kind = object if dtype == "string" else numpy_type(dtype)
    array = np.empty(len(values), dtype=kind)
    array[:] = values
    return dtype, array.reshape(shape)


def read_attr_value(reader):
    """(kind, value); of lists a list of such."""
    if reader.accept("["):
        values = []
        while not reader.accept("]"):
            if values:
                reader.expect(",")
            values.append(read_attr_value(reader))
        return "list", [value for _, value in values]
    if reader.accept("'"):
        return "string", reader.string()
    found = reader.match(r"<([^>]*)>")
    if found:
        text = found.group(1)
        if text == "unknown shape":
            return "shape", tf.TensorShape(None)
        dims = [None if d.strip() == "?" else int(d)
                for d in text.split(",") if d.strip()]
        return "shape", tf.TensorShape(dims)
    found = reader.match(r"[^\s,\]]+")
    if not found:
        raise BadSample("no value at '%s'" % reader.text[reader.at:])
    word = found.group(0)
    if word in ("true", "false"):
        return "bool", word == "true"
    if re.fullmatch(r"-?\d+", word):
        return "int", int(word)
    try:
        return "float", float(word)
    except ValueError:
        return "type", tf.as_dtype(word)


class Sample:
    """inputs: per argument an array with its dtype, or a list of such."""

    def __init__(self, op, text):
        self.op, self.text = op, text
        self.inputs, self.attrs, self.options = [], {}, {}
        self.attr_text = []
        random = np.random.RandomState(
            zlib.crc32((op + ": " + text).encode()) & 0x7fffffff)
        reader = Reader(text)
        reader.blanks()
        while reader.peek():
            self.read_item(reader, random)
            reader.blanks()

    def read_item(self, reader, random):
        if reader.accept("("):
            group = []
            reader.blanks()
            while not reader.accept(")"):
                group.append(read_input(reader, random))
                reader.blanks()
            self.inputs.append(group)
            return
        start = reader.at
        found = reader.match(r"(!?)([A-Za-z_][A-Za-z_0-9]*)=")
        if not found:
            self.inputs.append(read_input(reader, random))
            return
        _, value = read_attr_value(reader)
        if found.group(1):
            self.options[found.group(2)] = float(value)
        else:
            self.attrs[found.group(2)] = value
            self.attr_text.append(reader.text[start:reader.at])


# ---- TensorFlow

def cotangent(tensor_dtype, shape):
    """A pattern that test_op_golden knows, too; exact in every float."""
    i = np.arange(int(np.prod(shape)))
    real = ((i * 7) % 11 - 5) / 4 + 0.125
    if tensor_dtype.is_complex:
        real = real + 1j * (((i + 3) * 7 % 11 - 5) / 4 + 0.125)
    return real.astype(tensor_dtype.as_numpy_dtype).reshape(shape)


def call_op(sample, definition):
    """The op in the default graph; its input tensors, one list per argument,
    and its outputs."""
    arguments = list(definition.input_arg)
    if len(arguments) != len(sample.inputs):
        raise BadSample("%d inputs wanted, %d given" % (len(arguments),
                                                        len(sample.inputs)))
    inferred = set()
    keywords, tensors = {}, []
    for argument, value in zip(arguments, sample.inputs):
        inferred |= {argument.type_attr, argument.number_attr,
                     argument.type_list_attr}
        group = value if isinstance(value, list) else [value]
        made = [tf.constant(array, dtype=dtype) for dtype, array in group]
        tensors.append(made)
        keywords[argument.name] = made if isinstance(value, list) else made[0]
    for name, value in sample.attrs.items():
        empty = any(not made for made in tensors)
        if name not in inferred or empty:
            keywords[name] = value
    for attr in definition.attr:
        if attr.HasField("default_value") and attr.name not in inferred:
            keywords.setdefault(attr.name, None)  # None: the default
    _, _, op, _ = op_def_library._apply_op_helper(sample.op, **keywords)
    return op, tensors, list(op.outputs)


def derive(op_outputs, tensors, values):
    """Per flattened floating input: its gradient tensor, None, or 'unknown'
    where TensorFlow has no rule."""
    floats = [(y, v) for y, v in zip(op_outputs, values)
              if y.dtype.is_floating or y.dtype.is_complex]
    flat = [x for made in tensors for x in made]
    wanted = [(k, x) for k, x in enumerate(flat)
              if x.dtype.is_floating or x.dtype.is_complex]
    if not floats or not wanted:
        return {}
    try:
        gradients = tf.gradients(
            [y for y, _ in floats], [x for _, x in wanted],
            [tf.constant(cotangent(y.dtype, v.shape)) for y, v in floats])
    except (LookupError, NotImplementedError):
        return {k: "unknown" for k, _ in wanted}
    gradients = [None if g is None else tf.convert_to_tensor(g)
                 for g in gradients]
    return {k: g for (k, _), g in zip(wanted, gradients)}


def session():
    config = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=1,
                                      inter_op_parallelism_threads=1)
    options = config.graph_options
    options.rewrite_options.disable_meta_optimizer = True
    options.rewrite_options.constant_folding = (
        rewriter_config_pb2.RewriterConfig.OFF)
    options.optimizer_options.opt_level = -1
    return tf.compat.v1.Session(config=config)


def as_array(value):
    """Bytes stay as they are: numpy would cut zeros at their end."""
    if isinstance(value, bytes):
        return np.array(value, dtype=object)
    return np.asarray(value)


def run_sample(sample):
    """(attributes as text, outputs, gradients)."""
    definition = op_def_registry.get(sample.op)
    if definition is None:
        raise BadSample("TensorFlow %s has no such op" % tf.__version__)
    with tf.Graph().as_default(), session() as run:
        op, tensors, outputs = call_op(sample, definition)
        bits = sample.options.get("decoded")
        if bits:  # the pixels of a file, whose bytes are a library's
            outputs = [tf.raw_ops.DecodeImage(
                contents=outputs[0], channels=0, dtype=tf.uint16 if bits == 16
                else tf.uint8, expand_animations=False)]
        run.run(tf.compat.v1.tables_initializer())
        values = run.run(outputs) if outputs else run.run(op) or []
        values = [as_array(v) for v in values]
        stated = int(sample.options.get("outputs", len(values)))
        values[stated:] = [np.zeros_like(v) for v in values[stated:]]
        gradients = {}
        if sample.options.get("grad", 1):
            gradients = derive(outputs, tensors, values)
        gradients = {k: run.run(g) if tf.is_tensor(g) else g
                     for k, g in gradients.items()}
        return attributes(sample, definition, op), list(
            zip([y.dtype for y in outputs], values)), gradients


def type_name(dtype):
    return {"float32": "float", "float64": "double",
            "float16": "half"}.get(dtype.name, dtype.name)


def attributes(sample, definition, op):
    """As given, and the lengths and types of list inputs."""
    words = list(sample.attr_text)
    names = set(sample.attrs)
    for argument in definition.input_arg:
        if argument.number_attr and argument.number_attr not in names:
            names.add(argument.number_attr)
            words.append("%s=%d" % (argument.number_attr,
                                    op.get_attr(argument.number_attr)))
        name = argument.type_list_attr
        if name and name not in names:
            names.add(name)
            words.append("%s=[%s]" % (name, ",".join(
                type_name(t) for t in op.get_attr(name))))
    return " ".join(words)


# ---- files

def escape(data):
    out = "'"
    for byte in data:
        char = chr(byte)
        if char in "'\\":
            out += "\\" + char
        elif 32 <= byte < 127:
            out += char
        else:
            out += "\\x%02x" % byte
    return out + "'"


def number(value, dtype):
    if dtype == "string":
        return escape(value if isinstance(value, bytes)
                      else str(value).encode())
    if dtype == "bool":
        return str(int(value))
    if dtype.startswith("complex"):
        part = "double" if dtype == "complex128" else "float"
        return number(value.real, part) + " " + number(value.imag, part)
    if dtype == "double":
        return "%.17g" % value
    return "%.9g" % value if dtype in LIMITS else "%d" % int(value)


def tensor_line(label, dtype, array):
    array = as_array(array)
    words = [label, dtype, "[%s]" % ",".join(str(n) for n in array.shape)]
    words += [number(v, dtype) for v in array.ravel()]
    return " ".join(words)


def case_lines(sample):
    attrs, outputs, gradients = run_sample(sample)
    lines = ["case %s: %s" % (sample.op, sample.text), "attrs " + attrs]
    flat = []
    for value in sample.inputs:
        flat += value if isinstance(value, list) else [value]
    for dtype, array in flat:
        lines.append(tensor_line("in", dtype, array))
    for dtype, array in outputs:
        lines.append(tensor_line("out", type_name(dtype), array))
    for k in sorted(gradients):
        g = gradients[k]
        if g is None or isinstance(g, str):
            lines.append("grad %d %s" % (k, g or "none"))
        else:
            lines.append(tensor_line("grad %d" % k, flat[k][0], g))
    return lines + [""]


def make_family(rows):
    """The lines of a family's file, and how many samples failed."""
    lines, failed = [], 0
    for op, samples in rows:
        for text in samples:
            if text.startswith("@"):
                continue
            try:
                lines += case_lines(Sample(op, text))
            except Exception as error:
                failed += 1
                reason = str(error).strip().split("\n")[0]
                print("%s: %s\n    %s" % (op, text, reason),
                      file=sys.stderr)
    return lines, failed


def same_words(word, other, limit):
    if word == other:
        return True
    try:
        a, b = float(word), float(other)
    except ValueError:
        return False
    return abs(a - b) <= limit * max(abs(a), abs(b), 1)


def compare(family, lines):
    """Says which lines differ from the committed file; their number."""
    path = os.path.join(HERE, family + ".txt")
    with open(path, encoding="utf-8") as file:
        old = file.read().split("\n")
    differing = abs(len(old) - len(lines))
    for before, now in zip(old, lines):
        a, b = before.split(" "), now.split(" ")
        limit = max([LIMITS[w] for w in a[:3] if w in LIMITS] or [0])
        same = len(a) == len(b) and all(
            same_words(x, y, limit) for x, y in zip(a, b))
        if not same:
            differing += 1
            print("%s:\n  - %s\n  + %s" % (path, before, now),
                  file=sys.stderr)
    return differing


def read_table(program):
    """{family: [(op, samples), ...]}"""
    table = {}
    text = subprocess.run([program], check=True, capture_output=True,
                          text=True).stdout
    for line in text.splitlines():
        family, op, _, _, _, samples = line.split("\t")
        table.setdefault(family, []).append((op, split_samples(samples)))
    return table


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("families", nargs="*")
    parser.add_argument("--list", default="tests/list_samples")
    parser.add_argument("--out", default=HERE)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    tf.get_logger().setLevel("ERROR")
    table = read_table(options.list)
    bad = 0
    for family in options.families or sorted(table):
        lines, failed = make_family(table[family])
        bad += failed
        if options.check:
            bad += compare(family, lines)
            continue
        with open(os.path.join(options.out, family + ".txt"), "w",
                  encoding="utf-8") as file:
            file.write("\n".join(lines))
        print("%s: %d cases, %d failed" % (
            family, sum(line.startswith("case ") for line in lines), failed))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
