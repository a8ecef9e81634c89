"""Writes modules that hold what real files held and nobody expects.

    python make_found.py

tests/models/found_v1 is a TF1 SavedModel, found_v2 a TF2 SavedModel;
tests/golden/found_*.txt what TensorFlow computes with them, before some parts
of the files are made strange. tests/test_found.c says what is what.
"""
import os

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2, struct_pb2

from cases import case, fresh, here, run, v1

random = np.random.RandomState(12)


def numbers(*shape):
    return random.randn(*shape).astype("f")


def golden(name):
    return open(os.path.join(here, "..", "golden", name + ".txt"), "w")


def changed(path, change):
    """The file with what nobody knows in it."""
    proto, file = saved_model_pb2.SavedModel(), path + "/saved_model.pb"
    with open(file, "rb") as f:
        proto.ParseFromString(f.read())
    change(proto.meta_graphs[0])
    with open(file, "wb") as f:
        f.write(proto.SerializeToString(deterministic=True))


# ---- version 1

def info(tensor):
    return v1.saved_model.utils.build_tensor_info(tensor)


def signatures():
    """name -> (inputs with values, outputs)"""
    x = v1.placeholder(tf.float32, [None, 2], "x")
    value = numbers(3, 2)
    w = v1.get_variable("w", initializer=numbers(1))
    u = v1.get_variable("u", initializer=numbers(2, 2))
    half = tf.split(x, 2, 1, name="split")[1]
    rate = v1.placeholder_with_default(0.5, [], "rate")
    unused = v1.placeholder(tf.float32, [None], "unused")
    constant = tf.constant([1.0, 2.0], name="constant")
    twice = constant * w
    out = {"feed/of$split": ({"half/b$": (half, numbers(3, 1)),
                              "rate": (rate, 0.25)},
                             {"y": half * w + rate, "c": constant})}
    out["constant"] = ({"c": (constant, numbers(2)),
                        "unused": (unused, numbers(1))}, {"twice": twice})
    out["no_inputs"] = ({}, {"twice": twice})
    out["no_outputs"] = ({"x": (x, value)}, {})
    with tf.control_dependencies([v1.Assert(
            tf.reduce_all(x < 100.0), [x], name="guard")]):
        out["guarded"] = ({"x": (x, value)}, {"y": tf.matmul(x, u)})

    def loop(rows):
        """Through one cell, by arrays."""
        n = tf.shape(rows)[0]
        array = v1.TensorArray(tf.float32, n).unstack(rows)
        made = v1.TensorArray(tf.float32, n)

        def turn(i, h, to):
            h = tf.tanh(tf.linalg.matvec(u, h) + array.read(i))
            return i + 1, h, to.write(i, h)
        return v1.while_loop(lambda i, h, to: i < n, turn,
                             [0, tf.zeros(2), made])[2].stack()
    out["shared_cell"] = ({"x": (x, value)},
                          {"y": loop(loop(x)), "z": loop(x + 1.0)})
    tf.identity(x, name="strange")
    return out


def strange_op(meta):
    for node in meta.graph_def.node:
        if node.name == "strange":
            node.op = "NobodyKnows"
    meta.signature_def["strange"].CopyFrom(
        meta.signature_def["no_outputs"])
    meta.signature_def["strange"].outputs["s"].CopyFrom(
        meta.signature_def["no_outputs"].inputs["x"])
    meta.signature_def["strange"].outputs["s"].name = "strange:0"


def make_v1():
    path = fresh("found_v1")
    with v1.Graph().as_default(), v1.Session() as session:
        v1.disable_control_flow_v2()
        made = signatures()
        session.run(v1.global_variables_initializer())
        defs = {name: v1.saved_model.signature_def_utils.build_signature_def(
            {k: info(t) for k, (t, _) in inputs.items()},
            {k: info(t) for k, t in outputs.items()}, name)
            for name, (inputs, outputs) in made.items()}
        builder = v1.saved_model.Builder(path)
        builder.add_meta_graph_and_variables(
            session, ["serve"], defs, strip_default_attrs=True)
        builder.save()
        with golden("found_v1") as out:
            for name, (inputs, outputs) in made.items():
                run(session, out, name, inputs, outputs)
    v1.enable_control_flow_v2()
    changed(path, strange_op)


# ---- version 2

class Found(tf.train.Checkpoint):
    def __init__(self):
        super().__init__()
        self.variables = [tf.Variable(numbers(2, 2), name="count")
                          for _ in range(6)]
        self.texts = tf.Variable(["a", "b"], name="count", trainable=True)
        metric = tf.train.Checkpoint()
        metric.metrics = [tf.Variable(5.0, name="total")]
        self.keras_api = metric
        self.trainable_variables = self.variables + [self.texts]

    @tf.function(input_signature=[tf.TensorSpec([None, 2], name="x")])
    def outputs(self, x):
        v = self.variables
        return {"a": x @ v[0], "n": tf.cast(tf.reduce_sum(x @ v[1]), tf.int32)}

    @tf.function(input_signature=[tf.TensorSpec([None, 2], name="x")])
    def attention(self, x):
        """Over one position: its weight is 1 whatever query and key say."""
        q, k, v = [(x @ w)[:, None] for w in self.variables[:3]]
        weights = tf.nn.softmax(tf.matmul(q, k, transpose_b=True))
        return {"y": tf.matmul(weights, v)}

    @tf.function(input_signature=[tf.TensorSpec([None, 2], name="x")])
    def padded(self, x):
        """To 4 rows or cut to them, as around Keras's networks."""
        n = tf.shape(x)[0]
        rows = tf.cond(n < 4, lambda: tf.pad(x, [[0, 4 - n], [0, 0]]),
                       lambda: x[:4])
        return {"y": tf.ensure_shape(rows, [4, 2]) @ self.variables[3]}

    @tf.function(input_signature=[tf.TensorSpec([None, 2], name="x")])
    def single_step(self, x):
        """Of a network whose state is zero before it."""
        def step(i, h):
            return i + 1, tf.tanh(x @ self.variables[4] +
                                  h @ self.variables[5])
        return {"y": tf.while_loop(lambda i, h: i < 1, step,
                                   [0, tf.zeros_like(x)])[1]}

    @tf.function(input_signature=[tf.RaggedTensorSpec(
        [None, None], tf.float32, 1)])
    def odd(self, x):
        return x

    @tf.function(input_signature=[tf.TensorSpec([None, 2], name="x")])
    def strange(self, x):
        return {"y": tf.identity(x, name="odd")}


def strange_parts(meta):
    for function in meta.graph_def.library.function:
        for node in function.node_def:
            if node.name == "odd" and "strange" in function.signature.name:
                node.op = "NobodyKnows"
    kind = struct_pb2.TypeSpecProto
    found = 0
    for name, concrete in (
            meta.object_graph_def.concrete_functions.items()):
        if "_odd_" in name:
            odd = concrete.output_signature.type_spec_value
            odd.type_spec_class = kind.REGISTERED_TYPE_SPEC
            odd.type_spec_class_name = "_TFPTypeSpec"
            found += 1
    assert found


def make_v2():
    path = fresh("found_v2")
    m = Found()
    names = ("outputs", "attention", "padded", "strange", "single_step")
    tf.saved_model.save(m, path, signatures={n: getattr(m, n) for n in names})
    inputs = {"outputs": numbers(3, 2), "attention": numbers(3, 2),
              "padded": numbers(3, 2), "single_step": numbers(3, 2)}
    with golden("found_v2") as out:
        for name, x in inputs.items():
            with tf.GradientTape() as tape:
                found = getattr(m, name)(x)
                floats = [t for t in found.values() if t.dtype == tf.float32]
            grads = tape.gradient(floats, m.variables)
            keys = ["variables/%d/.ATTRIBUTES/VARIABLE_VALUE" % i
                    for i in range(len(grads))]
            case(out, name, {"x": x}, {k: t.numpy() for k, t in found.items()},
                 [(k, None if g is None else g.numpy())
                  for k, g in zip(keys, grads)])
    changed(path, strange_parts)


make_v1()
make_v2()
