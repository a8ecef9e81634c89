"""Writes a network whose numbers are rounding's, and how far TensorFlow's own
are from one another.

    python make_noise.py

tests/models/found_noise has two convolutions with biases before batch norm in
training mode; tests/golden/found_noise.txt its output and gradients in float
without and with oneDNN, and in double. tests/test_found.c reads them.
"""
import os
import subprocess
import sys
import tempfile

import numpy as np
import tensorflow as tf

from cases import case, fresh, here

random = np.random.RandomState(14)
SHAPES = [[3, 3, 2, 4], [4], [3, 3, 4, 4], [4]]
VALUES = [random.normal(0, 0.5, s).astype("f") for s in SHAPES]
IMAGES = random.normal(0, 1, (4, 6, 6, 2)).astype("f")
KEY = "weights/%d/.ATTRIBUTES/VARIABLE_VALUE"


def fused(x):
    ones = tf.ones([4])
    return tf.raw_ops.FusedBatchNormV3(
        x=x, scale=ones, offset=0 * ones, mean=ones, variance=ones,
        epsilon=1e-3).y


def by_moments(x):
    """The same in double, for which there is no fused operation."""
    mean, variance = tf.nn.moments(x, [0, 1, 2])
    return (x - mean) * tf.math.rsqrt(variance + 1e-3)


def network(x, weights, norm):
    for kernel, bias in (weights[:2], weights[2:]):
        x = tf.nn.relu(norm(tf.nn.conv2d(x, kernel, 1, "SAME") + bias))
    return tf.reduce_mean(x * x, [1, 2])


def numbers(dtype, norm):
    weights = [tf.Variable(v.astype(dtype)) for v in VALUES]
    with tf.GradientTape() as tape:
        y = network(tf.constant(IMAGES.astype(dtype)), weights, norm)
    return [y.numpy()] + [g.numpy() for g in tape.gradient(y, weights)]


def numbers_of_a_process(onednn):
    """The setting is read once, when TensorFlow is loaded."""
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "found.npz")
        subprocess.run([sys.executable, __file__, file], check=True,
                       env=dict(os.environ, TF_ENABLE_ONEDNN_OPTS=onednn))
        with np.load(file) as found:
            return [found["arr_%d" % i] for i in range(len(found))]


class Noise(tf.train.Checkpoint):
    def __init__(self):
        super().__init__()
        self.weights = [tf.Variable(v) for v in VALUES]

    @tf.function(input_signature=[tf.TensorSpec([None, 6, 6, 2], name="x")])
    def __call__(self, x):
        return {"y": network(x, self.weights, fused)}


def main():
    found = {"plain": numbers_of_a_process("0"),
             "onednn": numbers_of_a_process("1"),
             "double": numbers("d", by_moments)}
    m = Noise()
    tf.saved_model.save(m, fresh("found_noise"), signatures=m.__call__)
    with open(os.path.join(here, "..", "golden", "found_noise.txt"), "w") as f:
        case(f, "serving_default", {"x": IMAGES},
             {k: a[0] for k, a in found.items()},
             [("%s:%s" % (KEY % i, k), a[1 + i])
              for k, a in found.items() for i in range(len(VALUES))])


if __name__ == "__main__":
    if len(sys.argv) > 1:
        np.savez(sys.argv[1], *numbers("f", fused))
    else:
        main()
