"""A published image module, fine-tuned on photos and exported: TensorFlow
answers for the photos as hubtune does.

    python tests/interop/photos.py MODULE PHOTOS

PHOTOS is a folder of class folders. Held together are the run's own model,
through `serving_bytes`, and the tuned module, called on drawn images.
"""
import glob
import os
import shutil
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
import tensorflow as tf

import oracle
import program

BOUND = 1e-4


def answers(run, photos):
    """Class -> score of each photo, as `predict` prints them."""
    lines = program.hubtune("predict", run, photos).splitlines()
    return {path: (name, float(score)) for name, score, path in (
        line.replace("\t", " ").split(" ", 2) for line in lines)}


def served(run, photos):
    f = tf.saved_model.load(os.path.join(run, "model")).signatures[
        "serving_bytes"]
    for path in photos:
        with open(path, "rb") as file:
            out = f(image_bytes=tf.constant([file.read()]))
        i = int(np.argmax(out["scores"][0]))
        name = np.ravel(out["classes"].numpy())[i].decode()
        yield path, name, float(out["scores"][0][i])


def check_served(run, folder):
    mine, worst = answers(run, folder), 0
    photos = sorted(glob.glob(os.path.join(folder, "*", "*.jpg")))[::10]
    for path, name, score in served(run, photos):
        wanted = mine[path]
        if abs(wanted[1] - score) > BOUND or wanted[0] != name:
            return "%s: %s %g, hubtune says %s %g" % (
                path, name, score, *wanted)
        worst = max(worst, abs(wanted[1] - score))
    print("%d photos, scores within %.1e" % (len(photos), worst))
    return None if photos else "no photos"


def check_module(run):
    out = program.scratch("tuned")
    program.hubtune("export", run, out, "--what", "module")
    call = next(c for c in oracle.calls(out)
                if c.arguments[:2] == ["--signature", "serving_default"])
    rng = np.random.RandomState(3)
    feed = {k: rng.uniform(0, 255, [4 if d is None else d for d in s.shape])
            .astype("f") for k, s in call.inputs.items()}
    got, wanted = program.run(out, call, feed), call.run(feed)
    worst = max(np.abs(got[k] - wanted[k]).max() for k in wanted)
    print("tuned module, outputs within %.1e" % worst)
    return None if worst <= BOUND else "outputs differ by %g" % worst


def main(module, photos):
    run = program.scratch("run")
    program.hubtune("train", "--module", module, "--data", photos, "--call",
                    "__call__", "--trainable", "--image-range", "0,255",
                    "--epochs", 2, "--batch", 16, "--out", run)
    wrong = [w for w in (check_served(run, photos), check_module(run)) if w]
    shutil.rmtree(program.SCRATCH, ignore_errors=True)
    print("\n".join(wrong + ["%d passed, %d failed" % (
        2 - len(wrong), len(wrong))]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
