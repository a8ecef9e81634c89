"""Image fine-tuning side by side: hubtune, Keras and PyTorch.

    bench/image.py --peers ../shared/peers --python ~/.cache/hubtune-peers/bin/python MODULE

MODULE takes float images in [0,1] (../shared/peers/make_modules.py makes one;
PyTorch gets torchvision's mobilenet_v2 whatever it is). Every program runs in
turn, several times, on the same random images; printed are medians:

  rate   images a second by the clock, from the second epoch (4th step) on
  cpu    milliseconds of all cores an image, from the difference of a long and
         a short run: what to compare on a machine that others use, too
  peak   megabytes
  job    seconds of the whole process, its start included

A frozen module's outputs are computed once by hubtune and in every epoch by
its peers, so `rate` and `cpu` of the frozen job are those of computing them
(hubtune embed), and `job` is the whole of five epochs.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time

import numpy as np

SHORT, LONG = 3, 9  # steps
EPOCHS = 5


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
        self.few, self.many = (images(folder, k * args.batch, args.size)
                               for k in (2, args.images // args.batch))

    def words(self, data, trainable, *more):
        shutil.rmtree(self.run, ignore_errors=True)
        # a signature has no training variant; the callable has
        mode = ["--trainable", "--call=__call__"] if trainable else []
        return [self.args.hubtune, "train", "-q", "--module", self.args.module,
                "--data", data, "--label", "label", "--out", self.run,
                "--batch", str(self.args.batch), "--optimizer", "sgd",
                "--lr", "0.01", *mode, *more]

    def trained(self):
        epochs = [json.loads(line) for line in open(self.run + "/log.jsonl")]
        return statistics.median(e["examples_per_s"] for e in epochs[1:]
                                 if "epoch" in e)

    def tune(self):
        short = timed(self.words(self.few, True, "--steps", str(SHORT)))
        long = timed(self.words(self.few, True, "--steps", str(LONG)))
        return short, long, self.trained()

    def features(self):
        out = self.run + ".npz"
        runs = [timed([self.args.hubtune, "embed", self.args.module, data,
                       "--outputs", out]) for data in (self.few, self.many)]
        extra = self.args.images - 2 * self.args.batch
        rate = extra / (runs[1][0] - runs[0][0])
        return [*runs, rate, extra]

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

    def steps(self, trainable):
        data = ["--synthetic", str(self.args.images), "--epochs", "1000"]
        runs = [timed(self.words(trainable, *data, "--steps", str(n)))
                for n in (SHORT, LONG)]
        figures = json.loads(runs[1][3].strip().splitlines()[-1])
        return [*runs, figures["examples_per_s"]]

    def tune(self):
        return self.steps(True)

    def features(self):
        extra = (LONG - SHORT) * self.args.batch
        return [*self.steps(False), extra]

    def job(self):
        return timed(self.words(False, "--synthetic", str(self.args.images),
                                "--epochs", str(EPOCHS)))


def figures(runs, images_between):
    short, long, rate = runs[:3]
    cpu = 1000 * (long[1] - short[1]) / images_between
    return rate, cpu, long[2], long[0]


def measure(contestant, job, args):
    if job == "job":
        wall, cpu, peak, _ = contestant.job()
        return args.images * EPOCHS / wall, \
            1000 * cpu / args.images / EPOCHS, peak, wall
    runs = getattr(contestant, job)()
    between = runs[3] if len(runs) > 3 else (LONG - SHORT) * args.batch
    return figures(runs, between)


JOBS = {"features": "frozen extractor", "tune": "full fine-tuning",
        "job": "head on a frozen extractor, 5 epochs, whole job"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("module")
    parser.add_argument("--peers", required=True)
    parser.add_argument("--python", required=True)
    parser.add_argument("--hubtune", default="build/hubtune")
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--jobs", default=",".join(JOBS))
    parser.add_argument("--no-torch", action="store_true")
    args = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="hubtune-bench.")
    everyone = [Hubtune(args, folder),
                Peer(args, "Keras", "image_finetune.py", [])]
    if not args.no_torch:
        everyone.append(Peer(args, "PyTorch", "torch_image.py",
                             ["--channels-last"]))
    for job in args.jobs.split(","):
        found = {c.name: [] for c in everyone}
        for _ in range(args.runs):
            for c in everyone:
                found[c.name].append(measure(c, job, args))
        print(f"\n{JOBS[job]}  (load {os.getloadavg()[0]:.1f})")
        print(f"{'':10}{'rate':>9}{'cpu ms':>9}{'peak MB':>9}{'job s':>9}"
              "   hubtune is, by rate and by cpu")
        middle = {name: [statistics.median(column) for column in zip(*runs)]
                  for name, runs in found.items()}
        own = middle["hubtune"]
        for name, m in middle.items():
            print(f"{name:10}{m[0]:9.1f}{m[1]:9.1f}{m[2]:9.0f}{m[3]:9.1f}"
                  f"   {own[0] / m[0]:.2f} {m[1] / own[1]:.2f} times", flush=True)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
