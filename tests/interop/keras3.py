"""Modules that Keras 3 exports, held against the newest TensorFlow.

    python tests/interop/keras3.py [--keep FOLDER] [NAME...]

Run by the Python of `env.sh newest`; environment as of compare.py.
"""
import argparse
import os
import shutil
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
import keras
import numpy as np
import tensorflow as tf

import compare
import differ
import exports
import feeds
import oracle
import program
import report

L = keras.layers
MODELS = {}


def model(write):
    MODELS[write.__name__] = write
    return write


def image_layers(x):
    x = L.Conv2D(8, 3, 2, padding="same", use_bias=False)(x)
    x = L.ReLU(6.0)(L.BatchNormalization()(x))
    x = L.DepthwiseConv2D(3, padding="same")(x)
    return L.GlobalAveragePooling2D()(L.Dropout(0.2)(x))


@model
def image_classifier():
    x = L.Input((16, 16, 3))
    y = image_layers(L.Rescaling(1 / 127.5, -1)(L.RandomFlip()(x)))
    return keras.Model(x, L.Dense(5, "softmax")(y))


@model
def recurrent():
    x = L.Input((6, 4))
    y = L.Bidirectional(L.LSTM(5, return_sequences=True))(L.Masking()(x))
    y = L.GRU(4)(y)
    return keras.Model(x, L.Dense(3)(y))


@model
def transformer():
    ids = L.Input((8,), dtype="int32", name="ids")
    x = L.Embedding(20, 8, mask_zero=True)(ids)
    y = L.LayerNormalization()(x)
    x = L.Add()([x, L.MultiHeadAttention(2, 4)(y, y)])
    x = L.Dense(8, "gelu")(L.Dropout(0.1)(x))
    return keras.Model({"ids": ids}, {
        "pooled": L.GlobalAveragePooling1D()(x), "states": x})


@model
def texts():
    front = L.TextVectorization(30, output_sequence_length=6)
    front.adapt(feeds.SENTENCES)
    x = L.Input((), dtype="string")
    y = L.Embedding(30, 8)(front(x))
    return keras.Model(x, L.Dense(4)(L.GlobalMaxPooling1D()(y)))


@model
def several_inputs():
    a, b = L.Input((4,), name="a"), L.Input((5,), name="b")
    x = L.Concatenate()([L.Dense(6, "relu")(a), L.UnitNormalization()(b)])
    x = L.GroupNormalization(1)(x)
    return keras.Model([a, b], [L.Dense(2, name="left")(x),
                                L.Dense(3, "sigmoid", name="right")(x)])


@model
def mixed_precision():
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    try:
        x = L.Input((6,))
        y = L.Dense(5, dtype="float32")(L.Dense(8, "relu")(x))
        return keras.Model(x, y)
    finally:
        keras.mixed_precision.set_dtype_policy("float32")


def lora():
    net = keras.Sequential([L.Input((6,)), L.Dense(8, "relu"), L.Dense(3)])
    net.layers[0].enable_lora(2)
    return net


MODELS["lora"] = lora


def trains(path, call, bound):
    """Steps of training move the loss, and what was trained is what every
    loader of TensorFlow reads: Keras saves each variable twice."""
    feed = feeds.for_call(call)
    arrays = {"label": np.arange(feeds.BATCH)}
    columns = []
    for i, (k, v) in enumerate(feed.items()):
        arrays["x%d" % i] = v
        columns += ["--input", "%s=x%d" % (k, i)]
    floats = sorted(k for k, v in call.run(feed).items()
                    if v.dtype == np.float32)
    out, tuned = program.scratch("run"), program.scratch("tuned")
    for folder in (out, tuned):
        shutil.rmtree(folder, ignore_errors=True)
    program.hubtune(
        "train", "--module", path, "--data",
        program.write_npz(program.scratch("data.npz"), arrays), "--out", out,
        *columns, "--output", floats[0], "--label", "label", "--trainable",
        "--epochs", 3, "--no-shuffle", "--signature", call.arguments[1])
    losses = program.losses(out)
    program.hubtune("export", out, tuned, "--what", "module")
    found = [] if losses[-1] < losses[0] else ["losses are %s" % losses]
    found = [] if losses[-1] < losses[0] else ["losses are %s" % losses]
    wanted = program.run(tuned, call, feed)
    if not differ.values(program.run(path, call, feed), wanted, 1e-6):
        found.append("the module is as before")
    again = [c for c in oracle.calls(tuned) if c.name == call.name]
    again.append(oracle.serving_calls(tuned)[call.arguments[1]])
    for c in again:
        found += differ.values(c.run(feed), wanted, bound)
    return found


def check(r, name, path):
    calls = oracle.calls(path)
    bound = 2 ** -8 if "mixed" in name else 1e-4
    for call in calls:
        compare.compare_call(r, name, path, call, bound)
    signature = [c for c in calls if c.arguments[0] == "--signature"][0]
    r.guarded(name, "training", "three steps", lambda: trains(
        path, signature, bound))
    folder = program.kept(name + ".keras3.savedmodel")
    r.guarded(name, "export", "savedmodel", lambda: compare.export(
        path, "savedmodel", folder))
    exports.check(r, name, calls, folder)


def main(words):
    p = argparse.ArgumentParser()
    p.add_argument("--keep")
    p.add_argument("names", nargs="*")
    o = p.parse_args(words)
    folder = os.path.abspath(o.keep or program.scratch("keras3"))
    r = report.Report()
    for name in o.names or MODELS:
        path = os.path.join(folder, name)
        if not os.path.isdir(path):
            keras.utils.set_random_seed(4)
            MODELS[name]().export(path, verbose=False)
        try:
            check(r, name, path)
        except Exception as e:
            r.failed(name, "run", "%s: %s" % (type(e).__name__, str(e)[:300]))
    shutil.rmtree(program.SCRATCH, ignore_errors=True)
    return r.show()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
