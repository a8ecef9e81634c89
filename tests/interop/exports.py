"""What hubtune exports, loaded in TensorFlow: every way it may be read."""
import os

import numpy as np
import tensorflow as tf
import tensorflow_hub as hub

import differ
import feeds
import oracle

v1 = tf.compat.v1
BOUND = 1e-5


def check(report, module, original, exported, outcome=None):
    """original: the calls of the module; exported: folder. `outcome` gives
    wanted outputs of a call; else TensorFlow's own of the original."""
    what = oracle.format_of(exported)
    report.guarded(module, "export", what + " interface",
                   lambda: interface(original, exported))
    for call in original:
        report.guarded(module, "export", "%s %s" % (what, call.name),
                       lambda: same_outputs(call, exported, outcome))
    if what == "sm2":
        layers(report, module, original, exported)
        serving(report, module, original, exported)


# ---- interface


def kind(call):
    return "call" if call.arguments[0] == "--call" else "signature"


def wanted_names(original, exported):
    """Calls that an export has: all of the same format; by conversion the
    signatures, and `__call__`."""
    names = {match_name(c, exported) for c in original}
    return {n for n in names if n}


def is_converted(original_format, exported):
    return original_format != oracle.format_of(exported)


def match_name(call, exported):
    """The name of a call's counterpart in an export, None: has none."""
    target = oracle.format_of(exported)
    source = getattr(call, "format", None)
    if source == target:
        return call.name
    if target == "hub1":
        return to_hub1(call)
    return to_saved_model(call)


def to_hub1(call):
    if kind(call) == "signature":
        return call.arguments[1]
    if call.arguments[1] != "__call__":
        return None
    return "default {train}" if "--training" in call.arguments else "default"


def to_saved_model(call):
    if call.arguments[-1] == "train" and call.arguments[-2] == "--tags":
        return None  # of the graph {train}: a training trace
    return "signature " + call.arguments[1]


def interface(original, exported):
    have = {c.name: c for c in calls_of(exported)}
    found = []
    for call in original:
        name = match_name(call, exported)
        if not name or name.endswith("{train}"):
            continue
        if name not in have:
            found.append("'%s' is missing, there is %s" % (
                name, sorted(have)))
        elif set(have[name].inputs) != set(call.inputs) and (
                kind(call) == "signature"):
            found.append("inputs of '%s' are %s" % (
                name, sorted(have[name].inputs)))
    return found


CACHE = {}


def calls_of(path):
    if path not in CACHE:
        CACHE.clear()
        CACHE[path] = oracle.calls(path)
    return CACHE[path]


# ---- outputs


def is_random(call, feed):
    first, second = call.run(feed), call.run(feed)
    return any(v.dtype.kind == "f" and not np.array_equal(
        v, second[k], equal_nan=True)
               for k, v in first.items())


def renamed(call, found, feed):
    """Inputs of a callable that was converted, under their new names."""
    if set(found.inputs) == set(feed):
        return feed
    last = {k.split("/")[-1]: k for k in feed}
    if len(feed) == 1 and len(found.inputs) == 1:
        return {list(found.inputs)[0]: list(feed.values())[0]}
    return {k: feed[last[k.split("/")[-1]]] for k in found.inputs}


def same_outputs(call, exported, outcome):
    name = match_name(call, exported)
    found = [c for c in calls_of(exported) if c.name == name]
    if not name or not found:
        return []  # of the interface
    feed = feeds.for_call(call)
    wanted = outcome(call, feed) if outcome else call.run(feed)
    got = found[0].run(renamed(call, found[0], feed))
    if is_random(call, feed):
        return [k for k in wanted if got[k].shape != wanted[k].shape]
    return differ.values(got, wanted, BOUND) + gradients_flow(
        call, found[0], feed, got)


def gradients_flow(call, found, feed, outputs):
    """The gradients of all variables together are the original's."""
    cotangents = feeds.cotangents(outputs)
    if not cotangents or loses_gradients(call, found):
        return []
    try:
        wanted = call.gradients(feed, cotangents)
    except LookupError:  # an op that TensorFlow cannot differentiate
        return []
    got = found.gradients(renamed(call, found, feed), cotangents)
    return differ.value("norm of all gradients", norm(got), norm(wanted), 1e-4)


def loses_gradients(call, found):
    """A TF1 Hub module cannot hold saved custom gradients: the ops of the
    function itself are differentiated."""
    return call.format == "sm2" and found.format == "hub1" and len(
        oracle.meta_graphs(call.path)[0].graph_def.library
        .registered_gradients) > 0


def norm(gradients):
    """Names and pieces of variables differ between the formats."""
    return np.sqrt(sum(np.sum(np.square(g.astype("d")))
                       for g in gradients.values()))


# ---- hub.KerasLayer and TF Serving


def layers(report, module, original, exported):
    """One step of training through hub.KerasLayer moves what is trainable,
    as far as it does so for the original."""
    wanted = None
    if original[0].format == "sm2":
        try:
            wanted = layer_trains(original[0].path)
        except (LookupError, ValueError, AttributeError, IndexError,
                TypeError) as e:
            return report.skipped(module, "export", "KerasLayer: so does the "
                                  "original: " + type(e).__name__)

    def work():
        got = layer_trains(exported)
        n = trainable(exported)
        least = wanted or (n, got[1] or min(n, 1))
        return [] if got == least else [
            "%d trainable weights, %d moved; wanted %d, %d" % (got + least)]

    report.guarded(module, "export", "KerasLayer trains", work)


def trainable(exported):
    return sum(v.trainable for v in calls_of(exported)[0].variables.values())


def layer_trains(path):
    """How many weights are trainable, and how many of them a step moves."""
    call = [c for c in oracle.calls(path) if c.arguments[1] == "__call__"][0]
    layer = hub.KerasLayer(path, trainable=True)
    value = nested(call, oracle.constants(feeds.for_call(call)))
    before = [v.numpy() for v in layer.trainable_weights]
    with tf.GradientTape() as tape:
        out = [t for t in tf.nest.flatten(layer(value, training=True))
               if t.dtype.is_floating]
        loss = tf.add_n([tf.reduce_sum(tf.square(t)) for t in out])
        loss += tf.add_n(layer.losses) if layer.losses else 0.0
    found = tape.gradient(loss, layer.trainable_weights)
    for g, v in zip(found, layer.trainable_weights):
        if g is not None:
            v.assign_sub(0.01 * tf.convert_to_tensor(g))
    moved = sum(not np.array_equal(a, v.numpy())
                for a, v in zip(before, layer.trainable_weights))
    return len(before), moved


def nested(call, feed):
    """The argument of a layer: the first of its callable."""
    function, args = call.nest
    return oracle.rebuilt(function, args, feed)


def serving(report, module, original, exported):
    wanted = {c.arguments[1]: c for c in original if kind(c) == "signature"
              and "train" not in c.arguments[-1:]}
    for name, call in oracle.serving_calls(exported).items():
        if name in wanted:
            report.guarded(module, "export", "serving " + name,
                           lambda: served(wanted[name], call))


def served(wanted, call):
    feed = feeds.for_call(wanted)
    if is_random(wanted, feed):
        return list(set(wanted.run(feed)) ^ set(call.run(feed)))
    return differ.values(call.run(feed), wanted.run(feed), BOUND)
