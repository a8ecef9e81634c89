"""The families of published modules, as functions that write one each.

`@family(...)` registers a function that writes a module into the folder it is
given. Its `feed(name, spec, rng)` gives the value of an input that random
numbers do not suit, or None. `train` says how it is trained: "call" or
"signature NAME", with inputs and output of the module; None: not at all.
"""
import os
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
import tensorflow as tf

FAMILIES = {}


class Family:
    def __init__(self, write, quick, feed, train, output, rates, bound,
                 batch):
        self.name, self.write, self.doc = write.__name__, write, write.__doc__
        self.quick, self.feed, self.train = quick, feed, train
        self.output, self.rates, self.bound = output, rates, bound
        self.batch = batch


def family(quick=False, feed=None, train="call", output=None,
           rates=(0.05, 0.002), bound=1e-4, batch=3):
    """rates: of SGD and of Adam. bound: of relative differences. batch:
    examples of a call where batch norm needs more to be well conditioned."""
    def register(write):
        FAMILIES[write.__name__] = Family(write, quick, feed, train, output,
                                          rates, bound, batch)
        return write
    return register


def spec(shape, dtype=tf.float32, name=None):
    return tf.TensorSpec(shape, dtype, name)


def save(obj, path, signatures=None):
    tf.saved_model.save(
        obj, path, signatures=signatures,
        options=tf.saved_model.SaveOptions(experimental_custom_gradients=True))


def variable(seed, *shape, scale=None, **more):
    rng = np.random.RandomState(seed)
    scale = scale or 1 / np.sqrt(shape[0] if len(shape) > 1 else 4.0)
    return tf.Variable(rng.normal(0, scale, shape).astype("f"), **more)


def lines_file(lines, name="vocabulary.txt"):
    path = os.path.join(tempfile.mkdtemp(), name)
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")
    return path


def calibrated(net, shape, batches=4, momentum=0.5):
    """Averages of batch norm as of some batches, so that activations of a
    network of random weights neither vanish nor explode."""
    norms = [x for x in net._flatten_layers()
             if isinstance(x, tf.keras.layers.BatchNormalization)]
    before = [x.momentum for x in norms]
    rng = np.random.RandomState(5)
    for x in norms:
        x.momentum = momentum
    for _ in range(batches):
        net(tf.constant(rng.normal(0, 1, (8,) + shape).astype("f")),
            training=True)
    for x, m in zip(norms, before):
        x.momentum = m
    return net
