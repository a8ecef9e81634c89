"""Writes the modules that the comparison uses, with a real TensorFlow.

    python tests/interop/modules.py FOLDER [NAME...]

Each is FOLDER/NAME; the names that are given, or all.
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
WORDS = ("the a movie film was is very not good bad great awful plot actor "
         "funny boring long short music scene i you it they loved hated and "
         "but with without really quite").split()
ROWS, WIDTH, BUCKETS = len(WORDS), 16, 3
MODULES = {}


def module(write):
    MODULES[write.__name__] = write
    return write


def spec(shape, dtype=tf.float32, name=None):
    return tf.TensorSpec(shape, dtype, name)


def vocabulary_file():
    path = os.path.join(tempfile.mkdtemp(), "tokens.txt")
    with open(path, "w") as f:
        f.write("\n".join(WORDS) + "\n")
    return path


def save(obj, path, **signatures):
    tf.saved_model.save(
        obj, path, signatures=signatures or None,
        options=tf.saved_model.SaveOptions(experimental_custom_gradients=True))


# ---- texts, TF2


class TextEmbedding(tf.train.Checkpoint):
    """Sentences to the combined vectors of their words."""

    def __init__(self, combiner="sqrtn", normalise=False, pieces=1,
                 units=0):
        super().__init__()
        rng = np.random.RandomState(1)
        table = rng.normal(0, 0.5, (ROWS + BUCKETS, WIDTH)).astype("f")
        self.embeddings = [tf.Variable(piece, name="embeddings")
                           for piece in np.array_split(table, pieces)]
        self.combiner, self.normalise = combiner, normalise
        self.table = tf.lookup.StaticVocabularyTable(
            tf.lookup.TextFileInitializer(
                vocabulary_file(), tf.string,
                tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64,
                tf.lookup.TextFileIndex.LINE_NUMBER), BUCKETS)
        self.variables = list(self.embeddings)
        self.kernel = None
        if units:
            self.kernel = tf.Variable(
                rng.normal(0, 0.3, (WIDTH, units)).astype("f"), name="kernel")
            self.bias = tf.Variable(tf.zeros(units), name="bias")
            self.variables += [self.kernel, self.bias]
            self.regularization_losses = [
                tf.function(lambda: 0.01 * tf.nn.l2_loss(self.kernel),
                            input_signature=[])]
        self.trainable_variables = list(self.variables)

    @tf.function(input_signature=[spec([None], tf.string, "sentences")])
    def __call__(self, sentences):
        if self.normalise:
            sentences = tf.strings.lower(sentences)
            sentences = tf.strings.regex_replace(sentences, r"\pP", "")
        words = tf.strings.split(sentences, " ").to_sparse()
        words = tf.sparse.fill_empty_rows(words, "")[0]
        ids = tf.SparseTensor(words.indices, self.table.lookup(words.values),
                              words.dense_shape)
        out = tf.nn.embedding_lookup_sparse(
            list(self.embeddings), ids, None, combiner=self.combiner)
        if self.kernel is not None:
            out = tf.nn.relu(out @ self.kernel + self.bias)
        return out


def text_tf2(path, **options):
    m = TextEmbedding(**options)
    save(m, path, serving_default=m.__call__)


@module
def text_plain(path):
    text_tf2(path)


@module
def text_normalised(path):
    text_tf2(path, normalise=True, combiner="mean")


@module
def text_partitioned(path):
    text_tf2(path, pieces=3, combiner="sum")


@module
def text_l2_head(path):
    text_tf2(path, units=8)


# ---- Keras


@module
def keras_conv(path):
    tf.keras.utils.set_random_seed(2)
    L = tf.keras.layers
    net = tf.keras.Sequential([
        L.Input((12, 12, 3)), L.Conv2D(8, 3, padding="same", strides=2),
        L.BatchNormalization(), L.ReLU(),
        L.DepthwiseConv2D(3, padding="same"),
        L.BatchNormalization(momentum=0.9), L.ReLU(6.0),
        L.Conv2D(10, 1), L.MaxPool2D(2), L.GlobalAveragePooling2D(),
        L.Dense(5)])
    net.save(path)


@module
def keras_dense(path):
    tf.keras.utils.set_random_seed(3)
    L = tf.keras.layers
    l2 = tf.keras.regularizers.L2(0.01)
    net = tf.keras.Sequential([
        L.Input((7,)), L.Dense(12, "relu", kernel_regularizer=l2),
        L.LayerNormalization(), L.Dropout(0.3),
        L.Dense(6, "tanh", kernel_regularizer=l2)])
    net.save(path)


# ---- tf.Module


def make_variable(seed, shape, name):
    rng = np.random.RandomState(seed)
    return tf.Variable(rng.normal(0, 0.5, shape).astype("f"), name=name)


@module
def methods(path):
    """Named methods, dicts and nests in and out, Python-valued arguments."""

    class Methods(tf.Module):
        def __init__(self):
            super().__init__()
            self.w = make_variable(4, (4, 3), "w")
            self.b = tf.Variable([0.1, 0.2, 0.3], name="b")
            self.scale = tf.Variable(2.0, trainable=False, name="scale")

        @tf.function
        def __call__(self, x, training=False):
            y = x["left"] @ self.w + self.b
            if training:
                y = y * self.scale
            return {"sum": y + x["pair"][0], "deep": {
                "sq": tf.square(y), "items": (x["pair"][1], y - 1.0)}}

        @tf.function(input_signature=[spec([None, 4], name="x")])
        def project(self, x):
            return tf.nn.softmax(x @ self.w)

        @tf.function(input_signature=[spec([None, 4], name="x"),
                                      spec([], tf.int32, "k")])
        def top(self, x, k):
            return tf.math.top_k(x @ self.w, k)

    m = Methods()
    x = {"left": spec([None, 4], name="left"),
         "pair": (spec([None, 3], name="p0"), spec([None], tf.int64, "p1"))}
    for training in (False, True):
        m.__call__.get_concrete_function(x, training=training)
    save(m, path, serving_default=m.project, top=tf.function(
        lambda x, k: dict(zip(("values", "indices"), m.top(x, k))),
        input_signature=[spec([None, 4], name="x"), spec([], tf.int32, "k")]))


@module
def custom_gradient(path):
    @tf.custom_gradient
    def clipped(x, w):
        y = x @ w

        def backward(dy):
            dy = tf.clip_by_value(dy, -0.5, 0.5)
            return (dy @ tf.transpose(w) * 3.0,
                    2.0 * tf.transpose(x) @ dy)
        return y, backward

    class Clipped(tf.Module):
        def __init__(self):
            super().__init__()
            self.a = make_variable(5, (4, 4), "a")
            self.b = make_variable(6, (4, 3), "b")

        @tf.function(input_signature=[spec([None, 4], name="x")])
        def __call__(self, x):
            return clipped(tf.tanh(x @ self.a), self.b)

    m = Clipped()
    save(m, path, serving_default=m.__call__)


@module
def loops(path):
    """While and If as functions, and a loop over lists of tensors."""

    class Loops(tf.Module):
        def __init__(self):
            super().__init__()
            self.w = make_variable(7, (4, 4), "w")
            self.u = make_variable(8, (4, 4), "u")

        @tf.function(input_signature=[spec([None, 4], name="x"),
                                      spec([], tf.int32, "n")])
        def power(self, x, n):
            i = tf.constant(0)
            while i < n:
                x = tf.tanh(x @ self.w)
                i += 1
            return x

        @tf.function(input_signature=[spec([None, 4], name="x")])
        def branch(self, x):
            if tf.reduce_sum(x) > 0.0:
                y = x @ self.w
            else:
                y = tf.sin(x) @ self.u
            return y

        @tf.function(input_signature=[spec([None, None, 4], name="x")])
        def recurrent(self, x):
            steps = tf.shape(x)[1]
            states = tf.TensorArray(tf.float32, steps)
            state = tf.zeros_like(x[:, 0])
            for t in tf.range(steps):
                state = tf.tanh(x[:, t] @ self.w + state @ self.u)
                states = states.write(t, state)
            return {"last": state,
                    "all": tf.transpose(states.stack(), [1, 0, 2])}

    m = Loops()
    save(m, path, serving_default=m.branch, power=m.power,
         recurrent=m.recurrent)


# ---- TF1 Hub


def export(spec_, path, tags=None):
    with v1.Graph().as_default():
        m = hub.Module(spec_, trainable=True, tags=tags)
        with v1.Session() as session:
            session.run(v1.global_variables_initializer())
            m.export(path, session)


def normal(seed, scale=0.5):
    return v1.random_normal_initializer(0, scale, seed)


@module
def hub1_text(path):
    vocabulary = vocabulary_file()

    def body():
        v1.set_random_seed(1)
        text = v1.placeholder(tf.string, [None], "sentences")
        clean = tf.strings.regex_replace(tf.strings.lower(text),
                                         r"[^a-z ]", " ")
        words = v1.string_split(clean, " ")
        words = tf.sparse.fill_empty_rows(words, "")[0]
        table = tf.lookup.StaticVocabularyTable(tf.lookup.TextFileInitializer(
            vocabulary, tf.string, tf.lookup.TextFileIndex.WHOLE_LINE,
            tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER), BUCKETS)
        ids = tf.SparseTensor(words.indices, table.lookup(words.values),
                              words.dense_shape)
        embeddings = v1.get_variable(
            "embeddings", [ROWS + BUCKETS, WIDTH], initializer=normal(1),
            partitioner=v1.fixed_size_partitioner(3), use_resource=False)
        out = v1.nn.embedding_lookup_sparse(
            embeddings, ids, None, partition_strategy="div", combiner="sqrtn")
        hub.add_signature(inputs=text, outputs=out)

    export(hub.create_module_spec(body), path)


def batch_norm(x, training, use_resource):
    with v1.variable_scope("bn", use_resource=use_resource):
        width = x.shape[-1]
        gamma = v1.get_variable("gamma", [width],
                                initializer=v1.ones_initializer())
        beta = v1.get_variable("beta", [width],
                               initializer=v1.zeros_initializer())
        mean = v1.get_variable("moving_mean", [width], trainable=False,
                               initializer=normal(5, 0.1))
        var = v1.get_variable("moving_variance", [width], trainable=False,
                              initializer=v1.ones_initializer())
    if training:
        m, v = tf.nn.moments(x, [0])
        for average, now in ((mean, m), (var, v)):
            v1.add_to_collection(v1.GraphKeys.UPDATE_OPS, v1.assign_sub(
                average, (average - now) * 0.1))
        mean, var = m, v
    return tf.nn.batch_normalization(x, mean, var, beta, gamma, 1e-3)


def dense_body(use_resource, dropout):
    def body(training):
        x = v1.placeholder(tf.float32, [None, 6], "x")
        with v1.variable_scope("net", use_resource=use_resource):
            w = v1.get_variable("w", [6, 8], initializer=normal(2),
                                regularizer=lambda w: .01 * tf.nn.l2_loss(w))
            y = batch_norm(x @ w, training, use_resource)
            y = tf.nn.relu(y)
            u = v1.get_variable("u", [8, 3], initializer=normal(3))
        if training and dropout:
            y = v1.nn.dropout(y, rate=0.4)
        hub.add_signature(inputs=x, outputs={"default": y @ u, "hidden": y})
        a = v1.placeholder(tf.float32, [None, 8], "a")
        b = v1.placeholder(tf.float32, [], "b")
        hub.add_signature("second", inputs={"a": a, "b": b},
                          outputs={"y": tf.sigmoid(a @ u) * b})
    return body


def dense_hub1(path, use_resource, dropout):
    spec_ = hub.create_module_spec(
        dense_body(use_resource, dropout),
        tags_and_args=[(set(), {"training": False}),
                       ({"train"}, {"training": True})])
    export(spec_, path, tags={"train"})


@module
def hub1_dense(path):
    dense_hub1(path, True, True)


@module
def hub1_dense_refs(path):
    dense_hub1(path, False, False)


def hparams_body(training, vocabulary):
    """Two signatures, of which one takes the momentum of batch norm; a table;
    a penalty, an average and an attached message that only training has."""
    x = v1.placeholder(tf.float32, [None, 6], "x")
    momentum = v1.placeholder_with_default(0.99, [], "momentum")
    w = v1.get_variable("w", [6, 8], initializer=normal(12),
                        regularizer=lambda w: .01 * tf.nn.l2_loss(w))
    y = v1.layers.batch_normalization(x @ w, training=training,
                                      momentum=momentum, name="bn")
    u = v1.get_variable("u", [8, 4], initializer=normal(13))
    if training:
        v1.add_to_collection("regularization_losses", .1 * tf.nn.l2_loss(u))
        y = v1.nn.dropout(y, rate=v1.placeholder_with_default(0.0, [], "rate"))
        calls = v1.get_variable("calls", [], trainable=False,
                                initializer=v1.zeros_initializer())
        v1.add_to_collection("update_ops", calls.assign_add(1.0))
    out = tf.tanh(tf.nn.relu(y) @ u)
    hub.add_signature("features", inputs={"x": x}, outputs=out)
    hub.add_signature("features_with_bn_hparams", outputs=out, inputs={
        "x": x, "batch_norm_momentum": momentum})
    words = v1.placeholder(tf.string, [None], "words")
    table = tf.lookup.StaticVocabularyTable(tf.lookup.TextFileInitializer(
        vocabulary, tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64,
        tf.lookup.TextFileIndex.LINE_NUMBER), 2)
    hub.add_signature("ids", inputs={"words": words},
                      outputs={"ids": table.lookup(words)})
    hub.attach_message("shape", tf.train.Int64List(value=[6, 4]))


@module
def hub1_hparams(path):
    more = {"vocabulary": vocabulary_file()}
    export(hub.create_module_spec(hparams_body, [
        (set(), dict(more, training=False)),
        ({"train"}, dict(more, training=True))]), path, tags={"train"})


def two_towers(training):
    """The averages of one signature are not those of the other."""
    for name in ("first", "second"):
        x = v1.placeholder(tf.float32, [None, 5], name)
        with v1.variable_scope(name):
            w = v1.get_variable("w", [5, 3], initializer=normal(14),
                                regularizer=lambda w: .01 * tf.nn.l2_loss(w))
            y = batch_norm(x @ w, training, True)
        hub.add_signature(name, inputs=x, outputs=y)


@module
def hub1_second(path):
    export(hub.create_module_spec(two_towers, [
        (set(), {"training": False}), ({"train"}, {"training": True})]), path,
        tags={"train"})


def switch_signatures(use_resource):
    x = v1.placeholder(tf.float32, [None, 4], "x")
    with v1.variable_scope("net", use_resource=use_resource):
        w = v1.get_variable("w", [4, 4], initializer=normal(6))
        u = v1.get_variable("u", [4, 4], initializer=normal(7))
    positive = tf.reduce_sum(x) > 0.0
    y = v1.cond(positive, lambda: x @ w, lambda: tf.sin(x) @ u)
    z = v1.while_loop(lambda i, s: i < 3,
                      lambda i, s: (i + 1, tf.tanh(s @ w)),
                      (tf.constant(0), x))[1]

    # A condition in a loop, and a loop, constants and both variables in
    # conditions within one another; several values leave them.
    def turn(i, s):
        return i + 1, v1.cond(tf.equal(i % 2, 0), lambda: s @ w,
                              lambda: tf.tanh(s) * tf.reduce_sum(u))

    mixed = v1.while_loop(lambda i, s: i < 4, turn, (tf.constant(0), x))[1]

    def inner():
        return v1.cond(x[0, 0] > 0.0, lambda: (x @ u, tf.constant(2.0)),
                       lambda: (v1.while_loop(
                           lambda i, s: i < 2,
                           lambda i, s: (i + 1, tf.sin(s @ w) + x),
                           (tf.constant(0), x))[1], tf.reduce_max(w)))

    a, b = v1.cond(positive, inner, lambda: (x, tf.constant(-1.0)))
    hub.add_signature(inputs=x, outputs={"default": y})
    hub.add_signature("loop", inputs={"x": x}, outputs={"z": z})
    hub.add_signature("mixed", inputs={"x": x}, outputs={"m": mixed})
    hub.add_signature("nested", inputs={"x": x},
                      outputs={"a": a * b, "b": b, "c": a + y})


def hub1_control_flow(path, use_resource):
    v1.disable_control_flow_v2()
    try:
        export(hub.create_module_spec(
            lambda: switch_signatures(use_resource)), path)
    finally:
        v1.enable_control_flow_v2()


@module
def hub1_switch(path):
    """Conditionals and loops of TF1: Switch, Merge, Enter, Exit."""
    hub1_control_flow(path, True)


@module
def hub1_switch_refs(path):
    hub1_control_flow(path, False)


def main(folder, *names):
    os.makedirs(folder, exist_ok=True)
    for name in names or MODULES:
        path = os.path.join(os.path.abspath(folder), name)
        shutil.rmtree(path, ignore_errors=True)
        MODULES[name](path)


if __name__ == "__main__":
    main(*sys.argv[1:])
