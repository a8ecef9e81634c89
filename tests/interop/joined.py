"""One module applied twice with one set of weights, its answers feeding
another that is applied twice, too: trained here and in TensorFlow to the same
losses, and what is exported then, in hub.load and hub.Module.

    joined.py
"""
import os

import numpy as np
import tensorflow as tf
import tensorflow_hub as hub

import program

v1 = tf.compat.v1
STEPS, BATCH, WIDTH, CLASSES, RATE, MODULE_RATE = 6, 5, 4, 3, .2, .5
rng = np.random.RandomState(3)
WORDS = "calm sunny day cold rain wind".split()
TEXTS = {k: [" ".join(rng.choice(WORDS + ["nobody"], rng.randint(1, 5)))
             for _ in range(STEPS * BATCH)] for k in ("title", "body")}
LABELS = np.arange(STEPS * BATCH) % CLASSES
KERNEL = rng.normal(0, .3, (2 * 2, CLASSES)).astype("f")
BIAS = rng.normal(0, .1, CLASSES).astype("f")
DENSE = rng.normal(0, .5, (WIDTH, 2)).astype("f")


def same(what, found, wanted):
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert found.shape == wanted.shape, (what, found.shape, wanted.shape)
    worst = np.max(np.abs(found - wanted)) / (1 + np.max(np.abs(wanted)))
    assert worst <= 1e-5, (what, worst)
    print("  ok   %-44s %.1e" % (what, worst))


# ---- the modules


def words_module(form):
    """Of the program itself: an embedding that it wrote."""
    path, vectors = program.scratch("words_" + form), program.scratch("v.txt")
    with open(vectors, "w") as f:
        for w in WORDS:
            f.write("%s %s\n" % (w, " ".join(
                "%.4f" % x for x in rng.normal(0, 1, WIDTH))))
    program.hubtune("new", "text-embedding", path, "--embeddings", vectors,
                    "--oov", 1, "--format", form, "--trainable", "-q")
    return path


def dense_savedmodel():
    class Dense(tf.Module):
        def __init__(self):
            super().__init__()
            self.w = tf.Variable(DENSE, name="w")
            self.regularization_losses = [tf.function(
                lambda: .1 * tf.reduce_sum(self.w ** 2), input_signature=[])]

        @tf.function(input_signature=[tf.TensorSpec([None, WIDTH])])
        def __call__(self, x):
            return tf.tanh(x @ self.w)

    path, root = program.scratch("dense_savedmodel"), Dense()
    tf.saved_model.save(root, path)
    return path


def dense_hub1():
    def body():
        x = v1.placeholder(tf.float32, [None, WIDTH])
        w = v1.get_variable("w", initializer=DENSE)
        v1.add_to_collection(v1.GraphKeys.REGULARIZATION_LOSSES,
                             .1 * tf.reduce_sum(w ** 2))
        hub.add_signature(inputs=x, outputs=tf.tanh(x @ w))

    path = program.scratch("dense_hub1")
    with tf.Graph().as_default():
        m = hub.Module(hub.create_module_spec(body))
        with v1.Session() as session:
            session.run(v1.global_variables_initializer())
            m.export(path, session)
    return path


# ---- here


def train_here(form, words, dense):
    run, data = program.scratch("run_" + form), program.scratch("data.csv")
    with open(data, "w") as f:
        f.write("title,body,label\n")
        for row in zip(TEXTS["title"], TEXTS["body"], LABELS):
            f.write("%s,%s,%d\n" % row)
    head = program.write_npz(program.scratch("head.npz"),
                             {"kernel": KERNEL, "bias": BIAS})
    program.hubtune(
        "train", "--module", "title=" + words, "--apply", "body=title",
        "--module", "up=" + dense, "--apply", "down=up", "--connect",
        "up.x=title" if form == "savedmodel" else "up=title",
        "--connect", "down=body", "--input", "title.sentences=title",
        "--input", "body.sentences=body", "--data", data, "--out", run,
        "--trainable", "--optimizer", "sgd", "--lr", RATE, "--module-lr",
        MODULE_RATE, "--batch", BATCH, "--steps", STEPS, "--no-shuffle",
        "--head-init", head)
    return run


# ---- in TensorFlow


def loss_of(features, kernel, bias, labels, losses):
    scores = features @ kernel + bias
    loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, scores)
    return scores, tf.reduce_mean(loss) + tf.add_n(losses)


def train_eagerly(words, dense):
    words, dense = hub.load(words), hub.load(dense)
    kernel, bias = tf.Variable(KERNEL), tf.Variable(BIAS)
    table, = words.trainable_variables
    losses = []

    def answer(texts, labels):
        texts = [tf.constant(t) for t in texts]
        features = tf.concat([dense(words(t)) for t in texts], 1)
        return loss_of(features, kernel, bias, labels,
                       [f() for f in dense.regularization_losses])

    rates = {kernel.ref(): RATE, bias.ref(): RATE}
    for i in range(STEPS):
        at = slice(i * BATCH, (i + 1) * BATCH)
        with tf.GradientTape() as tape:
            _, loss = answer((TEXTS["title"][at], TEXTS["body"][at]),
                             LABELS[at])
        losses.append(loss.numpy())
        weights = [kernel, bias, table, dense.w]
        for v, g in zip(weights, tape.gradient(loss, weights)):
            v.assign_sub(rates.get(v.ref(), MODULE_RATE) *
                         tf.convert_to_tensor(g))
    scores, _ = answer(list(TEXTS.values()), LABELS)
    return losses, tf.nn.softmax(scores).numpy()


def train_in_session(words, dense):
    with tf.Graph().as_default():
        m, n = (hub.Module(x, trainable=True) for x in (words, dense))
        given = [v1.placeholder(tf.string, [None]) for _ in range(2)]
        labels = v1.placeholder(tf.int64, [None])
        kernel, bias = tf.Variable(KERNEL), tf.Variable(BIAS)
        scores, loss = loss_of(
            tf.concat([n(m(t)) for t in given], 1), kernel, bias, labels,
            v1.get_collection(v1.GraphKeys.REGULARIZATION_LOSSES))
        modules = [v for v in v1.trainable_variables()
                   if v not in (kernel, bias)]
        step = tf.group(*[
            v1.train.GradientDescentOptimizer(rate).minimize(
                loss, var_list=found) for rate, found in
            ((RATE, [kernel, bias]), (MODULE_RATE, modules))])
        assert len(modules) == 2, modules
        losses = []
        with v1.Session() as session:
            session.run([v1.global_variables_initializer(),
                         v1.tables_initializer()])
            for i in range(STEPS):
                at = slice(i * BATCH, (i + 1) * BATCH)
                feed = {given[0]: TEXTS["title"][at],
                        given[1]: TEXTS["body"][at], labels: LABELS[at]}
                losses.append(session.run(loss, feed))
                session.run(step, feed)
            return losses, session.run(tf.nn.softmax(scores), {
                given[0]: TEXTS["title"], given[1]: TEXTS["body"]})


# ---- what is exported


FEED = {"title_sentences": TEXTS["title"], "body_sentences": TEXTS["body"]}


def saved_model(path, wanted):
    loaded = hub.load(path)
    feed = {k: tf.constant(v) for k, v in FEED.items()}
    found = loaded.signatures["serving_default"](**feed)["scores"]
    same("%s in hub.load" % os.path.basename(path), found, wanted)
    assert len(loaded.variables) == 4, loaded.variables
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(loaded(feed, training=True)[:, 0]) + tf.add_n(
            [f() for f in loaded.regularization_losses])
    assert all(g is not None for g in tape.gradient(
        loss, loaded.trainable_variables))


def hub1(path, wanted):
    for tags, n in ((set(), 4), ({"train"}, 4)):
        with tf.Graph().as_default():
            m = hub.Module(path, trainable=True, tags=tags)
            y = m(FEED, signature="serving_default", as_dict=True)["scores"]
            assert len(v1.trainable_variables()) == n
            assert len(v1.get_collection(
                v1.GraphKeys.REGULARIZATION_LOSSES)) == 1
            with v1.Session() as session:
                session.run([v1.global_variables_initializer(),
                             v1.tables_initializer()])
                same("%s in hub.Module {%s}" % (
                    os.path.basename(path), ",".join(tags)),
                    session.run(y), wanted)


def alone(run, form):
    """Each module by itself, with the weights that both applications made."""
    out = program.scratch("alone_" + form)
    program.hubtune("export", run, out, "--what", "module")
    assert sorted(os.listdir(out)) == ["title", "up"], os.listdir(out)
    return os.path.join(out, "title"), os.path.join(out, "up")


def check(form, words, dense, train):
    losses, wanted = train(words, dense)
    run = train_here(form, words, dense)
    same(form + ": losses of %d steps" % STEPS, program.losses(run), losses)
    for kind, load in (("savedmodel", saved_model), ("hub1", hub1)):
        out = program.kept("joined_%s.%s" % (form, kind))
        program.hubtune("export", run, out, "--format", kind)
        load(out, wanted)
    w, d = alone(run, form)
    if form == "savedmodel":
        assert hub.load(w).variables[0].shape == (len(WORDS) + 1, WIDTH)
        same("its dense module alone", hub.load(d).w, hub.load(
            run + "/model").trainable_variables[1])


def main():
    check("savedmodel", words_module("savedmodel"), dense_savedmodel(),
          train_eagerly)
    check("hub1", words_module("hub1"), dense_hub1(), train_in_session)


if __name__ == "__main__":
    main()
