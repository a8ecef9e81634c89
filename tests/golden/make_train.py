"""Trains ten steps with each of Keras 2.15's optimizers on two small problems
and writes inputs, losses and final weights to train.txt.

    python make_train.py [OUT]

test_train_golden reads the file, so `make check` needs no TensorFlow.
"""
import os
import sys

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow as tf  # noqa: E402

STEPS, BATCH, FEATURES, CLASSES, ROWS, WORDS = 10, 8, 6, 3, 20, 4

# name, optimizer, then settings as the command line calls them.
CASES = [
    ("sgd", "sgd", {"lr": 0.1}),
    ("sgd_momentum", "sgd", {"lr": 0.1, "momentum": 0.9}),
    ("sgd_nesterov", "sgd", {"lr": 0.1, "momentum": 0.9, "nesterov": 1}),
    ("sgd_decay", "sgd", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.05}),
    ("adam", "adam", {}),
    ("adam_large", "adam", {"lr": 0.05, "weight_decay": 0.01}),
    ("adam_clipped", "adam", {"lr": 0.05, "clip_norm": 0.3}),
    ("adamw", "adamw", {"lr": 0.01}),
    ("adagrad", "adagrad", {"lr": 0.1}),
    ("rmsprop", "rmsprop", {"lr": 0.01}),
    ("rmsprop_momentum", "rmsprop",
     {"lr": 0.01, "momentum": 0.8, "weight_decay": 0.02}),
]
# name, loss, settings of the loss; all with sgd at 0.1.
LOSSES = [
    ("softmax", {}),
    ("softmax_smooth", {"smoothing": 0.1}),
    ("softmax_weights", {"weights": 1}),
    ("sigmoid", {}),
    ("sigmoid_smooth", {"smoothing": 0.2}),
    ("mse", {}),
    ("mae", {}),
    ("huber", {}),
]
CLASS_WEIGHTS = np.array([0.5, 2.0, 1.25], np.float32)

# Trained in double, too.
DOUBLES = ("sgd_nesterov", "adam_large", "adam_clipped", "adagrad",
           "rmsprop_momentum")

random = np.random.RandomState(20)
X = random.randn(STEPS, BATCH, FEATURES).astype(np.float32)
Y = random.randint(0, CLASSES, (STEPS, BATCH))
HOT = (random.rand(STEPS, BATCH, CLASSES) < 0.4).astype(np.float32)
REAL = (2 * random.randn(STEPS, BATCH, CLASSES)).astype(np.float32)
IDS = random.randint(0, ROWS, (STEPS, BATCH, WORDS))
KERNEL = (0.5 * random.randn(FEATURES, CLASSES)).astype(np.float32)
BIAS = (0.1 * random.randn(CLASSES)).astype(np.float32)
TABLE = (0.5 * random.randn(ROWS, FEATURES)).astype(np.float32)


def make_optimizer(kind, s):
    args = {"jit_compile": False}
    for ours, keras in (("lr", "learning_rate"), ("momentum", "momentum"),
                        ("weight_decay", "weight_decay"),
                        ("clip_norm", "global_clipnorm")):
        if ours in s:
            args[keras] = s[ours]
    if "nesterov" in s:
        args["nesterov"] = True
    names = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW",
             "adagrad": "Adagrad", "rmsprop": "RMSprop"}
    return getattr(tf.keras.optimizers, names[kind])(**args)


def loss_of(name, s, t, logits):
    k = tf.keras.losses
    smoothing = s.get("smoothing", 0.0)
    name = name.split("_")[0]
    if name == "softmax":
        hot = tf.one_hot(Y[t], CLASSES)
        weight = CLASS_WEIGHTS[Y[t]] if "weights" in s else None
        loss = k.CategoricalCrossentropy(True, smoothing)
        return loss(hot, logits, sample_weight=weight)
    if name == "sigmoid":
        return k.BinaryCrossentropy(True, smoothing)(HOT[t], logits)
    loss = {"mse": k.MeanSquaredError, "mae": k.MeanAbsoluteError,
            "huber": k.Huber}[name]
    return loss()(REAL[t], logits)


def train(optimizer, rows, loss=("softmax", {}), dtype="float32"):
    kernel, bias, table = [tf.Variable(v.astype(dtype))
                           for v in (KERNEL, BIAS, TABLE)]
    variables = [kernel, bias] + ([table] if rows else [])
    losses = []
    for t in range(STEPS):
        with tf.GradientTape() as tape:
            x = tf.reduce_mean(tf.gather(table, IDS[t]), 1) if (
                rows) else X[t].astype(dtype)
            value = loss_of(*loss, t, tf.matmul(x, kernel) + bias)
        grads = tape.gradient(value, variables)
        if optimizer.global_clipnorm:
            # Keras takes the norm of slices before repeated ones are summed;
            # hubtune takes that of the gradient itself.
            grads = [tf.convert_to_tensor(g) for g in grads]
        optimizer.apply_gradients(zip(grads, variables))
        losses.append(float(value))
    return losses, variables


def write(out, name, values, digits=9):
    flat = np.asarray(values).reshape(-1)
    out.write("%s %d %s\n" % (name, len(flat), " ".join(
        "%.*g" % (digits, v) for v in flat)))


def write_case(out, case, rows, dtype):
    name, kind, s = case
    losses, variables = train(make_optimizer(kind, s), rows, dtype=dtype)
    settings = [s.get(k, -1) for k in ("lr", "momentum", "nesterov",
                                       "weight_decay", "clip_norm")]
    out.write("case %s %s %s %d " % (name, kind, dtype, rows))
    out.write(" ".join("%g" % v for v in settings) + "\n")
    digits = 17 if dtype == "float64" else 9
    write(out, "losses", losses, digits)
    for v in variables:
        write(out, "weights", v.numpy(), digits)


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else "."
    with open(os.path.join(path, "train.txt"), "w") as out:
        for name, value in (("X", X), ("Y", Y), ("HOT", HOT), ("REAL", REAL),
                            ("IDS", IDS), ("KERNEL", KERNEL), ("BIAS", BIAS),
                            ("TABLE", TABLE), ("WEIGHTS", CLASS_WEIGHTS)):
            write(out, name, value)
        for rows in (0, 1):
            for case in CASES:
                write_case(out, case, rows, "float32")
            for case in CASES:
                if case[0] in DOUBLES:
                    write_case(out, case, rows, "float64")
        for name, s in LOSSES:
            losses, variables = train(make_optimizer("sgd", {"lr": 0.1}), 0,
                                      (name, s))
            out.write("loss %s %g %d\n" % (
                name.split("_")[0], s.get("smoothing", 0),
                s.get("weights", 0)))
            write(out, "losses", losses)
            for v in variables:
                write(out, "weights", v.numpy())


main()
