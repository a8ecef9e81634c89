"""What the executor costs: recurrent layers and tiny nodes, beside TensorFlow.

    bench/rnn.py [--library build/.libs/libhubtune.so] [--seconds 3]

To be run by the Python of `tests/interop/env.sh pinned`. Writes the modules
with TensorFlow: an LSTM of 64 units over 100 steps of 64 features, batch 32,
as Keras saves it (a While over TensorLists), and a chain of 1,000 ops on a
vector of 8. Calls of both are timed in turn in this process, forward and
forward with backward; printed is the median of all calls.
"""
import argparse
import ctypes
import os
import statistics
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
import tensorflow as tf

BATCH, STEPS, UNITS, NODES = 32, 100, 64, 1000


class Status(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("message", ctypes.c_char_p)]


class Choice(ctypes.Structure):
    _fields_ = [("signature", ctypes.c_char_p), ("call", ctypes.c_char_p),
                ("training", ctypes.c_bool), ("n_arguments", ctypes.c_int),
                ("argument", ctypes.c_void_p), ("n_feeds", ctypes.c_int),
                ("n_fetches", ctypes.c_int), ("feed", ctypes.c_void_p),
                ("fetch", ctypes.c_void_p)]


class Hubtune:
    """A module through the library's C interface."""

    def __init__(self, library, path, name, x):
        self.c = ctypes.CDLL(library)
        with tempfile.NamedTemporaryFile(suffix=".npz") as f:
            np.savez(f, **{name: x})
            f.flush()
            self.inputs = self.made("ht_arrays_read", f.name.encode())
        module = self.made("ht_module_open", path.encode(), None)
        choice = Choice(call=b"__call__")
        self.function = self.made("ht_function_open", module,
                                  ctypes.byref(choice), None)

    def call(self, name, *words):
        f = getattr(self.c, name)
        f.restype = Status
        done = f(*words)
        if done.code:
            raise SystemExit("%s: %s" % (name, done.message))

    def made(self, name, *words):
        out = ctypes.c_void_p()
        self.call(name, *words, ctypes.byref(out))
        return out

    def free(self, *sets):
        for s in sets:
            self.c.ht_arrays_free(s)

    def forward(self):
        self.free(self.made("ht_function_run", self.function, self.inputs))

    def both(self):
        out, found = ctypes.c_void_p(), ctypes.c_void_p()
        self.call("ht_function_gradients", self.function, self.inputs, None,
                  ctypes.byref(out), ctypes.byref(found))
        self.free(out, found)


class TensorFlow:
    def __init__(self, path, x):
        self.root, self.x = tf.saved_model.load(path), tf.constant(x)
        self.variables = list(getattr(self.root, "trainable_variables",
                                      None) or [self.root.w])

        @tf.function
        def both(x):
            with tf.GradientTape() as tape:
                y = self.root(x)
                loss = tf.reduce_sum(y)
            return loss, tape.gradient(loss, self.variables)

        self.of_both = both
        self.of_one = tf.function(lambda x: self.root(x))

    def forward(self):
        self.of_one(self.x).numpy()

    def both(self):
        self.of_both(self.x)[0].numpy()


def write_lstm(path):
    tf.keras.utils.set_random_seed(1)
    net = tf.keras.Sequential([tf.keras.layers.Input((STEPS, UNITS)),
                               tf.keras.layers.LSTM(UNITS)])
    net.save(path)
    return "inputs", np.random.RandomState(1).normal(
        0, 1, (BATCH, STEPS, UNITS)).astype("f")


class Chain(tf.Module):
    """Ops of one input and of two, none of which can be left out."""

    def __init__(self):
        super().__init__()
        self.w = tf.Variable(np.linspace(0.1, 0.9, 8, dtype="f"))

    @tf.function(input_signature=[tf.TensorSpec([8])])
    def __call__(self, x):
        w = tf.identity(self.w)
        for i in range(NODES // 4):
            x = tf.tanh(tf.sin(x * w) + x)
        return x


def write_chain(path):
    tf.saved_model.save(Chain(), path)
    return "x", np.linspace(-1, 1, 8, dtype="f")


def medians(calls, seconds):
    """In turn, so that a busy machine is busy for all."""
    taken = {k: [] for k in calls}
    for f in calls.values():
        f()
        f()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for k, f in calls.items():
            before = time.perf_counter()
            f()
            taken[k].append(time.perf_counter() - before)
    return {k: statistics.median(v) for k, v in taken.items()}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--library", default="build/.libs/libhubtune.so")
    p.add_argument("--seconds", type=float, default=3)
    o = p.parse_args()
    print("%-28s %12s %12s %8s" % ("", "hubtune", "TensorFlow", "ratio"))
    for title, write, unit in (("LSTM, ms", write_lstm, 1e3),
                               ("a node of 1,000, us", write_chain,
                                1e6 / NODES)):
        with tempfile.TemporaryDirectory() as path:
            name, x = write(path)
            ours, theirs = Hubtune(o.library, path, name, x), TensorFlow(
                path, x)
            for what in ("forward", "both"):
                t = medians({"ours": getattr(ours, what),
                             "theirs": getattr(theirs, what)}, o.seconds)
                print("%-28s %12.3f %12.3f %8.2f" % (
                    title + (", forward" if what == "forward" else
                             ", with backward"), t["ours"] * unit,
                    t["theirs"] * unit, t["theirs"] / t["ours"]), flush=True)


if __name__ == "__main__":
    main()
