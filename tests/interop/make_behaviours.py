"""Writes the modules of tests/models/behaviours with a real TensorFlow and
tensorflow_hub, and tests/golden/behaviours.txt, what they do there.

    python tests/interop/make_behaviours.py

`functions` is a TF1 Hub module with a signature for each habit of modules;
`twice` a TF1 SavedModel of a bare session; `half_plus_one` and `batch_norm`
are the two models that hub.KerasLayer is tried on.
"""
import os
import shutil
import tempfile

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow as tf  # noqa: E402
import tensorflow_hub as hub  # noqa: E402

v1 = tf.compat.v1
here = os.path.dirname(os.path.abspath(__file__))
folder = os.path.abspath(os.path.join(here, "..", "models", "behaviours"))
golden = os.path.abspath(os.path.join(here, "..", "golden", "behaviours.txt"))
os.chdir(tempfile.mkdtemp())


def fresh(name):
    path = os.path.join(folder, name)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(folder, exist_ok=True)
    return path


def lines(path, *words):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write("\n".join(words) + "\n")
    return path


def vocabulary(path, default):
    return tf.lookup.StaticHashTable(tf.lookup.TextFileInitializer(
        path, tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64,
        tf.lookup.TextFileIndex.LINE_NUMBER), default)


def counted(rows, width):
    whole = np.arange(rows * width, dtype=np.float32).reshape(rows, width)

    def initial(shape, dtype=None, partition_info=None):
        first = partition_info.var_offset[0]
        return tf.constant(whole[first:first + shape[0]])
    return initial


def partitioned(name, rows, width, parts):
    return v1.get_variable(name, [rows, width], initializer=counted(
        rows, width), partitioner=v1.fixed_size_partitioner(parts))


# ---- one module of many signatures


def vector(name="x", dtype=tf.float32):
    return v1.placeholder(dtype, [None], name)


def stateless():
    x = vector()
    hub.add_signature(inputs=x, outputs={"default": x * 10.0,
                                         "hundredfold": x * 100.0})
    x, other = vector(), vector("other", tf.int64)
    hub.add_signature("unused", {"x": x, "other": other}, x * 10.0)
    x, y = vector(), vector("y")
    hub.add_signature("multiply", {"x": x, "y": y}, x * y)
    x = vector()
    hub.add_signature("named", {"x": x}, {"a": x + 1.0, "b": x + 2.0})
    hub.add_signature("itself", {"x": x}, {"default": x})


def control_flow(ref):
    def power(x, n):
        return v1.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, y * x),
                             (0, tf.ones_like(x)))[1]

    def nested(x):
        return v1.cond(x > 0.0, lambda: v1.cond(
            x > 5.0, lambda: x * 10.0, lambda: x * 2.0), lambda: -x)

    for version in (1, 2):
        (v1.disable_control_flow_v2 if version == 1 else
         v1.enable_control_flow_v2)()
        x, n = v1.placeholder(tf.float32, [], "x"), v1.placeholder(
            tf.int32, [], "n")
        hub.add_signature("power_%d" % version, {"x": x, "n": n}, power(x, n))
        hub.add_signature("nested_%d" % version, {"x": x}, nested(x))
    v1.disable_control_flow_v2()
    x = v1.placeholder(tf.float32, [], "x")
    hub.add_signature("ref_loop", {"x": x}, v1.while_loop(
        lambda i, y: i < 3, lambda i, y: (i + 1, y * ref), (0, x))[1])
    hub.add_signature("ref_branch", {"x": x}, v1.cond(
        x > 0.0, lambda: x * ref, lambda: x - ref))
    v1.enable_control_flow_v2()


def composites():
    st = v1.sparse_placeholder(tf.float32, [None, None], "st")
    hub.add_signature("sparse", {"st": st}, st * 10.0)
    rt = v1.ragged.placeholder(tf.float32, 1, [])
    hub.add_signature("ragged", {"rt": rt}, rt * rt)
    a, b = (v1.ragged.placeholder(tf.float32, 1, []) for _ in range(2))
    hub.add_signature("combine", {"a": a, "b": b}, tf.concat([a, b], 1))
    x, st = vector(), v1.sparse_placeholder(tf.float32, [None, None], "s")
    rt = v1.ragged.placeholder(tf.float32, 1, [])
    hub.add_signature("mixed", {"dense": x, "sparse": st, "ragged": rt},
                      tf.reduce_sum(x) + tf.sparse.reduce_sum(st)
                      + tf.reduce_sum(rt))


def tables():
    text = vector("text", tf.string)
    found = [vocabulary(lines(path, *words), -1).lookup(text)
             for path, words in (("one/words.txt", ("hello", "world")),
                                 ("two/words.txt", ("world", "of", "hello")))]
    hub.add_signature("lookup", {"text": text},
                      {"default": found[0], "other": found[1]})


def stateful(training):
    number = v1.get_variable("rv_var123", initializer=10.0)
    hub.add_signature("number", outputs=tf.identity(number))
    x = vector()
    hub.add_signature("scale", {"x": x}, x * number)
    three = v1.get_variable("three", initializer=[1.0, 2.0, 3.0])
    hub.add_signature("three", outputs=tf.identity(three))
    ref = v1.get_variable("ref", initializer=2.0, use_resource=False)
    x = vector()
    hub.add_signature("ref", {"x": x}, x * ref)
    for name, table in (("rows", partitioned("rows", 7, 3, 3)),
                        ("large", partitioned("large", 50, 1, 25)),
                        ("four", partitioned("four", 4, 1, 3))):
        ids = vector("ids", tf.int64)
        hub.add_signature(name, {"ids": ids}, v1.nn.embedding_lookup(
            table, ids, "div"))
    x = v1.placeholder(tf.float32, [None, 1], "x")
    hub.add_signature("norm", {"x": x}, v1.layers.batch_normalization(
        x, momentum=0.5, training=training, name="bn", fused=False))
    x = v1.placeholder(tf.float32, [None, 2], "x")
    hub.add_signature("dense", {"x": x}, v1.layers.dense(
        x, 1, name="dense", kernel_initializer=v1.ones_initializer(),
        kernel_regularizer=lambda w: 0.1 * tf.reduce_sum(w * w)))
    return ref


def body(training):
    ref = stateful(training)
    stateless()
    control_flow(ref)
    composites()
    tables()
    hub.attach_message("shared", tf.train.Int64List(
        value=[2 if training else 1]))
    hub.attach_message("training" if training else "inference",
                       tf.train.Int64List(value=[3]))


def write_functions():
    spec = hub.create_module_spec(
        body, tags_and_args=[(set(), {"training": False}),
                             ({"train"}, {"training": True})])
    with v1.Graph().as_default(), v1.Session() as session:
        m = hub.Module(spec)
        session.run(v1.global_variables_initializer())
        m.export(fresh("functions"), session)


# ---- what a consumer's training makes of it


def consume(signature, x, wanted, steps, rate, tags, names):
    with v1.Graph().as_default(), v1.Session() as session:
        m = hub.Module(os.path.join(folder, "functions"), trainable=True,
                       tags=tags)
        y = m({"x": np.array(x, np.float32)} if x else {}, signature=signature)
        loss = tf.reduce_mean((y - np.array(wanted, np.float32)) ** 2)
        if signature == "dense":
            loss += v1.add_n(v1.get_collection(
                v1.GraphKeys.REGULARIZATION_LOSSES))
        updates = v1.get_collection(v1.GraphKeys.UPDATE_OPS)
        with v1.control_dependencies(updates if tags else []):
            step = v1.train.GradientDescentOptimizer(rate).minimize(loss)
        session.run(v1.global_variables_initializer())
        for _ in range(steps):
            session.run(step)
        return [session.run(m.variable_map[n]) for n in names]


def train_functions(out):
    put(out, "three", *consume("three", None, [3.1, 3.2, 3.3], 50, 0.4, None,
                               ["three"]))
    kernel, bias = consume("dense", [[1, 2], [2, 1], [0, 1]], [[4], [5], [1]],
                           50, 0.1, None, ["dense/kernel", "dense/bias"])
    put(out, "dense/kernel", kernel)
    put(out, "dense/bias", bias)
    for name, value in zip(
            ("bn/moving_mean", "bn/moving_variance", "bn/gamma", "bn/beta"),
            consume("norm", [[11], [12], [13]], [[22], [24], [26]], 60, 0.1,
                    {"train"}, ["bn/moving_mean", "bn/moving_variance",
                                "bn/gamma", "bn/beta"])):
        put(out, name, value)


# ---- a SavedModel of a session


def write_twice():
    with v1.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [1, None], "x")
        factor = v1.get_variable("factor", initializer=2.0)
        v1.train.create_global_step()
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, fresh("twice"), {"x": x},
                                   {"y": x * factor},
                                   legacy_init_op=v1.no_op())


# ---- a pair of the common API for texts: preprocessor and encoder


class Preprocessor(tf.train.Checkpoint):
    """Words to numbers by their hash; [CLS] is 1, [SEP] is 2."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def tokenize(self, text):
        words = tf.strings.split(text)
        return words.with_flat_values(3 + tf.strings.to_hash_bucket_fast(
            words.flat_values, 17))

    @tf.function
    def bert_pack_inputs(self, inputs, seq_length=8):
        rows = inputs[0][:, :seq_length - 2]
        n = rows.nrows()
        ids = tf.concat([tf.ones([n, 1], tf.int64), rows,
                         2 * tf.ones([n, 1], tf.int64)], 1)
        dense = tf.cast(ids.to_tensor(shape=[None, seq_length]), tf.int32)
        mask = tf.cast(dense > 0, tf.int32)
        return {"input_word_ids": dense, "input_mask": mask,
                "input_type_ids": tf.zeros_like(dense)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def __call__(self, text):
        return self.bert_pack_inputs([self.tokenize(text)])


class Encoder(tf.train.Checkpoint):
    """The mean of the rows of its words, twice."""

    def __init__(self):
        super().__init__()
        rows = np.arange(60, dtype=np.float32).reshape(20, 3) / 10
        self.rows = tf.Variable(rows, name="rows")
        self.variables = self.trainable_variables = [self.rows]

    @tf.function
    def __call__(self, inputs, training=False):
        each = tf.gather(self.rows, inputs["input_word_ids"])
        mask = tf.cast(inputs["input_mask"], tf.float32)[..., None]
        mean = tf.reduce_sum(each * mask, 1) / tf.reduce_sum(mask, 1)
        return {"default": mean, "pooled_output": 2.0 * mean,
                "sequence_output": each}


def write_pair():
    m = Preprocessor()
    m.bert_pack_inputs.get_concrete_function(
        [tf.RaggedTensorSpec([None, None], tf.int64, 1)])
    tf.saved_model.save(m, fresh("preprocessor"))
    m = Encoder()
    spec = {k: tf.TensorSpec([None, None], tf.int32) for k in (
        "input_word_ids", "input_mask", "input_type_ids")}
    for training in (False, True):
        m.__call__.get_concrete_function(spec, training=training)
    tf.saved_model.save(m, fresh("encoder"))


def encode(out):
    pre, enc = (hub.load(os.path.join(folder, n)) for n in (
        "preprocessor", "encoder"))
    y = enc(pre(tf.constant(["a calm day", "", "one two three four five six "
                                               "seven"])))
    put(out, "encoded", y["pooled_output"])


# ---- texts as examples/text_embeddings_v2 exports them: doubles, and what
# stands between two spaces is a word


class Texts(tf.train.Checkpoint):
    def __init__(self):
        super().__init__()
        self.embeddings = tf.Variable(np.array([
            [1.11, 2.56, 3.45], [1, 2, 3], [.5, .1, .6], [0, 0, 0]]))
        self.table = tf.lookup.StaticVocabularyTable(
            tf.lookup.TextFileInitializer(
                lines("v2/tokens.txt", "cat", "dog", "mouse"), tf.string,
                tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64,
                tf.lookup.TextFileIndex.LINE_NUMBER), 1)
        self.variables = self.trainable_variables = [self.embeddings]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def __call__(self, sentences):
        plain = tf.strings.regex_replace(sentences, r"\pP", "")
        words = tf.strings.split(plain, " ").to_sparse()
        ids = tf.SparseTensor(words.indices, self.table.lookup(words.values),
                              words.dense_shape)
        return tf.nn.safe_embedding_lookup_sparse(
            self.embeddings, ids, combiner="sqrtn")


SENTENCES = ["cat cat", "lizard. dog", "cat? dog", "", "cat  dog"]


def embed(out):
    tf.saved_model.save(Texts(), fresh("texts"))
    m = hub.load(os.path.join(folder, "texts"))
    with tf.GradientTape() as tape:
        y = m(tf.constant(SENTENCES))
    assert y.dtype == tf.float64
    put(out, "texts", y)
    g = tape.gradient(y, m.trainable_variables)[0]
    put(out, "texts/gradient", tf.convert_to_tensor(g))


# ---- what hub.KerasLayer is tried on


class HalfPlusOne(tf.train.Checkpoint):
    """y = x w + b, of which only w trains, whatever b says of itself."""

    def __init__(self):
        super().__init__()
        self.w = tf.Variable([[0.5]], name="w")
        self.b = tf.Variable([1.0], name="b")
        self.variables = [self.b, self.w]
        self.trainable_variables = [self.w]
        self.regularization_losses = [tf.function(
            lambda: 0.01 * tf.reduce_sum(self.w ** 2), input_signature=[])]

    @tf.function(input_signature=[tf.TensorSpec([None, 1], tf.float32)])
    def __call__(self, x):
        return x @ self.w + self.b

    @tf.function(input_signature=[tf.TensorSpec([None, 1], tf.float32)])
    def both(self, x):
        y = x @ self.w + self.b
        return {"once": y, "twice": 2.0 * y}


class BatchNorm(tf.train.Checkpoint):
    """Batch normalisation whose averages follow by halves in training."""

    def __init__(self):
        super().__init__()
        self.gamma = tf.Variable([1.0], name="gamma")
        self.beta = tf.Variable([0.0], name="beta")
        self.mean = tf.Variable([0.0], trainable=False, name="mean")
        self.variance = tf.Variable([1.0], trainable=False, name="variance")
        self.variables = [self.gamma, self.beta, self.mean, self.variance]
        self.trainable_variables = [self.gamma, self.beta]

    @tf.function
    def __call__(self, x, training=False):
        if training:
            mean, variance = tf.nn.moments(x, 0)
            self.mean.assign_sub(0.5 * (self.mean - mean))
            self.variance.assign_sub(0.5 * (self.variance - variance))
        else:
            mean, variance = self.mean.read_value(), self.variance.read_value()
        return (x - mean) / tf.sqrt(variance + 1e-3) * self.gamma + self.beta


def write_layers():
    m = HalfPlusOne()
    tf.saved_model.save(m, fresh("half_plus_one"), {
        "serving_default": m.__call__, "both": m.both})
    m = BatchNorm()
    for training in (False, True):
        m.__call__.get_concrete_function(
            tf.TensorSpec([None, 1], tf.float32), training=training)
    tf.saved_model.save(m, fresh("batch_norm"))


def retrain(name, x, y, rate, steps, trainable=True):
    """As a layer of a Keras model, by gradient descent on the mean square."""
    layer = hub.KerasLayer(os.path.join(folder, name), trainable=trainable)
    bias = tf.Variable(0.0)  # so that there is something to train
    x, y, losses = tf.constant(x), tf.constant(y), []
    optimizer = tf.keras.optimizers.SGD(rate)
    for _ in range(steps):
        with tf.GradientTape() as tape:
            found = layer(x, training=True) + 0.0 * bias
            loss = tf.reduce_mean((found - y) ** 2) + sum(layer.losses)
        weights = layer.trainable_weights + [bias]
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        losses.append(float(loss))
    return layer, losses


def train_layers(out):
    x = np.array([[-2.0], [0.0], [2.0]], np.float32)
    layer, losses = retrain("half_plus_one", x, x + 1.0, 0.05, 10)
    put(out, "half_plus_one/losses", losses)
    put(out, "half_plus_one/w", layer.trainable_weights[0])
    put(out, "half_plus_one/b", layer.non_trainable_weights[0])
    x = np.array([[11.0], [12.0], [13.0]], np.float32)
    for trainable in (True, False):
        layer, _ = retrain("batch_norm", x, 2.0 * x, 0.1, 60, trainable)
        names = [w.name[:-2] for w in layer.weights]
        for n, w in zip(names, layer.weights):
            put(out, "batch_norm%d/%s" % (trainable, n), w)


def put(out, name, values):
    flat = np.asarray(values).reshape(-1)
    out.write("%s %d %s\n" % (name, len(flat),
                              " ".join("%.9g" % v for v in flat)))


def main():
    write_functions()
    write_twice()
    write_layers()
    write_pair()
    with open(golden, "w") as out:
        train_functions(out)
        train_layers(out)
        encode(out)
        embed(out)


main()
