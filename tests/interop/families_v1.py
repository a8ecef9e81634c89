"""Families of TensorFlow 1: hub.Modules with all their habits, estimators."""
import os
import shutil
import tempfile

import numpy as np
import tensorflow as tf
import tensorflow_hub as hub

import feeds
from families_registry import family, lines_file
from families_text import SENTENCES, WORDS, sentences

v1 = tf.compat.v1
SIGNATURE = "signature default"


def normal(seed, scale=0.5):
    return v1.random_normal_initializer(0, scale, seed)


def matrix(name, seed, *shape, scale=0.5, **more):
    return v1.get_variable(name, shape, initializer=normal(seed, scale),
                           **more)


def export(path, body, tags_and_args=None, tags=None, refs=False):
    """With the control flow and the variables of version 1."""
    v1.disable_control_flow_v2()
    if refs:
        v1.disable_resource_variables()
    try:
        spec = hub.create_module_spec(body, tags_and_args=tags_and_args)
        with v1.Graph().as_default():
            m = hub.Module(spec, trainable=True, tags=tags)
            with v1.Session() as session:
                session.run([v1.global_variables_initializer(),
                             v1.tables_initializer()])
                m.export(path, session)
    finally:
        v1.enable_control_flow_v2()
        v1.enable_resource_variables()


# ---- loops and branches


def lengths(name, spec, rng):
    if name == "length":
        return np.array([5, 0, 3], np.int32)
    if name == "sequence":
        return rng.normal(0, 1, (3, 5, 4)).astype("f")


def lstm_step(x, c, h, kernel, bias):
    i, j, f, o = tf.split(tf.concat([x, h], 1) @ kernel + bias, 4, 1)
    c = c * tf.sigmoid(f + 1.0) + tf.sigmoid(i) * tf.tanh(j)
    return c, tf.tanh(c) * tf.sigmoid(o)


@family(quick=True, feed=lengths, train=SIGNATURE)
def hub1_dynamic_rnn(path):
    """Two loops over TensorArrays, one backwards, up to each length."""
    def body():
        x = v1.placeholder(tf.float32, [None, None, 4], "sequence")
        n = v1.placeholder(tf.int32, [None], "length")
        cells = [v1.nn.rnn_cell.LSTMCell(5, use_peepholes=True, num_proj=4,
                                         initializer=normal(i))
                 for i in range(2)]
        (a, b), (sa, sb) = v1.nn.bidirectional_dynamic_rnn(
            *cells, x, n, dtype=tf.float32)
        y = v1.nn.dynamic_rnn(v1.nn.rnn_cell.GRUCell(
            3, kernel_initializer=normal(3)), tf.concat([a, b], 2), n,
            dtype=tf.float32, scope="up")[1]
        hub.add_signature(inputs={"sequence": x, "length": n}, outputs={
            "default": tf.concat([y, sa.h, sb.c], 1), "every": a})

    export(path, body)


@family(feed=lengths, train=SIGNATURE)
def hub1_while(path):
    """A loop in a loop, one without a turn, and branches inside."""
    def body():
        x = v1.placeholder(tf.float32, [None, None, 4], "sequence")
        n = v1.placeholder(tf.int32, [None], "length")
        kernel = matrix("kernel", 1, 8, 16)
        bias = v1.get_variable("bias", [16],
                               initializer=v1.zeros_initializer())
        rows = v1.TensorArray(tf.float32, tf.shape(x)[1],
                              element_shape=[None, 4]).unstack(
                                  tf.transpose(x, [1, 0, 2]))

        def turn(t, c, h):
            c, h = lstm_step(rows.read(t), c, h, kernel, bias)
            c = v1.while_loop(lambda k, c: k < t % 3, lambda k, c: (
                k + 1, v1.cond(tf.reduce_mean(c) > 0, lambda: c * 0.9,
                               lambda: tf.sin(c) + c)), (0, c))[1]
            return t + 1, c, h

        zero = tf.zeros_like(x[:, 0])
        _, c, h = v1.while_loop(lambda t, c, h: t < tf.reduce_max(n), turn,
                                (0, zero, zero))
        hub.add_signature(inputs={"sequence": x, "length": n},
                          outputs={"default": tf.concat([c, h], 1)})

    export(path, body)


@family(train=SIGNATURE)
def hub1_cond(path):
    """Branches with values that only one side has, nested, and a case."""
    def body():
        x = v1.placeholder(tf.float32, [None, 4], "x")
        w, u = matrix("w", 1, 4, 4), matrix("u", 2, 4, 4)
        s = tf.reduce_sum(x)
        y = v1.cond(s > 0, lambda: v1.cond(s > 2, lambda: x @ w,
                                           lambda: x @ u + 1.0),
                    lambda: tf.nn.relu(x @ w) - tf.stop_gradient(x @ u))
        z = v1.case([(s > 3, lambda: y * 2), (s < -3, lambda: y @ u)],
                    default=lambda: y + x)
        hub.add_signature(inputs=x, outputs=z)

    export(path, body)


# ---- texts


@family(quick=True, feed=sentences, train=SIGNATURE)
def hub1_partitioned(path):
    """Partitioned tables of reference variables, both strategies."""
    words = lines_file(WORDS)

    def body():
        text = v1.placeholder(tf.string, [None], "sentences")
        tokens = v1.string_split(text, " ,.!")
        table = tf.lookup.StaticVocabularyTable(tf.lookup.TextFileInitializer(
            words, tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64,
            tf.lookup.TextFileIndex.LINE_NUMBER), 4)
        ids = tf.SparseTensor(tokens.indices, table.lookup(tokens.values),
                              tokens.dense_shape)
        found = []
        for i, strategy in enumerate(("div", "mod")):
            rows = matrix("rows_%d" % i, i, len(WORDS) + 4, 6,
                          partitioner=v1.fixed_size_partitioner(3))
            found.append(v1.nn.safe_embedding_lookup_sparse(
                rows, ids, combiner=("mean", "sqrtn")[i],
                partition_strategy=strategy))
        hub.add_signature(inputs={"sentences": text},
                          outputs={"default": tf.concat(found, 1)})

    export(path, body, refs=True)


def tokens(name, spec, rng):
    if name == "tokens":
        return rng.choice(WORDS, (3, 4)).astype(object)
    if name == "sequence_len":
        return np.array([4, 2, 1], np.int32)
    return sentences(name, spec, rng)


@family(feed=tokens, train=SIGNATURE)
def hub1_elmo(path):
    """Characters to words by convolutions and highways, then loops."""
    width, chars = 8, 12

    def characters(tokens):
        """Bytes of each word between marks, in a loop of version 1."""
        flat = tf.reshape(tokens, [-1])

        def one(word):
            code = tf.io.decode_raw(v1.substr(word, 0, chars - 2), tf.uint8)
            code = tf.cast(code, tf.int32) + 1
            code = tf.concat([[257], code, [258]], 0)
            return tf.pad(code, [[0, chars - tf.shape(code)[0]]])

        ids = v1.map_fn(one, flat, tf.int32)
        return tf.reshape(ids, tf.concat([tf.shape(tokens), [chars]], 0))

    def embed(ids):
        x = tf.nn.embedding_lookup(matrix("chars", 1, 260, 4), ids)
        s = tf.shape(x)
        x = tf.reshape(x, [-1, chars, 4])
        found = [tf.reduce_max(tf.nn.relu(tf.nn.conv1d(
            x, matrix("filter_%d" % k, k, k, 4, width // 2), 1, "VALID")), 1)
            for k in (2, 3)]
        x = tf.concat(found, 1)
        carry = tf.sigmoid(x @ matrix("carry", 5, width, width) - 2.0)
        x = carry * tf.nn.relu(x @ matrix("highway", 6, width, width)) + (
            1 - carry) * x
        return tf.reshape(x, [s[0], s[1], width])

    def encode(tokens, n):
        x = embed(characters(tokens))
        layers, h = [tf.concat([x, x], 2)], x
        for i in range(2):
            cells = [v1.nn.rnn_cell.LSTMCell(
                width, initializer=normal(20 + 2 * i + k), cell_clip=3.0,
                proj_clip=3.0, num_proj=width) for k in range(2)]
            (a, b), _ = v1.nn.bidirectional_dynamic_rnn(
                *cells, h, n, dtype=tf.float32, scope="layer_%d" % i)
            layers.append(tf.concat([a, b], 2))
            h = a + b
        weights = tf.nn.softmax(v1.get_variable(
            "mix", [3], initializer=v1.zeros_initializer()))
        elmo = v1.get_variable("scale", [], initializer=v1.ones_initializer(
            )) * tf.add_n([w * l for w, l in zip(tf.unstack(weights),
                                                 layers)])
        mask = tf.sequence_mask(n, tf.shape(tokens)[1], tf.float32)[..., None]
        mean = tf.math.divide_no_nan(tf.reduce_sum(elmo * mask, 1),
                                     tf.reduce_sum(mask, 1))
        return {"default": mean, "elmo": elmo, "word_emb": x}

    def body():
        text = v1.placeholder(tf.string, [None], "strings")
        tokens = v1.string_split(text)
        dense = tf.sparse.to_dense(tokens, default_value="")
        n = tf.math.bincount(tf.cast(tokens.indices[:, 0], tf.int32),
                             minlength=tf.shape(text)[0])
        with v1.variable_scope("encoder", reuse=v1.AUTO_REUSE):
            hub.add_signature("default", {"strings": text}, encode(dense, n))
            words = v1.placeholder(tf.string, [None, None], "tokens")
            length = v1.placeholder(tf.int32, [None], "sequence_len")
            hub.add_signature("tokens", {
                "tokens": words, "sequence_len": length}, encode(words,
                                                                 length))

    export(path, body)


# ---- images


def conv_norm(x, kernel, training, momentum, name, stride=1):
    with v1.variable_scope(name):
        x = tf.nn.conv2d(x, kernel, stride, "SAME")
        x = v1.layers.batch_normalization(x, momentum=momentum, fused=True,
                                          training=training)
    return tf.nn.relu6(x)


@family(quick=True, train=SIGNATURE)
def hub1_image(path):
    """Slim's habits: {train}, moving averages, momentum as an input, an
    attached size, losses of regularization."""
    def body(training):
        info = hub.ImageModuleInfo()
        info.default_image_size.height = info.default_image_size.width = 16
        hub.attach_image_module_info(info)
        images = v1.placeholder(tf.float32, [None, 16, 16, 3], "images")
        momentum = v1.placeholder_with_default(0.9, [], "momentum")
        l2 = (lambda w: 0.01 * tf.nn.l2_loss(w))
        x = images * 2.0 - 1.0
        for i, (n, m) in enumerate(((3, 6), (6, 8))):
            w = matrix("kernel_%d" % i, i, 3, 3, n, m, scale=0.3,
                       regularizer=l2)
            x = conv_norm(x, w, training, momentum, "layer_%d" % i, 2)
        w = matrix("depthwise", 7, 3, 3, 8, 1, scale=0.3)
        x = tf.nn.depthwise_conv2d(x, w, [1, 1, 1, 1], "SAME")
        x = v1.nn.avg_pool2d(x, 4, 1, "VALID")
        logits = v1.layers.conv2d(x, 5, 1, kernel_initializer=normal(8))
        features = tf.squeeze(x, [1, 2])
        outputs = {"default": features, "logits": tf.squeeze(logits, [1, 2])}
        hub.add_signature(inputs={"images": images}, outputs=outputs)
        hub.add_signature("with_bn_hparams", {
            "images": images, "batch_norm_momentum": momentum}, outputs)

    export(path, body, [(set(), {"training": False}),
                        ({"train"}, {"training": True})], {"train"})


# ---- estimators


def written(estimator, data, columns):
    estimator.train(data, steps=20)
    parse = tf.estimator.export.build_parsing_serving_input_receiver_fn(
        v1.feature_column.make_parse_example_spec(columns))
    return estimator.export_saved_model(tempfile.mkdtemp(), parse)


def taxi():
    c = tf.feature_column
    company = c.categorical_column_with_vocabulary_list(
        "company", ["Acme", "Blue", "City"], num_oov_buckets=1)
    area = c.categorical_column_with_hash_bucket("area", 12)
    hour = c.bucketized_column(c.numeric_column("hour"), [6., 12., 18.])
    price = c.numeric_column("price", shape=[2], default_value=[1.0, 2.0])
    kind = c.categorical_column_with_vocabulary_file(
        "kind", lines_file(["cash", "card"]), default_value=0)
    return company, area, hour, price, kind


def taxi_data():
    rng = np.random.RandomState(3)
    n = 64
    x = {"company": rng.choice(["Acme", "Blue", "Other"], (n, 1)),
         "area": rng.choice(["north", "south", "x"], (n, 1)),
         "hour": rng.uniform(0, 24, (n, 1)).astype("f"),
         "price": rng.uniform(0, 9, (n, 2)).astype("f"),
         "kind": rng.choice(["cash", "card", "odd"], (n, 1))}
    y = rng.randint(0, 3, (n, 1))
    return lambda: tf.data.Dataset.from_tensor_slices((x, y)).batch(16)


def taxi_examples(name, spec, rng):
    """Serialized examples, some features of which are missing."""
    if spec.dtype != tf.string:
        return None
    rows = []
    for i in range(3):
        row = {"company": str(rng.choice(["Acme", "Blue", "?"])),
               "area": str(rng.choice(["north", "south"])),
               "hour": float(rng.uniform(0, 24)),
               "kind": str(rng.choice(["cash", "card"]))}
        if i == 1:
            del row["area"]
        rows.append(feeds.example(row))
    return np.array(rows, object)


def estimator(path, make):
    company, area, hour, price, kind = taxi()
    c = tf.feature_column
    wide = [company, c.crossed_column(["area", "kind"], 20), hour]
    deep = [price, c.embedding_column(area, 4), c.indicator_column(kind),
            c.indicator_column(company), c.numeric_column("hour")]
    tf.keras.utils.set_random_seed(4)
    v1.disable_control_flow_v2()
    try:
        config = tf.estimator.RunConfig(tf_random_seed=4)
        found = written(make(wide, deep, config), taxi_data(), wide + deep)
    finally:
        v1.enable_control_flow_v2()
    shutil.move(found.decode() if isinstance(found, bytes) else found, path)


E = "signature predict"


@family(quick=True, feed=taxi_examples, train=E, output="probabilities")
def estimator_linear(path):
    estimator(path, lambda wide, deep, config: tf.estimator.LinearClassifier(
        wide, n_classes=3, config=config))


@family(feed=taxi_examples, train=E, output="logits")
def estimator_dnn(path):
    estimator(path, lambda wide, deep, config: tf.estimator.DNNClassifier(
        [8, 6], deep, n_classes=3, config=config, dropout=0.1,
        batch_norm=True))


@family(feed=taxi_examples, train=E, output="logits")
def estimator_wide_and_deep(path):
    estimator(path, lambda wide, deep, config:
              tf.estimator.DNNLinearCombinedClassifier(
                  linear_feature_columns=wide, dnn_feature_columns=deep,
                  dnn_hidden_units=[6], n_classes=3, config=config))


def colours(name, spec_, rng):
    return rng.choice(["red", "blue", "mauve"], 3).astype(object)


@family(train="signature serving_default", output="y", feed=colours)
def v1_tables_in_the_checkpoint(path):
    """Tables that the Saver keeps, filled in the session."""
    with v1.Graph().as_default(), v1.Session() as session:
        words = v1.placeholder(tf.string, [None], "words")
        tables = [make(tf.string, tf.int64, 0, name=name, **more)
                  for make, name, more in (
                      (tf.lookup.experimental.MutableHashTable, "ids", {}),
                      (tf.lookup.experimental.DenseHashTable, "dense",
                       {"empty_key": "", "deleted_key": "-"}))]
        fill = [t.insert(tf.constant(["red", "blue"]),
                         tf.constant([2, 1], tf.int64)) for t in tables]
        rows = matrix("rows", 1, 3, 4)
        x = tf.add_n([tf.gather(rows, t.lookup(words)) for t in tables])
        y = v1.layers.dense(x, 5, tf.nn.elu, kernel_initializer=normal(2))
        session.run([v1.global_variables_initializer(), fill])
        v1.saved_model.simple_save(session, path, {"words": words}, {"y": y})


@family(train="signature serving_default", output="y")
def v1_no_names(path):
    """A SavedModel of a bare session: partitioned, int64 ids, no hub."""
    with v1.Graph().as_default(), v1.Session() as session:
        ids = v1.placeholder(tf.int64, [None, 3], "ids")
        rows = matrix("rows", 1, 20, 4,
                      partitioner=v1.variable_axis_size_partitioner(100))
        x = tf.reshape(v1.nn.embedding_lookup(rows, ids, "div"), [-1, 12])
        y = v1.layers.dense(x, 5, tf.nn.elu, kernel_initializer=normal(2))
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, path, {"ids": ids}, {"y": y})
