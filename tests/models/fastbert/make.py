#!/usr/bin/env python3
"""Writes the models of this folder with TensorFlow Text 2.15, and the cases
of test_fastbert.c, which it prints. normalize.bin is put together here: a
table of a few characters; the others come from the library's builder."""
import gzip
import os
import struct

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
from tensorflow_text.core.pybinds import (
    pywrap_fast_wordpiece_tokenizer_model_builder as builder)
from tensorflow_text.python.ops import fast_bert_normalizer
from tensorflow_text.python.ops import fast_wordpiece_tokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
WORDS = ["[UNK]", "un", "want", "##want", "##ed", "runn", "##ing", "\u00e9",
         "##\u00e9", "h", "##a", ",", "#", "##", "ab", "##b", "'", "\u6771",
         "a"]
CHANGES = {"A": "a", "H": "h", "\u00c9": "e", "\u0301": "", "\ufb01": "fi",
           "\u00a0": " "}
SINGLE = ["unwanted", "running", "\u00e9\u00e9", "xyz", "", "haxa",
          "unwantedunwanted", "##", "##ed", "#a", "abb", "hab", "unwanteded"]
TEXTS = ["unwanted running, \u00e9\u00e9!xyz", "",
         " haxa\x1d\x85\u00a0ab \u6771ab\u6771", "un'want##ed", "\t",
         b"ab\xff", "h\u2007a \u3000a,,?ab"]
MIXED = ["Hello \u00c9tH\u00c9", "A\u0301b\0C", "\ufb01 x\u00a0",
         b"A\xff\xc3", ""]


def double_array(words):
    """Units of a trie of bytes -> value; see op_fastbert.c."""
    units, used = {}, {0}

    def place(at, entries):
        labels = sorted({e[0][0] if e[0] else 0 for e in entries})
        block = 256
        while any(block ^ label in used for label in labels):
            block += 256
        used.update(block ^ label for label in labels)
        units[at] = units.get(at, 0) | (at ^ block) << 10
        for label in labels:
            below = [(e[0][1:], e[1]) for e in entries
                     if (e[0][0] if e[0] else 0) == label]
            if label == 0:
                units[at] |= 0x100
                units[block] = 1 << 31 | below[0][1]
            else:
                units[block ^ label] = label
                place(block ^ label, below)

    place(0, [(w, v) for w, v in sorted(words.items())])
    return [units.get(i, 0) for i in range((max(units) | 255) + 1)]


def normalizer():
    pool, words = b"", {}
    for before, after in CHANGES.items():
        data = after.encode()
        words[before.encode()] = 1 << 30 | len(pool) << 6 | len(data)
        pool += data
    zero = 1 << 30 | len(pool) << 6 | 1
    pool += b" "
    units = double_array(words)
    vtable = struct.pack("<HHHHHH", 12, 20, 16, 4, 8, 12)
    start = 4 + len(vtable)
    vector = struct.pack("<I%dI" % len(units), len(units), *units)
    table = start + 20
    body = struct.pack("<iIiIB3x", len(vtable), table - start - 4, zero,
                       table + len(vector) - start - 12, 1)
    return (struct.pack("<I", start) + vtable + body + vector +
            struct.pack("<I", len(pool)) + pool + b"\0" * 4)


def as_bytes(text):
    return text if isinstance(text, bytes) else text.encode()


def literal(data):
    out, after_hex = "", False
    for byte in data:
        char = chr(byte)
        if 32 <= byte < 127 and char not in '"\\?':
            out += '" "' if after_hex and char in "0123456789abcdefABCDEF" \
                else ""
            out, after_hex = out + char, False
        else:
            out, after_hex = out + "\\x%02x" % byte, True
    return '"%s"' % out


def show(model, texts, describe):
    data = tf.constant(np.frombuffer(model, np.uint8))
    for text in texts:
        raw = as_bytes(text)
        print("{%s, %d,\n %s}," % (literal(raw), len(raw),
                                   literal(describe(raw, data))))


def pieces(raw, model):
    op = fast_wordpiece_tokenizer.gen_fast_wordpiece_tokenizer
    r = op.fast_wordpiece_tokenize_with_offsets([raw], model)
    return b"".join(b"%s,%d,%d,%d " % row for row in zip(
        r[0].numpy(), r[1].numpy(), r[3].numpy(), r[4].numpy()))


def normal(raw, model):
    op = fast_bert_normalizer.gen_fast_bert_normalizer
    r = op.fast_bert_normalize([raw], model, get_offsets=True)
    return r[0].numpy()[0] + b"".join(b" %d" % i for i in r[1].numpy())


def main():
    models = {
        "words": builder.build_fast_wordpiece_model(WORDS, 9, "##", "[UNK]",
                                                    True, False),
        "texts": builder.build_fast_wordpiece_model(WORDS, 100, "##", "[UNK]",
                                                    False, False),
        "normalize": normalizer()}
    for name, data in models.items():
        path = os.path.join(HERE, name + ".bin.gz")
        with open(path, "wb") as file:
            file.write(gzip.compress(data, 9, mtime=0))
    show(models["words"], SINGLE, pieces)
    show(models["texts"], TEXTS, pieces)
    show(models["normalize"], MIXED, normal)


if __name__ == "__main__":
    main()
