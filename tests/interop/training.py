"""Ten steps of each optimizer here and in Keras, and what is exported then."""
import collections
import csv
import os
import shutil

import numpy as np
import tensorflow as tf
import tensorflow_hub as hub

import differ
import exports
import feeds
import oracle
import program
import serving

v1 = tf.compat.v1
STEPS, BATCH, CLASSES = 10, 4, 3
BOUND = 1e-5
RATES = {"sgd": 0.1, "adam": 0.01, "adamw": 0.01, "adagrad": 0.05,
         "rmsprop": 0.005}
# How a module is called: by which word, in which mode; whether with texts; of
# a signature its name, the output that feeds the head, and arguments.
Way = collections.namedtuple("Way", "how mode text name output arguments",
                             defaults=(False, None, None, {}))
TEXT = Way("--call", "training", True)
TRAINED = {
    "text_plain": TEXT,
    "text_normalised": TEXT,
    "text_partitioned": TEXT,
    "text_l2_head": TEXT,
    "keras_conv": Way("--call", "training"),
    "keras_dense": Way("--call", "inference"),
    "custom_gradient": Way("--call", "training"),
    "hub1_text": Way("--signature", "training", True),
    "hub1_dense_refs": Way("--signature", "training"),
    "hub1_second": Way("--signature", "training", name="second"),
    "hub1_hparams": Way(
        "--signature", "training", name="features_with_bn_hparams",
        arguments={"batch_norm_momentum": 0.7}),
    "hub1_switch": Way("--signature", "training"),
    "keyword_spotting": Way("--call", "inference"),
}


def check(r, name, path):
    if name not in TRAINED:
        return
    way = TRAINED[name]
    problem = Problem(path, way)
    small = oracle.format_of(path) != "sm2" or way.text
    optimizers = RATES if small else ("sgd", "adam")
    for optimizer in optimizers:
        r.guarded(name, "training", optimizer,
                  lambda: compare_losses(problem, optimizer))
    check_exports(r, name, problem)


class Problem:
    """Data, a head, and the module to train; the same at every run."""

    def __init__(self, path, way):
        self.path, self.way = path, way
        self.how, self.mode, self.text = way.how, way.mode, way.text
        rng = np.random.RandomState(7)
        self.call = self.find_call()
        (self.input, spec), = [(k, v) for k, v in self.call.inputs.items()
                               if k not in way.arguments]
        n = STEPS * BATCH
        self.y = rng.randint(0, CLASSES, n)
        self.y[:CLASSES] = range(CLASSES)
        if self.text:
            self.x = np.array([" ".join(rng.choice(
                "good bad movie plot the a was quite zebra".split(),
                rng.randint(1, 8))) for _ in range(n)], object)
        else:
            self.x = rng.normal(0, 1, (n,) + tuple(spec.shape[1:])).astype("f")
        width = self.first(self.loaded().forward(
            tf.constant(self.x[:2]))).shape[-1]
        self.kernel = rng.normal(0, .3, (width, CLASSES)).astype("f")
        self.bias = rng.normal(0, .1, CLASSES).astype("f")

    def find_call(self):
        usual = "__call__" if self.how == "--call" else "default"
        return [c for c in oracle.calls(self.path)
                if c.arguments[:2] == [self.how, self.way.name or usual]][0]

    def loaded(self):
        two = oracle.format_of(self.path) == "sm2"
        return Trained(self) if two else Trained1(self)

    def first(self, out):
        if isinstance(out, tf.Tensor):
            return out
        return out[self.way.output] if self.way.output else (
            out["default"] if "default" in out else list(out.values())[0])

    def words(self):
        """What tells hubtune about the call."""
        words = [self.how, self.call.arguments[1]]
        if self.way.output:
            words += ["--output", self.way.output]
        for k, v in self.way.arguments.items():
            words += ["--argument", "%s=%s" % (k, v)]
        return words


class Trained:
    """The module in TensorFlow, ready to be trained."""

    def __init__(self, problem):
        self.problem = problem
        training = problem.mode == "training"
        root = self.root = tf.saved_model.load(self.problem.path)
        takes = "training" in root.__call__.function_spec.arg_names
        more = {"training": training} if takes else {}
        self.forward = lambda x: root(x, **more)
        found = oracle.variables_of(self.problem.path, root)
        self.variables = [v for v in found.values() if v.trainable]
        self.all = found
        self.losses = list(getattr(root, "regularization_losses", []))

    def values(self):
        """All variables by checkpoint key."""
        return {k: v.numpy() for k, v in self.all.items()}

    def gradients(self, x, y, kernel, bias):
        with tf.GradientTape() as tape:
            loss = loss_of(self.problem.first(self.forward(tf.constant(x))),
                           y, kernel, bias)
            loss += sum(tf.reduce_sum(f()) for f in self.losses)
        return loss, tape.gradient(loss, self.variables + [kernel, bias])


class Trained1:
    """A TF1 module in a graph of its own; eager variables mirror its."""

    def __init__(self, problem):
        self.problem = problem
        tags = oracle.tag_sets(problem.path)
        self.tags = {"train"} if problem.mode == "training" and (
            ["train"] in tags) else set()
        with v1.Graph().as_default() as self.graph:
            self.build()
        self.session = v1.Session(graph=self.graph)
        self.session.run(self.start)
        self.variables = [tf.Variable(v) for v in self.session.run(self.own)]

    def build(self):
        spec = hub.load_module_spec(self.problem.path)
        m = hub.Module(spec, trainable=True, tags=self.tags)
        kind = tf.string if self.problem.text else tf.float32
        self.x = v1.placeholder(kind)
        self.y = v1.placeholder(tf.int64)
        self.kernel, self.bias = (v1.placeholder(tf.float32)
                                  for _ in range(2))
        if not self.problem.text:
            self.x.set_shape(
                self.problem.call.inputs[self.problem.input].shape)
        self.features = self.problem.first(m(
            dict(self.problem.way.arguments, **{self.problem.input: self.x}),
            signature=self.problem.call.arguments[1], as_dict=True))
        self.all = m.variable_map
        self.own = v1.trainable_variables()
        self.loss = loss_of(self.features, self.y, self.kernel, self.bias)
        self.loss += sum(v1.get_collection("regularization_losses"))
        found = tf.gradients(self.loss, self.own + [self.kernel, self.bias])
        self.found = {i: tf.convert_to_tensor(g) for i, g in enumerate(found)
                      if g is not None}
        self.updates = [u for u in v1.get_collection("update_ops")
                        if can_run(getattr(u, "op", u), self.x.op)]
        self.new = [v1.placeholder(v.dtype.base_dtype, v.shape)
                    for v in self.own]
        self.set = [v1.assign(v, p) for v, p in zip(self.own, self.new)]
        self.start = [v1.global_variables_initializer(),
                      v1.tables_initializer()]

    def forward(self, x):
        return tf.constant(self.session.run(self.features,
                                            {self.x: x.numpy()}))

    def gradients(self, x, y, kernel, bias):
        self.session.run(self.set, {
            p: mirror.numpy() for p, mirror in zip(self.new, self.variables)})
        loss, found, _ = self.session.run([
            self.loss, self.found, self.updates], {
            self.x: x, self.y: y, self.kernel: kernel.numpy(),
            self.bias: bias.numpy()})
        return loss, [tf.constant(found[i]) if i in found else None
                      for i in range(len(self.own) + 2)]

    def values(self):
        self.session.run(self.set, {
            p: mirror.numpy() for p, mirror in zip(self.new, self.variables)})
        found = self.session.run({k: oracle.as_list(v)
                                  for k, v in self.all.items()})
        return {k: np.concatenate(v, oracle.cut_axis(self.all[k]))
                if len(v) > 1 else v[0] for k, v in found.items()}


def can_run(op, fed):
    """Whether an operation needs no other placeholder than the fed one."""
    seen, queue = {op}, [op]
    while queue:
        at = queue.pop()
        if at.type == "Placeholder" and at is not fed:
            return False
        more = {t.op for t in at.inputs} | set(at.control_inputs)
        queue += more - seen
        seen |= more
    return True


def loss_of(features, y, kernel, bias):
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=y, logits=features @ kernel + bias))


def keras_losses(problem, optimizer):
    trained = problem.loaded()
    kernel, bias = tf.Variable(problem.kernel), tf.Variable(problem.bias)
    variables = trained.variables + [kernel, bias]
    kind = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW",
            "adagrad": "Adagrad", "rmsprop": "RMSprop"}[optimizer]
    update = getattr(tf.keras.optimizers, kind)(
        RATES[optimizer], jit_compile=False)
    found, noise = [], False
    for i in range(0, STEPS * BATCH, BATCH):
        loss, gradients = trained.gradients(
            problem.x[i:i + BATCH], problem.y[i:i + BATCH], kernel, bias)
        found.append(float(loss))
        noise = noise or is_noise(gradients)
        update.apply_gradients([(g, v) for g, v in zip(gradients, variables)
                                if g is not None])
    return np.array(found), trained.values(), noise


def is_noise(gradients):
    """Whether one of them is zero but for the rounding: a bias before batch
    norm. Optimizers that normalise gradients make steps of it."""
    norms = [float(tf.norm(tf.convert_to_tensor(g))) for g in gradients
             if g is not None]
    return any(0 < n < 1e-6 * max(norms) for n in norms)


def write_data(problem):
    if problem.text:
        path = program.scratch("data.csv")
        with open(path, "w", newline="") as f:
            csv.writer(f).writerows([("text", "label")] + list(
                zip(problem.x, problem.y)))
        return path, ["--text", "text", "--label", "label"]
    path = program.scratch("data.npz")
    np.savez(path, x=problem.x, label=problem.y.astype(np.int64))
    return path, ["--input", problem.input.split("/")[-1] + "=x", "--label",
                  "label"]


def train(problem, optimizer):
    data, columns = write_data(problem)
    head, out = program.scratch("head.npz"), program.scratch("run")
    np.savez(head, kernel=problem.kernel, bias=problem.bias)
    shutil.rmtree(out, ignore_errors=True)
    rate = str(RATES[optimizer])
    program.hubtune(
        "train", "--module", problem.path, "--data", data, "--out", out,
        *columns, *problem.words(), "--mode",
        problem.mode, "--task", "classify", "--trainable", "--head-init", head,
        "--no-shuffle", "--batch", BATCH, "--epochs", 1, "--optimizer",
        optimizer, "--lr", rate, "--module-lr", rate)
    return out


def compare_losses(problem, optimizer):
    run = train(problem, optimizer)
    got = np.array(program.losses(run))
    wanted, values, noise = keras_losses(problem, optimizer)
    if got.shape != wanted.shape:
        return ["%d steps, wanted %d" % (len(got), len(wanted))]
    worst = np.max(np.abs(got - wanted) / np.abs(wanted))
    differ.note(worst)
    if worst > BOUND:
        return ["losses differ by %.3g: %s and %s" % (worst, got, wanted)]
    if noise and optimizer != "sgd":
        return []
    return tuned_weights(problem, run, values)


def tuned_weights(problem, run, wanted):
    """The tuned module's own variables, batch norm averages included."""
    out = program.scratch("tuned")
    shutil.rmtree(out, ignore_errors=True)
    form = oracle.format_of(problem.path).replace("sm2", "savedmodel")
    program.hubtune("export", run, out, "--what", "module", "--format", form)
    reader = tf.train.load_checkpoint(os.path.join(
        out, "variables", "variables"))
    keys = reader.get_variable_to_shape_map()
    got = {k: reader.get_tensor(k if k in keys else k + oracle.ENDING)
           for k in wanted}
    tiny = 1e-6 * max(np.abs(v).max() for v in wanted.values() if v.size)
    return [d for k, w in wanted.items() if np.abs(got[k] - w).max() > tiny
            for d in differ.value(k, got[k], w, 1e-4)]


# ---- what was trained, exported


def check_exports(r, name, problem):
    run = program.scratch("run")
    if not os.path.exists(run):
        return r.skipped(name, "export", "nothing was trained")
    for what in ("model", "module"):
        for form in ("savedmodel", "hub1"):
            out = program.kept("%s.%s.%s" % (name, what, form))
            shutil.rmtree(out, ignore_errors=True)
            exports.CACHE.clear()
            r.guarded(name, "export", "trained %s %s" % (what, form),
                      lambda: check_export(problem, run, out, what, form))
    model = os.path.join(run, "model")
    r.guarded(name, "export", "model/ of the run",
              lambda: same_answers(problem, model))
    r.guarded(name, "export", "model/ warms up",
              lambda: serving.warms_up(model))
    r.guarded(name, "export", "model/ takes examples",
              lambda: serving.same_by_examples(model, served_feed(
                  problem, model)))


def check_export(problem, run, out, what, form):
    program.hubtune("export", run, out, "--what", what, "--format", form)
    least = 1
    if what == "module" and oracle.format_of(problem.path) == "sm2":
        least = exports.layer_trains(problem.path)[1]
    return same_answers(problem, out) + trains_on(out, least)


def served_feed(problem, folder):
    """Examples of the data for serving_default."""
    inputs = tf.saved_model.load(folder).signatures[
        "serving_default"].structured_input_signature[1]
    (name, spec), = [(k, s) for k, s in inputs.items() if s.shape.rank]
    return {name: np.asarray(problem.x[:feeds.BATCH])}


def same_answers(problem, folder):
    """TensorFlow's outputs of all signatures against hubtune's own."""
    found = []
    for call in oracle.calls(folder):
        feed = feeds.for_call(call)
        for k, spec in call.inputs.items():
            x = problem.x[:feeds.BATCH]
            if spec.shape.is_compatible_with(x.shape) and (
                    spec.dtype == tf.as_dtype(x.dtype)):
                feed[k] = x
        if exports.is_random(call, feed):
            continue
        found += ["%s: %s" % (call.name, d) for d in differ.values(
            program.run(folder, call, feed), call.run(feed), exports.BOUND)]
    return found


def trains_on(folder, least):
    if oracle.format_of(folder) != "sm2":
        return []
    weights, moved = exports.layer_trains(folder)
    return [] if moved >= min(least, 1) else [
        "none of %d weights trains on" % weights]
