"""The program under test, called as a user calls it."""
import json
import os
import subprocess
import tempfile

import numpy as np

PROGRAM = os.environ.get("HUBTUNE", "hubtune")
SCRATCH = tempfile.mkdtemp(prefix="hubtune-interop-")


class Failed(Exception):
    pass


def hubtune(*words):
    done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True,
                          timeout=600)
    if done.returncode:
        raise Failed("hubtune %s: %s (%d)" % (
            " ".join(map(str, words)), done.stderr.decode().strip(),
            done.returncode))
    return done.stdout.decode()


def scratch(name):
    return os.path.join(SCRATCH, name)


def kept(name):
    """A place for an export that the newest readers try later."""
    folder = os.environ.get("HUBTUNE_EXPORTS") or scratch("exports")
    os.makedirs(folder, exist_ok=True)
    return os.path.join(folder, name.replace(" ", "_"))


def write_npz(path, arrays):
    """Texts as byte strings, whose ends of zeros numpy would lose."""
    np.savez(path, **{k: fixed(v) for k, v in arrays.items()})
    return path


def fixed(value):
    value = np.asarray(value)
    if value.dtype != object:
        return value
    return np.array([x if isinstance(x, bytes) else x.encode()
                     for x in value.ravel()]).reshape(value.shape)


def read_npz(path):
    with np.load(path) as f:
        return {k: f[k] for k in f.files}


def run(path, call, feed):
    out = scratch("outputs.npz")
    hubtune("run", path, *call.arguments, *call.more, "--inputs",
            write_npz(scratch("inputs.npz"), feed), "--outputs", out)
    return read_npz(out)


def gradients(path, call, feed, cotangents):
    out = scratch("gradients.npz")
    hubtune("run", path, *call.arguments, *call.more, "--inputs",
            write_npz(scratch("inputs.npz"), feed), "--gradients", out,
            "--cotangents", write_npz(scratch("cotangents.npz"), cotangents))
    return read_npz(out)


def losses(run_folder):
    with open(os.path.join(run_folder, "log.jsonl")) as f:
        lines = [json.loads(line) for line in f]
    return [line["loss"] for line in lines if "step" in line]
