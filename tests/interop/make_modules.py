"""Writes the modules of tests/models/{tf2,hub1} with a real TensorFlow.

    python tests/interop/make_modules.py [FOLDER]

The files are committed, so that `make check` needs no TensorFlow; what the
tests say of them was printed by this script.
"""
import os
import shutil
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
import tensorflow as tf
import tensorflow_hub as hub

v1 = tf.compat.v1
folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "models")
folder = os.path.abspath(folder)
os.chdir(tempfile.mkdtemp())
words = "words.txt"  # its path becomes the table's name in the module
with open(words, "w") as f:
    f.write("the\nquick\nfox\n")


def fresh(name):
    path = os.path.join(folder, name)
    shutil.rmtree(path, ignore_errors=True)
    return path


@tf.custom_gradient
def times_ten_backwards(x):
    return tf.identity(x), lambda dy: 10.0 * dy


class Lookup(tf.Module):
    """A sub-object that is called, and has a method."""

    def __init__(self):
        self.table = tf.lookup.StaticHashTable(tf.lookup.TextFileInitializer(
            words, tf.string, tf.lookup.TextFileIndex.WHOLE_LINE,
            tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER), -1)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def __call__(self, text):
        return self.table.lookup(text)

    @tf.function(input_signature=[tf.RaggedTensorSpec(
        [None, None], tf.string, ragged_rank=1)])
    def ragged(self, text):
        return tf.ragged.map_flat_values(self.table.lookup, text)


class Module(tf.train.Checkpoint):
    def __init__(self):
        super().__init__()
        self.kernel = tf.Variable([[1.0, 2.0], [3.0, 4.0]], name="w")
        self.other = tf.Variable([0.5, -0.5], name="w")
        self.frozen = tf.Variable(2.0, name="w", trainable=False)
        self.words = tf.Variable(["a", "b"], name="text")
        self.fixed = tf.constant([10.0, 20.0])
        self.lookup = Lookup()
        self.variables = [self.other, self.kernel, self.frozen]
        self.trainable_variables = [self.kernel]
        self.regularization_losses = [tf.function(
            lambda: tf.nn.l2_loss(self.kernel), input_signature=[])]

    @tf.function
    def __call__(self, inputs, training=False, scale=1.0, mode="plain"):
        x = inputs["a"] @ self.kernel + self.other + inputs["b"][0]
        x = times_ten_backwards(x) * self.frozen + self.fixed
        if training:
            x = x * 2.0
        if mode == "log":
            x = tf.math.log(x)
        return {"z": x * scale, "nested": [x, {"deep": inputs["b"][1]}]}

    @tf.function(input_signature=[tf.SparseTensorSpec([None, 7], tf.float32)])
    def sparse(self, st):
        return tf.sparse.reduce_sum(st)


def make_tf2():
    m = Module()
    spec = {"b": (tf.TensorSpec([], tf.float32, name="b0"),
                  tf.TensorSpec([None, 3], tf.int64, name="b1")),
            "a": tf.TensorSpec([None, 2], tf.float32, name="a")}
    scale = tf.TensorSpec([], tf.float32)
    m.__call__.get_concrete_function(spec, training=True)
    m.__call__.get_concrete_function(spec, training=False, scale=scale)
    m.__call__.get_concrete_function(spec, training=False)
    m.__call__.get_concrete_function(spec, mode="log")

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32)])
    def serve(x):
        return {"y": x @ m.kernel, "a/b": tf.size(x)}

    path = fresh("tf2")
    tf.saved_model.save(
        m, path, signatures={"serving_default": serve, "look": m.lookup.__call__},
        options=tf.saved_model.SaveOptions(experimental_custom_gradients=True))
    report(path)


def report(path):
    for key, shape in tf.train.list_variables(path + "/variables/variables"):
        print(os.path.basename(path), key, shape)


def numbered(shape, dtype=None, partition_info=None):
    whole = np.arange(10, dtype=np.float32).reshape(5, 2)
    first = partition_info.var_offset[0]
    return tf.constant(whole[first:first + shape[0]])


def make_hub1():
    def body(training):
        with v1.variable_scope("", use_resource=True):
            table = v1.get_variable(
                "emb", [5, 2], partitioner=v1.fixed_size_partitioner(2),
                initializer=numbered,
                regularizer=lambda w: v1.nn.l2_loss(w))
            moving = v1.get_variable("moving", [2], trainable=False,
                                     initializer=v1.ones_initializer())
        bias = v1.get_variable("bias", [2], use_resource=False,
                               initializer=v1.constant_initializer(7.0))
        lookup = tf.lookup.StaticVocabularyTable(tf.lookup.TextFileInitializer(
            words, tf.string, tf.lookup.TextFileIndex.WHOLE_LINE,
            tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER), 2)
        text = v1.placeholder(tf.string, [None], "text")
        ids = lookup.lookup(text)
        out = v1.nn.embedding_lookup(table, ids) + bias
        if training:
            v1.add_to_collection(v1.GraphKeys.UPDATE_OPS, v1.assign_sub(
                moving, (moving - tf.reduce_mean(out, 0)) * 0.1))
        hub.add_signature(inputs=text, outputs={"default": out, "ids": ids})
        st = v1.sparse_placeholder(tf.float32, [None, 4], "st")
        hub.add_signature("sparse", inputs={"st": st}, outputs=st * 2.0)
        hub.attach_message("note", tf.train.Int64List(value=[3]))

    spec = hub.create_module_spec(
        body, tags_and_args=[(set(), {"training": False}),
                             ({"train"}, {"training": True})])
    path = fresh("hub1")
    with v1.Graph().as_default():
        module = hub.Module(spec, tags={"train"}, trainable=True)
        with v1.Session() as session:
            session.run(v1.global_variables_initializer())
            module.export(path, session)
    report(path)


make_tf2()
make_hub1()
