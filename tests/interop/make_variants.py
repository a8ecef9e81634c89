"""Writes the module of tests/models/hub1_train with a real TensorFlow: two
meta graphs, {} and {train}, over the same variables; batches to train it on;
and, in tests/golden/variants.txt, the losses of ten steps on the graph
{train} and the variables after them.

    python make_variants.py

The steps are those of a TF1 trainer: gradients of the loss with the module's
regularization losses, applied together with the module's update_ops.
"""
import os
import shutil

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow as tf  # noqa: E402
import tensorflow_hub as hub  # noqa: E402

v1 = tf.compat.v1
here = os.path.dirname(os.path.abspath(__file__))
folder = os.path.join(here, "..", "models", "hub1_train")
golden = os.path.join(here, "..", "golden", "variants.txt")
STEPS, BATCH, FEATURES, HIDDEN, OUTPUTS = 10, 8, 5, 6, 2


def body(training):
    x = v1.placeholder(tf.float32, [None, FEATURES], "x")
    rate = v1.placeholder_with_default(0.0, [], "rate")
    kernel = v1.get_variable("hidden/kernel", [FEATURES, HIDDEN],
                             regularizer=lambda w: 0.05 * v1.nn.l2_loss(w),
                             initializer=v1.random_normal_initializer(seed=3))
    h = v1.layers.batch_normalization(
        tf.matmul(x, kernel), momentum=0.8, training=training, name="bn")
    h = tf.nn.relu(h)
    if training:
        h = tf.nn.dropout(h, rate=rate, seed=1)
        calls = v1.get_variable("calls", [], trainable=False,
                                initializer=v1.zeros_initializer())
        v1.add_to_collection(v1.GraphKeys.UPDATE_OPS, calls.assign_add(1.0))
    out = v1.get_variable("out/kernel", [HIDDEN, OUTPUTS],
                          regularizer=lambda w: 0.1 * v1.nn.l2_loss(w),
                          initializer=v1.random_normal_initializer(seed=4))
    hub.add_signature(inputs={"x": x, "rate": rate},
                      outputs={"default": tf.matmul(h, out)})


def write(out, name, values):
    flat = np.asarray(values).reshape(-1)
    out.write("%s %d %s\n" % (name, len(flat),
                              " ".join("%.9g" % v for v in flat)))


def main():
    random = np.random.RandomState(6)
    x = (2 * random.randn(STEPS * BATCH, FEATURES) + 1).astype(np.float32)
    y = random.randn(STEPS * BATCH, OUTPUTS).astype(np.float32)
    spec = hub.create_module_spec(
        body, tags_and_args=[(set(), {"training": False}),
                             ({"train"}, {"training": True})])
    shutil.rmtree(folder, ignore_errors=True)
    with v1.Graph().as_default():
        module = hub.Module(spec, tags={"train"}, trainable=True)
        at, label = v1.placeholder(tf.float32, [None, FEATURES]), v1.placeholder(
            tf.float32, [None, OUTPUTS])
        answer = module({"x": at, "rate": 0.0})
        loss = tf.reduce_mean((answer - label) ** 2) + v1.add_n(
            v1.get_collection(v1.GraphKeys.REGULARIZATION_LOSSES))
        with v1.control_dependencies(
                v1.get_collection(v1.GraphKeys.UPDATE_OPS)):
            step = v1.train.GradientDescentOptimizer(0.1).minimize(loss)
        with v1.Session() as session, open(golden, "w") as out:
            session.run(v1.global_variables_initializer())
            module.export(folder, session)
            losses = []
            for t in range(STEPS):
                rows = slice(t * BATCH, (t + 1) * BATCH)
                feed = {at: x[rows], label: y[rows]}
                losses.append(session.run([loss, step], feed)[0])
            write(out, "losses", losses)
            for v in v1.global_variables():
                write(out, v.op.name.split("/", 1)[1], session.run(v))
    np.savez(os.path.join(folder, "..", "hub1_train.npz"), x=x, y=y,
             rate=np.float32(0))


main()
