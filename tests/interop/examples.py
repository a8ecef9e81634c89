"""What the examples write, loaded in TensorFlow and tensorflow_hub: the same
outputs as here, variables that train, losses and updates where they belong.

    examples.py FOLDER MODULES

FOLDER: where examples/check.sh left what they wrote; MODULES: what modules.py
wrote.
"""
import os
import sys

import numpy as np
import tensorflow as tf
import tensorflow_hub as hub

import program

v1 = tf.compat.v1
FOLDER, MODULES = sys.argv[1:]
TEXTS = np.array(["calm sunny day", "cold unknown", "", "w1"], object)
NUMBERS = np.array([[1, 2, 3, 4], [-1, .5, 0, 1], [0, 0, 0, 0],
                    [.1, -.2, .3, .4]], np.float32)
JOINED = {"title": TEXTS, "body": TEXTS[::-1].copy(), "x": NUMBERS}


def path(name):
    return os.path.join(FOLDER, name)


def ours(name, feed, *words):
    out = program.scratch("outputs.npz")
    program.hubtune("run", path(name), *words, "--inputs",
                    program.write_npz(program.scratch("in.npz"), feed),
                    "--outputs", out)
    return program.read_npz(out)


def same(what, found, wanted):
    assert np.shape(found) == np.shape(wanted), (what, np.shape(found))
    worst = np.max(np.abs(found - wanted)) / (1 + np.max(np.abs(wanted)))
    assert worst <= 1e-5, (what, worst)
    print("  ok   %-34s %.1e" % (what, worst))


def tensors(feed):
    return {k: tf.constant([t for t in v] if v.dtype == object else v)
            for k, v in feed.items()}


# ---- SavedModels, eagerly


def saved_model(name, feed, output):
    loaded = hub.load(path(name))
    wanted = ours(name, feed, "--signature", "default")[output]
    values = tensors(feed)
    only = values if len(values) > 1 else list(values.values())[0]
    same(name + " __call__", loaded(only).numpy(), wanted)
    found = loaded.signatures["default"](**values)[output]
    same(name + " signature", found.numpy(), wanted)
    assert len({v.name for v in loaded.variables}) == len(loaded.variables)
    return loaded


def joined_trains():
    loaded = saved_model("joined.savedmodel", JOINED, "default")
    before = {v.name: v.numpy() for v in loaded.variables}
    with tf.GradientTape() as tape:
        y = loaded(tensors(JOINED), training=True)
        loss = tf.reduce_sum(y[:, 0]) + loaded.regularization_losses[0]()
    gradient = tape.gradient(loss, loaded.trainable_variables)
    assert all(g is not None for g in gradient)
    moved = {v.name for v in loaded.variables
             if np.any(v.numpy() != before[v.name])}
    assert moved == {"numbers/bn/mean:0", "numbers/bn/variance:0"}, moved
    print("  ok   joined.savedmodel trains")


def one_twice():
    """A module with a saved gradient beside itself: all that is named must
    have been renamed."""
    module, run = os.path.join(MODULES, "custom_gradient"), program.scratch("j")
    data = program.write_npz(program.scratch("data.npz"), {
        "x": NUMBERS, "label": np.arange(4) % 2})
    program.hubtune("train", "--module", "a=" + module, "--module",
                    "b=" + module, "--data", data, "--input", "a.x=x",
                    "--input", "b.x=x", "--out", run, "--trainable",
                    "--epochs", 1)
    weight = np.array([[1, 0], [2, 0], [0, 1], [0, 3]], np.float32)
    out = program.scratch("g.npz")
    program.hubtune(
        "run", run + "/model", "--inputs",
        program.write_npz(program.scratch("in.npz"),
                          {"a_x": NUMBERS, "b_x": NUMBERS}),
        "--signature", "serving_default", "--gradients", out, "--cotangents",
        program.write_npz(program.scratch("w.npz"), {"scores": weight}))
    loaded = tf.saved_model.load(run + "/model")
    with tf.GradientTape() as tape:
        y = loaded.signatures["serving_default"](a_x=NUMBERS, b_x=NUMBERS)
        loss = tf.reduce_sum(y["scores"] * weight)
    found = tape.gradient(loss, loaded.trainable_variables)
    ours = program.read_npz(out)
    for i, g in enumerate(found):
        same("a module twice, gradient %d" % i, g.numpy(),
             ours["variables/%d" % i])


# ---- the TF1 Hub format, in hub.Module


def module(name, feed, tags, n_updates, n_losses):
    words = ["--tags", ",".join(tags)] if tags else []
    wanted = ours(name, feed, *words)["default"]
    with tf.Graph().as_default():
        m = hub.Module(path(name), trainable=True, tags=tags)
        y = m(feed, as_dict=True)["default"]
        updates = v1.get_collection(v1.GraphKeys.UPDATE_OPS)
        losses = v1.get_collection(v1.GraphKeys.REGULARIZATION_LOSSES)
        weights = v1.trainable_variables()
        gradient = tf.gradients([y] + losses, weights)
        with v1.Session() as session:
            session.run([v1.global_variables_initializer(),
                         v1.tables_initializer()])
            same("%s {%s}" % (name, ",".join(tags)), session.run(y), wanted)
            session.run(updates)
    assert (len(updates), len(losses)) == (n_updates, n_losses), updates
    lost = [w.name for w, g in zip(weights, gradient) if g is None]
    assert not [n for n in lost if "/logits/" not in n], lost


def main():
    saved_model("extractor", {"text": TEXTS}, "scores")
    joined_trains()
    one_twice()
    module("tuned", {"text": TEXTS}, set(), 0, 0)
    for name, feed in (("numbers", {"x": NUMBERS}), ("consumed", {
            "x": NUMBERS}), ("joined.hub1", JOINED)):
        module(name, feed, set(), 0, 1)
        module(name, feed, {"train"}, 2, 1)
    spec = hub.load_module_spec(path("numbers"))
    assert spec.get_signature_names() and spec.get_tags()


if __name__ == "__main__":
    main()
