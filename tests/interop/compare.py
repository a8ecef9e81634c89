"""Holds hubtune against TensorFlow, module by module.

    python tests/interop/compare.py MODULES [NAME...]

MODULES is the folder that modules.py wrote. HUBTUNE names the program,
HUBTUNE_EXPORTER tests/interop_export, HUBTUNE_SHARED a folder with published
modules in `models`. Ends with a table, and with status 1 where anything
differs.
"""
import os
import shutil
import subprocess
import sys

import differ
import exports
import feeds
import inspected
import oracle
import program
import report
import training

import absl.logging
import numpy as np
import tensorflow as tf

RUN_BOUND = 1e-4
EXPORTER = os.environ.get("HUBTUNE_EXPORTER", "tests/interop_export")


def compare(r, name, path):
    inspected.check(r, name, path)
    try:
        calls = oracle.calls(path)
    except Exception as e:  # TensorFlow itself cannot load it
        return r.skipped(name, "run", "TensorFlow: %s" % str(e)[:200])
    for call in calls:
        compare_call(r, name, path, call)
    training.check(r, name, path)
    compare_exports(r, name, path, calls)


def compare_exports(r, name, path, calls):
    for form in ("savedmodel", "hub1"):
        folder = program.kept("%s.%s" % (name, form))
        r.guarded(name, "export", form, lambda: export(path, form, folder))
        if os.path.exists(folder):
            exports.check(r, name, calls, folder)


def compare_call(r, name, path, call, bound=RUN_BOUND, exact=None):
    """exact: the same call in double, which says how well float does."""
    feed = feeds.for_call(call)
    try:
        wanted = call.run(feed)
        random = exports.is_random(call, feed)
    except tf.errors.OpError as e:
        return r.skipped(name, "run", "%s: TensorFlow: %s" % (
            call.name, e.message[:200]))

    def work():
        got = program.run(path, call, feed)
        if random:
            return [k for k in wanted if got[k].shape != wanted[k].shape]
        return differ.values(got, *truth(wanted, bound, exact and (
            lambda: exact.run(doubled(feed)))))

    r.guarded(name, "run", call.name, work)
    if random:
        return r.skipped(name, "gradients", call.name + ": random")
    compare_gradients(r, name, path, call, feed, bound, exact)


def doubled(feed):
    return {k: v.astype("d") if v.dtype == np.float32 else v
            for k, v in feed.items()}


def truth(wanted, bound, exact):
    if not exact:
        return wanted, bound
    found = exact()
    return found, differ.bounds(wanted, found, bound)


def compare_gradients(r, name, path, call, feed, bound, exact):
    cotangents = feeds.cotangents(call.run(feed))
    if not cotangents:
        return
    try:
        wanted = call.gradients(feed, cotangents)
    except (LookupError, ValueError) as e:
        return r.skipped(name, "gradients", "%s: TensorFlow: %s" % (
            call.name, str(e)[:80]))
    r.guarded(name, "gradients", call.name, lambda: differ.gradients(
        program.gradients(path, call, feed, cotangents), wanted, bound)
        if not exact else gradients_by_double(path, call, feed, cotangents,
                                              wanted, bound, exact))


def gradients_by_double(path, call, feed, cotangents, wanted, bound, exact):
    """In double each gradient is TensorFlow's. In float all of them together
    are as near to that as TensorFlow's are: a sum that is rounded past the
    kink of a ReLU, which happens in some layer to every program, moves those
    before it."""
    feed2, cotangents2 = doubled(feed), doubled(cotangents)
    truth2 = exact.gradients(feed2, cotangents2)
    found = differ.gradients(program.gradients(
        path + ".double", exact, feed2, cotangents2), truth2, 1e-9)
    return found + differ.together(program.gradients(
        path, call, feed, cotangents), wanted, truth2, bound)


def export(path, form, folder):
    shutil.rmtree(folder, ignore_errors=True)
    exports.CACHE.clear()
    done = subprocess.run([EXPORTER, path, folder, form], capture_output=True)
    return [done.stderr.decode().strip()] if done.returncode else []


def with_fixed_draws(path):
    """A copy whose normal draws are constants, for batches of any size: both
    sides see the same."""
    folder = program.scratch(os.path.basename(path) + ".drawn")
    shutil.copytree(path, folder, copy_function=shutil.copyfile,
                    dirs_exist_ok=True)
    os.chmod(folder, 0o755)
    proto = oracle.saved_model_pb2.SavedModel()
    file = os.path.join(folder, "saved_model.pb")
    with open(file, "rb") as f:
        proto.ParseFromString(f.read())
    draw = tf.make_tensor_proto(np.random.RandomState(9).normal(
        0, 1, (1, 2)).astype("f"))
    for function in proto.meta_graphs[0].graph_def.library.function:
        for node in function.node_def:
            if node.op == "RandomStandardNormal":
                node.op = "Const"
                del node.input[:]
                node.attr.clear()
                node.attr["dtype"].type = tf.float32.as_datatype_enum
                node.attr["value"].tensor.CopyFrom(draw)
    with open(file, "wb") as f:
        f.write(proto.SerializeToString())
    return folder


def published(r):
    folder = os.path.join(os.environ.get("HUBTUNE_SHARED", ""), "models")
    if not os.path.isdir(folder):
        r.skipped("published modules", "run", "HUBTUNE_SHARED is not set")
        return {}
    found = {name: os.path.join(folder, name) for name in
             sorted(os.listdir(folder))
             if os.path.exists(os.path.join(folder, name, "saved_model.pb"))}
    broken = os.path.join(folder, "broken")
    inspected.check_refused(r, broken)
    found["not chunked"] = os.path.join(broken, "chunked", "non_chunked_model")
    if "vae" in found:
        found["vae (fixed draws)"] = with_fixed_draws(found["vae"])
    return found


def main(folder, *names):
    absl.logging.set_verbosity(absl.logging.FATAL)
    tf.get_logger().setLevel("CRITICAL")
    r = report.Report()
    modules = {name: os.path.join(folder, name)
               for name in sorted(os.listdir(folder))}
    modules.update(published(r))
    for name, path in modules.items():
        if not names or name in names:
            compare(r, name, path)
    shutil.rmtree(program.SCRATCH, ignore_errors=True)
    return r.show()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
