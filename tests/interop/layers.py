"""Layers and authored graphs against tensorflow_hub: configurations go both
ways, a tuned layer is one of Keras's, graphs of any tags are hub.Module's.

    layers.py FOLDER

FOLDER: where examples/check.sh left what the examples wrote. HUBTUNE_AUTHOR
is tests/interop_author.
"""
import json
import os
import subprocess
import sys

import numpy as np
import tensorflow as tf
import tensorflow_hub as hub

import program

v1 = tf.compat.v1
FOLDER = sys.argv[1]
MODELS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..",
                      "models", "behaviours")
AUTHOR = os.environ["HUBTUNE_AUTHOR"]
TEXTS = np.array(["calm sunny day", "cold unknown", "", "w1"], object)


def same(what, found, wanted):
    assert np.shape(found) == np.shape(wanted), (what, np.shape(found))
    worst = np.max(np.abs(found - wanted)) / (1 + np.max(np.abs(wanted)))
    assert worst <= 1e-5, (what, worst)
    print("  ok   %-46s %.1e" % (what, worst))


def author(*words):
    subprocess.run([AUTHOR, *words], check=True)


def ours(config, feed):
    """What our layer of a configuration makes of arrays."""
    path, out = program.scratch("layer.json"), program.scratch("layer.npz")
    with open(path, "w") as f:
        json.dump(config, f)
    author("layer", path, program.write_npz(program.scratch("l.npz"), feed),
           out)
    return program.read_npz(out)


# ---- what a program of ours wrote


def written_layer():
    with open(os.path.join(FOLDER, "layer.json")) as f:
        config = json.load(f)
    layer = hub.KerasLayer.from_config(config)
    assert layer.name == "texts" and layer.trainable
    found = ours(config, {"sentences": TEXTS})
    same("our configuration in hub.KerasLayer", layer(tf.constant(
        list(TEXTS))).numpy(), list(found.values())[0])
    path = os.path.join(FOLDER, "layer")
    tuned = hub.KerasLayer(path, trainable=True)
    assert len(tuned.trainable_weights) == 1
    found = ours(dict(config, handle=path), {"sentences": TEXTS})
    same("a tuned layer in hub.KerasLayer", tuned(tf.constant(
        list(TEXTS))).numpy(), list(found.values())[0])
    moved = np.abs(tuned.weights[0].numpy() - layer.weights[0].numpy())
    assert np.max(moved) > 1e-3, "nothing was tuned"


# ---- configurations of Keras


def keras_layers():
    x = np.array([[1], [3], [7]], np.float32)
    half, norm, twice = (os.path.join(MODELS, n) for n in (
        "half_plus_one", "batch_norm", "functions"))
    vector = x[:, 0].copy()
    for what, feed, options in (
            ("a callable", x, dict(handle=half)),
            ("a shape", x, dict(handle=half, output_shape=[1])),
            ("a signature", x, dict(handle=half, signature="both",
                                    output_key="twice")),
            ("outputs as a dict", x, dict(handle=half, signature="both",
                                          signature_outputs_as_dict=True)),
            ("a frozen layer", x, dict(handle=norm)),
            ("a trainable layer", x, dict(handle=norm, trainable=True)),
            ("a TF1 module", vector, dict(handle=twice)),
            ("an output of a TF1 module", vector, dict(
                handle=twice, output_key="hundredfold"))):
        layer = hub.KerasLayer(**options)
        wanted = layer(feed, training=True)
        if not isinstance(wanted, dict):
            wanted = {"": wanted}
        found = ours(layer.get_config(), {"x": feed})
        if len(wanted) == 1:
            found = {"": list(found.values())[0]}
        assert sorted(found) == sorted(wanted), sorted(found)
        for k, v in wanted.items():
            same("Keras's configuration of " + what, found[k], v.numpy())


# ---- graphs of any tags


def graphs():
    path = program.scratch("graphs")
    author("graphs", path)
    x = np.array([[1, 2], [3, 4], [5, 6]], np.float32)
    for n, tags in ((1, set()), (2, {"train"}), (3, {"big", "gpu"})):
        with tf.Graph().as_default(), v1.Session() as session:
            m = hub.Module(path, trainable=True, tags=tags)
            y = m(x)
            updates = v1.get_collection(v1.GraphKeys.UPDATE_OPS)
            losses = v1.get_collection(v1.GraphKeys.REGULARIZATION_LOSSES)
            session.run(v1.global_variables_initializer())
            same("a graph tagged {%s}" % ",".join(sorted(tags)),
                 session.run(y), n * x)
            assert len(losses) == n - 1, losses
            assert len(updates) == (n > 1), updates
            if n > 1:
                session.run(updates)
                assert session.run(m(signature="calls")) == 1
            assert sorted(m.variable_map) == ["calls", "w"]


def main():
    written_layer()
    keras_layers()
    graphs()


if __name__ == "__main__":
    main()
