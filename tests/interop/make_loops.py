"""Writes modules with loops and what a real TensorFlow computes with them.

    python make_loops.py

tests/models/loops is a TF1 SavedModel of loops of version 1 (Enter, Exit, ...)
and TensorArrays, tests/models/rnn a TF2 SavedModel of Keras's recurrent layers
(While and TensorLists); tests/golden/{loops,rnn}.txt hold, per signature,
inputs, outputs and the gradients of the sum of all float outputs.
"""
import os

import numpy as np
import tensorflow as tf

from cases import case, fresh, here, run, v1

random = np.random.RandomState(8)


# ---- version 1

def variable(name, *shape):
    value = (0.6 * random.randn(*shape)).astype(np.float32)
    return v1.get_variable(name, initializer=value, use_resource="ref" not in name)


def signatures(w, ref, table):
    """name -> (inputs with values, outputs)"""
    n = v1.placeholder(tf.int32, [], "n")
    x = v1.placeholder(tf.float32, [None, 3], "x")
    value = random.randn(2, 3).astype(np.float32)
    out = {}
    # A power, whose variable and input are invariants; 3 turns and none.
    power = v1.while_loop(
        lambda i, h: i < n,
        lambda i, h: (i + 1, tf.tanh(tf.matmul(h, w) + ref + x)), [0, x])
    for turns in (3, 0):
        out["power_%d" % turns] = ({"n": (n, turns), "x": (x, value)},
                                   {"i": power[0], "h": power[1]})

    # A loop in a loop, over a value of the outer one.
    def outer(i, h):
        def inner(j, g):
            return j + 1, g * 0.9 + tf.sin(h) * tf.cast(j + i, tf.float32)
        return i + 1, v1.while_loop(lambda j, g: j <= i, inner,
                                    [0, tf.matmul(h, w)])[1]
    nested = v1.while_loop(lambda i, h: i < n, outer, [0, x])
    out["nested"] = ({"n": (n, 3), "x": (x, value)}, {"h": nested[1]})

    # A condition in a loop, rows of a table, and a value made after it.
    def step(i, h):
        return i + 1, v1.cond(
            tf.equal(i % 2, 0), lambda: h + tf.gather(table, i),
            lambda: h * tf.reduce_sum(tf.gather(table, [i, 0]), 0))
    mixed = v1.while_loop(lambda i, h: i < n, step, [0, x])[1]
    out["mixed"] = ({"n": (n, 4), "x": (x, value)},
                    {"h": mixed, "sum": tf.reduce_sum(mixed * x)})

    # Arrays: unstacked, read, written, grown, joined and split.
    ta = v1.TensorArray(tf.float32, n, clear_after_read=False).unstack(
        tf.tile(x[None], [n, 1, 1]) * table[:n, None, :])
    grown = v1.TensorArray(
        tf.float32, 0, dynamic_size=True, clear_after_read=False)
    _, h, grown = v1.while_loop(
        lambda i, h, g: i < n,
        lambda i, h, g: (i + 1, h + ta.read(i) * w[0, 0],
                         g.write(2 * i, tf.matmul(h, w)).write(
                             2 * i + 1, ta.read(i))),
        [0, x, grown])
    pieces = v1.TensorArray(tf.float32, 2, infer_shape=False).split(
        table, [1, 4])
    out["arrays"] = ({"n": (n, 3), "x": (x, value)},
                     {"stack": grown.stack(), "h": h,
                      "gather": grown.gather([4, 1, 4]),
                      "concat": grown.concat(), "size": grown.size(),
                      "piece": pieces.read(1) * 2.0})

    # Gradients that stand in the graph: they add up in arrays of their own.
    kept = v1.TensorArray(tf.float32, 4, clear_after_read=False).unstack(
        tf.tile(x[None], [4, 1, 1]) * table[:4, None, :])
    h = v1.while_loop(
        lambda i, h: i < n, lambda i, h: (
            i + 1, tf.tanh(h + kept.read(i) * kept.read(3))), [0, x])[1]
    pieces = v1.TensorArray(tf.float32, 2, infer_shape=False,
                            clear_after_read=False).split(
        tf.concat([h, x], 0), [1, 3])
    slopes = v1.gradients(tf.reduce_sum(h ** 2) + tf.reduce_sum(
        kept.gather([1, 2, 1]) ** 3) + tf.reduce_sum(
            pieces.read(1) * pieces.read(1)) + tf.reduce_sum(
                kept.concat()), [x, table], name="gradients/own")
    out["slopes"] = ({"n": (n, 3), "x": (x, value)},
                     {"x": tf.stop_gradient(slopes[0]),
                      "table": tf.stop_gradient(slopes[1]), "h": h})

    # Recurrent networks as modules of 2018 have them.
    sequence = v1.placeholder(tf.float32, [None, None, 3], "sequence")
    length = v1.placeholder(tf.int32, [None], "length")
    lstm = v1.nn.rnn_cell.LSTMCell(4)
    o, state = v1.nn.dynamic_rnn(lstm, sequence, length, dtype=tf.float32)
    long = random.randn(3, 5, 3).astype(np.float32)
    out["dynamic_rnn"] = (
        {"sequence": (sequence, long), "length": (length, [5, 2, 3])},
        {"o": o, "c": state.c, "h": state.h})
    both, _ = v1.nn.bidirectional_dynamic_rnn(
        v1.nn.rnn_cell.GRUCell(2), v1.nn.rnn_cell.GRUCell(2), sequence,
        length, dtype=tf.float32)
    out["bidirectional"] = (
        {"sequence": (sequence, long), "length": (length, [1, 4, 5])},
        {"o": tf.concat(both, 2)})
    return out


def make_loops():
    v1.disable_control_flow_v2()
    with v1.Graph().as_default(), v1.Session() as session:
        made = signatures(variable("w", 3, 3), variable("ref_b", 3),
                          variable("table", 5, 3))
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.Builder(fresh("loops"))
        defs = {}
        for name, (inputs, outputs) in made.items():
            defs[name] = v1.saved_model.build_signature_def(
                {k: v1.saved_model.build_tensor_info(t)
                 for k, (t, _) in inputs.items()},
                {k: v1.saved_model.build_tensor_info(t)
                 for k, t in outputs.items()}, "predict")
        builder.add_meta_graph_and_variables(session, ["serve"], defs)
        builder.save()
        with open(os.path.join(here, "..", "golden", "loops.txt"), "w") as out:
            for name, (inputs, outputs) in made.items():
                run(session, out, name, inputs, outputs)


# ---- Keras

def networks():
    k = tf.keras.layers
    args = {"bias_initializer": "random_normal"}
    return {
        "lstm": k.LSTM(4, return_sequences=True, **args),
        "gru": k.GRU(4, **args),
        "gru_before": k.GRU(3, reset_after=False, **args),
        "both": k.Bidirectional(k.SimpleRNN(2, return_sequences=True)),
        "back": k.RNN(k.LSTMCell(2), go_backwards=True, time_major=True),
    }


def calling(layer):
    def call(x, mask):
        return {"y": layer(x, mask=mask)}
    return call


class Recurrent(tf.Module):
    def __init__(self):
        super().__init__()
        layers = networks()  # not tracked: each would be saved in full
        self.layer = lambda: layers
        self.function, self.weight = {}, {}
        for name, layer in layers.items():
            spec = (tf.TensorSpec([None, None, 3], name="x"),
                    tf.TensorSpec([None, None], tf.bool, name="mask"))
            self.function[name] = tf.function(
                calling(layer), input_signature=spec)
            self.function[name].get_concrete_function()
            self.weight[name] = list(layer.trainable_variables)


def make_rnn():
    tf.random.set_seed(4)
    module = Recurrent()
    path = fresh("rnn")
    tf.saved_model.save(module, path, signatures=module.function)
    x = random.randn(3, 4, 3).astype(np.float32)
    mask = np.arange(4)[None] < np.array([[4], [2], [3]])
    with open(os.path.join(here, "..", "golden", "rnn.txt"), "w") as out:
        for name, layer in module.layer().items():
            m = mask[:3, :3].T if name == "back" else mask
            a = x[:, :3] if name == "back" else x
            m = np.ones([3, 3], bool) if name == "back" else m
            with tf.GradientTape() as tape:
                y = module.function[name](a, m)["y"]
            grads = tape.gradient(y, layer.trainable_variables)
            keys = ["weight/%s/%d/.ATTRIBUTES/VARIABLE_VALUE" % (name, i)
                    for i in range(len(grads))]
            case(out, name, {"x": a, "mask": m}, {"y": y.numpy()},
                 [(k, g.numpy()) for k, g in zip(keys, grads)])


make_rnn()
make_loops()
