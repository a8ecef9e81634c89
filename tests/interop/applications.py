"""Networks of Keras applications, in inference and in training mode: outputs,
gradients and five steps of SGD against TensorFlow's.

    python tests/interop/applications.py [--table FILE] [NAME...]

HUBTUNE names the program; HUBTUNE_OTHER, where set, a second build of it, with
the other back end. Weights are random, averages of batch norm those of the
data, images large enough that a batch has statistics to speak of. TensorFlow
computes everything three times: with oneDNN, without, and in double. A
difference of 2e-4 passes, or three times that of the first two. In double,
where no sum is rounded past the kink of a ReLU, 2e-4 is all there is. Compared are the largest difference as a part of the largest output; the L2
norm of the difference of all gradients as a part of the gradients'; the same
of what the steps changed, and losses.
"""
import argparse
import os
import shutil
import subprocess
import sys

import numpy as np

BATCH, BOUND = 8, 2e-4
# Keras's name -> size of the images, whether they are bytes, rate, options.
# Floats hold the rates exactly, so that double says what it can; with larger
# ones the first three run away, and no two programs with the same gradients
# stay together.
NETWORKS = {
    "MobileNetV2": (96, False, 2 ** -20, {}),
    "ResNet50": (96, False, 2 ** -26, {}),
    "InceptionV3": (139, False, 2 ** -23, {}),
    "EfficientNetB0": (96, True, 2 ** -17, {"drop_connect_rate": 0}),
    "MobileNetV3Large": (96, True, 2 ** -17, {}),
}
HEAD = """| | mode | program | outputs | gradients | losses | weights |
|---|---|---|---|---|---|---|
"""


def draw(rng, n, size, wide):
    """Blots rather than noise, whose averages would all be alike."""
    few = rng.uniform(0, 1, (n, 7, 7, 3))
    x = few.repeat(size // 7 + 1, 1).repeat(size // 7 + 1, 2)[:, :size, :size]
    x = np.clip(x + rng.normal(0, 0.1, x.shape), 0, 1)
    return (x * 255 if wide else x * 2 - 1).astype("f")


def made(name):
    import tensorflow as tf
    size, _, _, options = NETWORKS[name]
    return getattr(tf.keras.applications, name)(
        include_top=False, weights=None, pooling="avg",
        input_shape=(size, size, 3), **options)


def write(name, path):
    """In a process of its own, as the oracle changes how graphs are made."""
    import tensorflow as tf
    size, wide, *_ = NETWORKS[name]
    tf.keras.utils.set_random_seed(11)
    net = made(name)
    norms = [x for x in net._flatten_layers()
             if isinstance(x, tf.keras.layers.BatchNormalization)]
    before = [x.momentum for x in norms]
    rng = np.random.RandomState(5)
    for i in range(4):
        for x in norms:
            x.momentum = i / (i + 1)  # the mean of all batches
        net(tf.constant(draw(rng, BATCH, size, wide)), training=True)
    for x, m in zip(norms, before):
        x.momentum = m
    net.save(path)
    tf.keras.backend.clear_session()
    tf.keras.backend.set_floatx("float64")
    exact = made(name)
    exact.set_weights([w.astype("d") for w in net.get_weights()])
    exact.save(path + ".double")


def problem_of(name, path, training):
    import families_training
    import feeds
    import oracle
    from families_registry import Family
    size, wide, *_ = NETWORKS[name]
    feeds.BATCH = BATCH
    feeds.SPECIAL = lambda _, spec, rng: draw(rng, BATCH, size, wide).astype(
        spec.dtype.as_numpy_dtype)
    calls = oracle.calls(path)
    way = Family(write, False, None, "call", "default", None, None, BATCH)
    p = families_training.Problem(path, way, calls)
    p.mode = "training" if training else "inference"
    p.call = families_training.find_call(calls, "call", training)
    p.rate = NETWORKS[name][2]
    p.kernel, p.bias = (a.astype(type_of(p)) for a in (p.kernel, p.bias))
    return p


def type_of(p):
    return next(iter(p.batches[0].values())).dtype


def ones_by_turns(p, feed):
    n = p.kernel.shape[0]
    return {"default": np.resize([1, -0.5, 0.25], (BATCH, n)).astype(
        type_of(p))}


def tensorflow_numbers(p):
    import oracle
    import families_training
    import tensorflow as tf
    feed = p.batches[0]
    found = {"output": p.call.run(feed)["default"]}
    for k, g in p.call.gradients(feed, ones_by_turns(p, feed)).items():
        found["gradient " + k] = g
    keep, families_training.oracle.unchanged = oracle.unchanged, nothing
    found["losses"] = families_training.keras_losses(p, "sgd", p.rate)
    oracle.unchanged = keep
    for k, v in p.call.variables.items():
        found["weight " + k] = v.numpy()
    del tf
    return found


class nothing:
    """Leaves the variables as they are after the steps."""

    def __init__(self, _):
        pass

    def __enter__(self):
        pass

    def __exit__(self, *_):
        pass


def work(name, path, out):
    for mode in ("inference", "training"):
        np.savez(out + "." + mode + ".npz", **tensorflow_numbers(
            problem_of(name, path, mode == "training")))


def hubtune_numbers(p, scratch):
    import families_training
    import program
    import tensorflow as tf
    feed = p.batches[0]
    found = {"output": program.run(p.path, p.call, feed)["default"]}
    for k, g in program.gradients(p.path, p.call, feed,
                                  ones_by_turns(p, feed)).items():
        found["gradient " + k] = g
    found["losses"] = families_training.hubtune_losses(p, "sgd", p.rate)
    run, tuned = program.scratch("run"), os.path.join(scratch, "tuned")
    shutil.rmtree(tuned, ignore_errors=True)
    program.hubtune("export", run, tuned, "--what", "module")
    reader = tf.train.load_checkpoint(
        os.path.join(tuned, "variables", "variables"))
    for k in p.call.variables:
        found["weight " + k] = reader.get_tensor(
            k + "/.ATTRIBUTES/VARIABLE_VALUE")
    return found


def together(found, kind):
    keys = sorted(k for k in found if k.startswith(kind))
    return np.concatenate([np.ravel(found[k]).astype("d") for k in keys])


def differences(got, wanted, start, averages=True):
    """(outputs, gradients, losses, weights); averages: also of batch norm"""
    if not averages:
        got, wanted, start = ({k: v for k, v in x.items() if "/moving_" not in
                               k} for x in (got, wanted, start))
    out = np.abs(got["output"] - wanted["output"]).max() / np.abs(
        wanted["output"]).max()
    g = [together({k: x[k] for k in wanted}, "gradient ")
         for x in (got, wanted)]
    w = [together({k: x[k] for k in wanted}, "weight ")
         for x in (got, wanted)]
    moved = np.linalg.norm(w[1] - together(start, "weight "))
    losses = np.abs(got["losses"] / wanted["losses"] - 1).max()
    return (out, np.linalg.norm(g[0] - g[1]) / np.linalg.norm(g[1]), losses,
            np.linalg.norm(w[0] - w[1]) / moved)


def tell(name, mode, who, found, bounds):
    good = [f <= b for f, b in zip(found, bounds)]
    cells = ["%.1e" % f if g else "**%.1e**" % f for f, g in zip(found, good)]
    row = "| %s | %s | %s | %s |" % (name, mode, who, " | ".join(cells))
    print(row, flush=True)
    return row, all(good)


def worker(*words, **environment):
    subprocess.run([sys.executable, os.path.abspath(__file__), *words],
                   check=True, env={**os.environ, **environment},
                   stdout=subprocess.DEVNULL)


def numbers_of(out, mode):
    return dict(np.load("%s.%s.npz" % (out, mode)))


def start_of(p):
    return {"weight " + k: v.numpy() for k, v in p.call.variables.items()}


def check_mode(name, folder, mode, programs):
    import oracle
    import program
    path, out = os.path.join(folder, name), os.path.join(folder, "tf")
    wanted, plain, exact = (numbers_of(out + n, mode) for n in
                            ("1", "0", "double"))
    p = problem_of(name, path, mode == "training")
    start = start_of(p)
    # In double Keras's variances lack Bessel's correction.
    own = [differences(plain, wanted, start),
           differences(exact, wanted, start, averages=False)]
    rows = [tell(name, mode, "TensorFlow " + who, d, [np.inf] * 4)
            for who, d in zip(("without oneDNN", "in double"), own)]
    bounds = [max(BOUND, 3 * d) for d in own[0]]
    for who, program.PROGRAM in programs:
        rows.append(tell(name, mode, who, differences(
            hubtune_numbers(p, folder), wanted, start), bounds))
    oracle.tf.keras.backend.clear_session()
    p = problem_of(name, path + ".double", mode == "training")
    _, program.PROGRAM = programs[0]
    rows.append(tell(name, mode, "hubtune, both in double", differences(
        hubtune_numbers(p, folder), exact, start_of(p)), [BOUND] * 4))
    oracle.tf.keras.backend.clear_session()
    return rows


def check(name, folder, programs):
    path, numbers = os.path.join(folder, name), os.path.join(folder, "tf")
    if not os.path.exists(path + ".double"):
        worker("--write", name, path)
    for n in "10":
        worker("--work", name, path, numbers + n, TF_ENABLE_ONEDNN_OPTS=n)
    worker("--work", name, path + ".double", numbers + "double")
    return [row for mode in ("inference", "training")
            for row in check_mode(name, folder, mode, programs)]


def main():
    o = argparse.ArgumentParser()
    o.add_argument("--table")
    o.add_argument("--write", nargs=2)
    o.add_argument("--work", nargs=3)
    o.add_argument("--keep")
    o.add_argument("names", nargs="*")
    o = o.parse_args()
    if o.write or o.work:
        return write(*o.write) if o.write else work(*o.work)
    import program
    programs = [("hubtune", os.environ["HUBTUNE"])]
    if os.environ.get("HUBTUNE_OTHER"):
        programs.append(("hubtune, other build", os.environ["HUBTUNE_OTHER"]))
    folder = os.path.abspath(o.keep or program.scratch("applications"))
    os.makedirs(folder, exist_ok=True)
    rows = [r for name in o.names or NETWORKS
            for r in check(name, folder, programs)]
    if o.table:
        with open(o.table, "w") as f:
            f.write(HEAD + "\n".join(r for r, _ in rows) + "\n")
    shutil.rmtree(program.SCRATCH, ignore_errors=True)
    failed = sum(not good for _, good in rows)
    print("%d passed, %d failed" % (len(rows) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
