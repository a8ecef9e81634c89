"""Image fine-tuning side by side: hubtune, Keras and PyTorch.

    PYTHON bench/image.py --make MobileNetV2 MODULE
    bench/image.py --peers ../shared/peers --python PYTHON MODULE

MODULE takes float images in [0,1]; --make writes a network of Keras
applications as one, its weights drawn (PyTorch gets torchvision's mobilenet_v2
whatever it is; --no-torch leaves it out). Every program runs in turn, --runs
times, on the same random images. Printed is one table of medians:

  images/s   by the clock, from the second epoch (4th step) on
  cpu        milliseconds of all cores an image, from the difference of a long
             and a short run: what to compare on a machine that others use, too
  MB         the most memory that the process held
  job        seconds of the whole process, its start included
  faster     the others' time by hubtune's: by the clock, and by cpu
  memory     hubtune's by the others'

A frozen module's outputs are computed once by hubtune and in every epoch by
its peers, so figures of `features` are those of computing them (hubtune
embed), and the job is the whole of five epochs, whose images count five times.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

EPOCHS = 5
COLUMNS = ("images/s", "cpu ms", "MB", "job s")


def timed(words):
    """(wall seconds, CPU seconds, peak MB, standard output) of a process."""
    before = time.perf_counter()
    p = subprocess.Popen(words, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, text=True)
    out = p.stdout.read()
    _, status, use = os.wait4(p.pid, 0)
    if status:
        raise SystemExit("failed: " + " ".join(words))
    return (time.perf_counter() - before, use.ru_utime + use.ru_stime,
            use.ru_maxrss / 1024, out)


def images(folder, n, size):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (n, size, size, 3), dtype=np.uint8)
    path = os.path.join(folder, f"images{n}.npz")
    np.savez(path, inputs=pixels.astype(np.float32) / 255,
             label=rng.integers(0, 5, n))
    return path


class Hubtune:
    name = "hubtune"

    def __init__(self, args, folder):
        self.args, self.run = args, os.path.join(folder, "run")
        self.cache = os.path.join(folder, "cache")
        os.environ["XDG_CACHE_HOME"] = self.cache
        self.few, self.many = (images(folder, k * args.batch, args.size)
                               for k in (2, args.images // args.batch))

    def words(self, data, trainable, *more):
        for made in (self.run, self.cache):  # every run is the first
            shutil.rmtree(made, ignore_errors=True)
        # a signature has no training variant; the callable has
        mode = ["--trainable", "--call=__call__"] if trainable else []
        return [self.args.hubtune, "train", "-q", "--module", self.args.module,
                "--data", data, "--label", "label", "--out", self.run,
                "--batch", str(self.args.batch), "--optimizer", "sgd",
                "--lr", "0.01", *mode, *more]

    def tune(self, steps):
        found = timed(self.words(self.few, True, "--steps", str(steps)))
        epochs = [json.loads(line) for line in open(self.run + "/log.jsonl")]
        rates = [e["examples_per_s"] for e in epochs if "epoch" in e]
        return found, statistics.median(rates[1:] or rates)

    def embed(self, data):
        out = self.run + ".npz"
        return timed([self.args.hubtune, "embed", self.args.module, data,
                      "--outputs", out])

    def features(self, steps):
        """A long run: all images; its rate is told by the short one."""
        if steps == self.args.short:
            self.shorter = self.embed(self.few)
            return self.shorter, 0
        found = self.embed(self.many)
        return found, self.between("features") / (found[0] - self.shorter[0])

    def between(self, job):
        """Images that a long run has more than a short one."""
        if job == "features":
            return self.args.images - 2 * self.args.batch
        return (self.args.long - self.args.short) * self.args.batch

    def job(self):
        return timed(self.words(self.many, False, "--epochs", str(EPOCHS)))


class Peer:
    def __init__(self, args, name, script, extra):
        self.args, self.name, self.script = args, name, script
        self.extra = extra

    def words(self, trainable, *more):
        module = ([] if "torch" in self.script
                  else ["--module", self.args.module])
        return [self.args.python, os.path.join(self.args.peers, self.script),
                "--batch", str(self.args.batch), "--size",
                str(self.args.size), *module, *self.extra,
                "--trainable" if trainable else "--frozen", *more]

    def steps(self, trainable, steps):
        found = timed(self.words(trainable, "--synthetic",
                                 str(self.args.images), "--epochs", "1000",
                                 "--steps", str(steps)))
        figures = json.loads(found[3].strip().splitlines()[-1])
        return found, figures["examples_per_s"]

    def tune(self, steps):
        return self.steps(True, steps)

    def features(self, steps):
        return self.steps(False, steps)

    def between(self, _):
        return (self.args.long - self.args.short) * self.args.batch

    def job(self):
        return timed(self.words(False, "--synthetic", str(self.args.images),
                                "--epochs", str(EPOCHS)))


class Shorts:
    """Short runs, of which one of each kind is enough."""

    def __init__(self):
        self.known = {}

    def cpu(self, contestant, job, args):
        key = contestant.name, job
        if key not in self.known:
            self.known[key] = getattr(contestant, job)(args.short)[0][1]
        return self.known[key]


def measure(contestant, job, args, shorts):
    """images/s, cpu ms, MB, job s"""
    if job == "job":
        wall, cpu, peak, _ = contestant.job()
        n = args.images * EPOCHS
        return n / wall, 1000 * cpu / n, peak, wall
    before = shorts.cpu(contestant, job, args)
    (wall, cpu, peak, _), rate = getattr(contestant, job)(args.long)
    return rate, 1000 * (cpu - before) / contestant.between(job), peak, wall


JOBS = {"features": "frozen extractor", "tune": "full fine-tuning",
        "job": "head on a frozen extractor, 5 epochs"}


def table(found):
    print("| |" + "".join(" %s |" % c for c in COLUMNS) +
          " faster, by cpu | memory |\n|" + "---|" * 7)
    for job, runs in found.items():
        middle = {name: [statistics.median(column) for column in zip(*r)]
                  for name, r in runs.items()}
        own = middle["hubtune"]
        for name, (rate, cpu, peak, wall) in middle.items():
            ratios = "| |" if name == "hubtune" else "%.2f, %.2f | %.2f |" % (
                own[0] / rate, cpu / own[1], own[2] / peak)
            print("| %s, %s | %.1f | %.1f | %.0f | %.1f | %s" % (
                JOBS[job], name, rate, cpu, peak, wall, ratios))


def make(name, path, size):
    import tensorflow as tf
    tf.keras.utils.set_random_seed(1)
    net = getattr(tf.keras.applications, name)(
        include_top=False, weights=None, pooling="avg",
        input_shape=(size, size, 3))
    inputs = tf.keras.Input((size, size, 3), name="inputs")
    tf.keras.Model(inputs, net(inputs)).save(path, include_optimizer=False)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("module")
    parser.add_argument("--make", metavar="NAME")
    parser.add_argument("--peers")
    parser.add_argument("--python")
    parser.add_argument("--hubtune", default="build/hubtune")
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--short", type=int, default=3, help="steps")
    parser.add_argument("--long", type=int, default=9, help="steps")
    parser.add_argument("--jobs", default=",".join(JOBS))
    parser.add_argument("--no-torch", action="store_true")
    args = parser.parse_args()
    if not args.make and not (args.peers and args.python):
        parser.error("--peers and --python are needed")
    return args


def compare(args, folder):
    everyone = [Hubtune(args, folder),
                Peer(args, "Keras", "image_finetune.py", [])]
    if not args.no_torch:
        everyone.append(Peer(args, "PyTorch", "torch_image.py",
                             ["--channels-last"]))
    found, shorts, begun = {}, Shorts(), time.perf_counter()
    for job in args.jobs.split(","):
        found[job] = {c.name: [] for c in everyone}
        for _ in range(args.runs):
            for c in everyone:
                found[job][c.name].append(measure(c, job, args, shorts))
                print(job, c.name, *("%.1f" % x for x in found[job][c.name][-1]),
                      "load %.1f" % os.getloadavg()[0], file=sys.stderr)
    table(found)
    print("\n%d runs of each, %.0f s in all" % (
        args.runs, time.perf_counter() - begun))


def main():
    args = arguments()
    if args.make:
        return make(args.make, args.module, args.size)
    folder = tempfile.mkdtemp(prefix="hubtune-bench.")
    try:
        compare(args, folder)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
