"""Text fine-tuning side by side: hubtune, Keras, PyTorch and fastText.

    bench/text.py --peers ../shared/peers --python ~/.cache/hubtune-peers/bin/python \\
        --data ../shared/data/mr_polarity --csv train.csv MODULE...

Runs every program in turn, several times, on the same module and texts, and
prints the medians, the ratio to hubtune and the time of the whole job. The
peers' scripts print one line of JSON each; hubtune's figures come from its
log (examples_per_s, reading and shuffling included) and from the system.
`--csv` is the training part of the data as bench/data.py writes it.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time


def timed(words):
    """(seconds, peak MB, standard output) of a whole process."""
    before = time.perf_counter()
    p = subprocess.Popen(words, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, text=True)
    out = p.stdout.read()
    _, status, usage = os.wait4(p.pid, 0)
    if status:
        raise SystemExit("failed: " + " ".join(words))
    return time.perf_counter() - before, usage.ru_maxrss / 1024, out


def hubtune(args, module, trainable):
    run = tempfile.mkdtemp(prefix="hubtune-bench.")
    shutil.rmtree(run)
    words = [args.hubtune, "train", "-q", "--module", module, "--data",
             args.csv, "--out", run, "--batch", "32", "--lr", "0.001",
             "--module-lr", "0.001", "--epochs", str(args.epochs)]
    seconds, peak, _ = timed(words + (["--trainable"] if trainable else []))
    epochs = [json.loads(line) for line in open(run + "/log.jsonl")]
    epochs = [e for e in epochs if "epoch" in e]
    examples = sum(e["examples_per_s"] * e["seconds"] for e in epochs)
    rate = examples / sum(e["seconds"] for e in epochs)
    shutil.rmtree(run)
    return rate, seconds, peak


def peer(args, script, module, trainable, extra):
    words = [args.python, os.path.join(args.peers, script), "--data",
             args.data, "--epochs", str(args.epochs)] + extra
    if script != "fasttext_text.py":
        words += ["--module", module]
        words += ["--trainable"] if trainable else ["--frozen"]
    seconds, peak, out = timed(words)
    figures = json.loads(out.strip().splitlines()[-1])
    return figures.get("examples_per_s", 0), seconds, peak


def contestants(args, module, trainable):
    def run(script, *extra):
        return lambda: peer(args, script, module, trainable, list(extra))

    dense = ["--steps", str(args.peer_steps)] if args.peer_steps else []
    rows = {"hubtune": lambda: hubtune(args, module, trainable),
            "Keras Adam": run("text_finetune.py", *dense),
            "PyTorch Adam": run("torch_text.py", "--optimizer", "adam",
                                *dense)}
    if trainable:
        rows["PyTorch SparseAdam"] = run("torch_text.py", "--optimizer",
                                         "sparse_adam")
        rows["fastText"] = run("fasttext_text.py")
    return rows


def compare(args, module, trainable):
    rows = contestants(args, module, trainable)
    seen = {name: [] for name in rows}
    for _ in range(args.runs):
        for name, run in rows.items():
            seen[name].append(run())
    print("\n%s, %s, load %.1f" % (
        os.path.basename(module.rstrip("/")),
        "trainable" if trainable else "frozen", os.getloadavg()[0]))
    print("%-20s %14s %10s %10s %9s" % (
        "", "examples/s", "hubtune x", "job s", "peak MB"))
    own = None
    for name, runs in seen.items():
        rate, seconds, peak = (statistics.median(c) for c in zip(*runs))
        own = own or rate
        print("%-20s %14.0f %10.1f %10.2f %9.0f" % (
            name, rate, own / rate if rate else 0, seconds, peak), flush=True)


def cold(args, module):
    """From the start of the process to the first answer."""
    words = [args.hubtune, "run", module, "--input",
             "sentences=a movie that nobody will forget"]
    peer_words = [args.python, os.path.join(args.peers, "cold_predict.py"),
                  "--module", module]
    own, theirs = [], []
    for _ in range(args.runs):
        own.append(timed(words)[:2])
        out = timed(peer_words)
        figures = json.loads(out[2].strip().splitlines()[-1])
        theirs.append((figures["first_result_s"], out[1]))
    print("\n%s, first answer, load %.1f" % (
        os.path.basename(module.rstrip("/")), os.getloadavg()[0]))
    for name, runs in (("hubtune", own), ("TensorFlow", theirs)):
        seconds, peak = (statistics.median(c) for c in zip(*runs))
        print("%-20s %9.3f s %9.0f MB" % (name, seconds, peak), flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("modules", nargs="+")
    p.add_argument("--hubtune", default="build/hubtune")
    p.add_argument("--peers", required=True)
    p.add_argument("--python", required=True)
    p.add_argument("--data", required=True)
    p.add_argument("--csv", required=True)
    p.add_argument("--epochs", type=int, default=1)
    p.add_argument("--runs", type=int, default=3)
    p.add_argument("--frozen", action="store_true")
    p.add_argument("--cold", action="store_true",
                   help="time the first answer instead of training")
    p.add_argument("--peer-steps", type=int, default=0,
                   help="stop the peers of dense updates after so many steps")
    args = p.parse_args()
    for module in args.modules:
        if args.cold:
            cold(args, module)
        else:
            compare(args, module, not args.frozen)


if __name__ == "__main__":
    main()
