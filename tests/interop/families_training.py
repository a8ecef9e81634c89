"""Five steps of SGD and of Adam here and in Keras, over any call.

The head is a softmax over a linear map of one output, flattened; what is
compared are the losses of the steps and that the tuned module, exported, is
what TensorFlow trained: its losses go on falling alike.
"""
import copy
import shutil

import numpy as np
import tensorflow as tf

import compare
import differ
import exports
import feeds
import oracle
import program

v1 = tf.compat.v1
STEPS, CLASSES = 5, 3


def words_of(way):
    how, _, name = way.partition(" ")
    return how, name or "__call__"


def find_call(calls, way, training):
    """The trace for training where there is one."""
    how, name = words_of(way)
    found = [c for c in calls if c.arguments[:2] == ["--" + how, name]]
    wanted = [c for c in found if is_training(c) == training]
    return (wanted or found)[0]


def is_training(call):
    return "--training" in call.arguments or call.arguments[-1] == "train"


class Problem:
    """A call to train, data for it, and a head to begin with."""

    def __init__(self, path, family, calls, exact=()):
        """exact: the calls in double, by name, where there are any."""
        self.path, self.family, self.mode = path, family, "training"
        self.call = find_call(calls, family.train, True)
        if exports.is_random(self.call, feeds.for_call(self.call)):
            self.call, self.mode = find_call(calls, family.train,
                                             False), "inference"
        self.batches = [feeds.for_call(self.call, 100 + i)
                        for i in range(STEPS)]
        for batch in self.batches:  # scalars are fed whole, at every step
            batch.update({k: v for k, v in self.batches[0].items()
                          if not np.shape(v)})
        out = self.call.run(self.batches[0])
        self.output = family.output or choose(out)
        rng = np.random.RandomState(7)
        width = int(np.prod(out[self.output].shape[1:]))
        self.kernel = rng.normal(0, width ** -0.5, (width, CLASSES)).astype(
            "f")
        self.bias = rng.normal(0, 0.1, CLASSES).astype("f")
        self.y = [rng.randint(0, CLASSES, feeds.BATCH) for _ in range(STEPS)]
        self.exact = self.doubled(exact[self.call.name]) if exact else None

    def doubled(self, call):
        found = copy.copy(self)
        found.call = call
        found.batches = [compare.doubled(b) for b in self.batches]
        found.kernel, found.bias = [a.astype("d") for a in (self.kernel,
                                                            self.bias)]
        return found

    def loss(self, outputs, y, kernel, bias):
        x = outputs[self.output]
        x = tf.reshape(x, [tf.shape(x)[0], self.kernel.shape[0]])
        return tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(
                labels=y, logits=x @ kernel + bias))


def choose(outputs):
    floats = [k for k, v in outputs.items() if v.dtype == np.float32]
    return "default" if "default" in floats else sorted(floats)[0]


def trainer(problem):
    two = isinstance(problem.call, oracle.Call2)
    return Trainer2(problem) if two else Trainer1(problem)


class Trainer2:
    def __init__(self, problem):
        self.problem, call = problem, problem.call
        self.variables = [v for v in call.variables.values() if call.trains(v)]
        self.losses = list(getattr(call.root, "regularization_losses", []))

    def gradients(self, feed, y, kernel, bias):
        with tf.GradientTape() as tape:
            loss = self.problem.loss(self.problem.call.function(feed), y,
                                     kernel, bias)
            loss += sum(tf.reduce_sum(f()) for f in self.losses)
        return loss, tape.gradient(loss, self.variables + [kernel, bias])


class Trainer1:
    """A graph of its own; eager variables mirror the session's."""

    def __init__(self, problem):
        self.problem = problem
        with oracle.version_1():
            self.session = v1.Session()
            with self.session.as_default():
                own = self.build(problem.call)
        self.variables = [tf.Variable(v) for v in own]

    def build(self, call):
        with v1.name_scope("outside"):  # the module's names stay its own
            self.inputs = {k: v1.placeholder(s.dtype, s.shape)
                           for k, s in call.inputs.items()}
        outputs, _, feed, start = call.build(self.session, self.inputs)
        self.keys = {k: n for k, p in self.inputs.items()
                     for n, q in feed.items() if q is p} or self.inputs
        self.head = [v1.placeholder(tf.int64)] + [
            v1.placeholder(tf.float32, a.shape)
            for a in (self.problem.kernel, self.problem.bias)]
        own = v1.trainable_variables()
        loss = self.problem.loss(outputs, *self.head)
        loss += sum(v1.get_collection("regularization_losses"))
        self.made = loss, [oracle.zeros_if_none(g, v) for g, v in zip(
            tf.gradients(loss, own + self.head[1:]), own + self.head[1:])]
        self.new = [v1.placeholder(v.dtype.base_dtype, v.shape) for v in own]
        self.set = [v1.assign(v, p) for v, p in zip(own, self.new)]
        start()
        self.session.run([v1.global_variables_initializer(),
                          v1.tables_initializer()]
                         if call.format == "hub1" else [])
        return self.session.run(own)

    def gradients(self, feed, y, kernel, bias):
        self.session.run(self.set, {p: v.numpy() for p, v in zip(
            self.new, self.variables)})
        given = {self.keys[k]: v for k, v in feed.items()}
        given.update(zip(self.head, (y, kernel.numpy(), bias.numpy())))
        loss, found = self.session.run(self.made, given)
        return loss, [tf.constant(g) for g in found]


def keras_losses(problem, optimizer, rate):
    trained = trainer(problem)
    kernel, bias = tf.Variable(problem.kernel), tf.Variable(problem.bias)
    update = {"sgd": tf.keras.optimizers.SGD, "adam": tf.keras.optimizers.Adam
              }[optimizer](rate, jit_compile=False)
    found = []
    call = problem.call
    with oracle.unchanged(getattr(call, "variables", {})):
        for feed, y in zip(problem.batches, problem.y):
            loss, gradients = trained.gradients(feed, y, kernel, bias)
            found.append(float(loss))
            update.apply_gradients([(g, v) for g, v in zip(
                gradients, trained.variables + [kernel, bias])
                if g is not None])
    return np.array(found)


def write_data(problem):
    """Inputs of a batch are joined along axis 0; scalars stay as they are."""
    arrays, columns = {"label": np.concatenate(problem.y).astype(np.int64)}, []
    for i, k in enumerate(problem.batches[0]):
        parts = [np.asarray(b[k]) for b in problem.batches]
        arrays["x%d" % i] = parts[0] if not parts[0].shape else (
            np.concatenate(parts))
        columns += ["--input", "%s=x%d" % (k, i)]
    return program.write_npz(program.scratch("data.npz"), arrays), columns


def hubtune_losses(problem, optimizer, rate):
    data, columns = write_data(problem)
    head, out = program.scratch("head.npz"), program.scratch("run")
    np.savez(head, kernel=problem.kernel, bias=problem.bias)
    shutil.rmtree(out, ignore_errors=True)
    how, name = words_of(problem.family.train)
    program.hubtune(
        "train", "--module", problem.path, "--data", data, "--out", out,
        *columns, *problem.call.more, "--label", "label", "--" + how, name, "--mode",
        problem.mode, "--output", problem.output, "--task", "classify",
        "--trainable", "--head-init", head, "--no-shuffle", "--batch",
        feeds.BATCH, "--epochs", 1, "--optimizer", optimizer, "--lr", rate,
        "--module-lr", rate)
    return np.array(program.losses(out))


def check(problem, optimizer, rate):
    got = hubtune_losses(problem, optimizer, rate)
    wanted = keras_losses(problem, optimizer, rate)
    if got.shape != wanted.shape:
        return ["%d steps, wanted %d" % (len(got), len(wanted))]
    bound = problem.family.bound
    if problem.exact:
        exact = keras_losses(problem.exact, optimizer, rate)
        bound = max(bound, differ.DRAWS * apart(wanted, exact))
        wanted = exact
    worst = apart(got, wanted)
    differ.note(worst)
    return [] if worst <= bound else [
        "losses differ by %.3g (%.3g allowed): %s and %s" % (
            worst, bound, got, wanted)]


def apart(a, b):
    return np.max(np.abs(a - b) / np.abs(b))
