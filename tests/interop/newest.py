"""Exports in the readers of today: TensorFlow with tf_keras.

    python tests/interop/newest.py EXPORTS

EXPORTS is the folder in which compare.py left what hubtune exported: modules
as they were read, tuned modules, and modules with their heads. Each SavedModel
is read with tf.saved_model.load, hub.KerasLayer and as TF Serving does, and
answers as hubtune does.
"""
import os
import shutil
import sys

os.environ["TF_USE_LEGACY_KERAS"] = "1"
import differ
import exports
import feeds
import oracle
import program
import report


def same_answer(path, call):
    feed = feeds.for_call(call)
    wanted = program.run(path, call, feed)
    if exports.is_random(call, feed):
        got = call.run(feed)
        return [k for k in wanted if got[k].shape != wanted[k].shape]
    return differ.values(call.run(feed), wanted, exports.BOUND)


def trains(path):
    weights, moved = exports.layer_trains(path)
    return [] if moved or not weights else ["none of %d moved" % weights]


def check(r, name, path):
    calls = oracle.calls(path)
    for call in calls:
        r.guarded(name, "export", call.name,
                  lambda: same_answer(path, call))
    for key, call in oracle.serving_calls(path).items():
        r.guarded(name, "export", "serving " + key,
                  lambda: same_answer(path, call))
    if any(c.arguments[1] == "__call__" for c in calls):
        r.guarded(name, "export", "KerasLayer trains", lambda: trains(path))
    else:
        r.skipped(name, "export", "KerasLayer: there is no __call__")


def main(folder):
    r = report.Report()
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".savedmodel"):
            continue
        try:
            check(r, name, os.path.join(folder, name))
        except Exception as e:  # a reader that fails is a result
            r.failed(name, "export", "%s: %s" % (type(e).__name__, e))
    shutil.rmtree(program.SCRATCH, ignore_errors=True)
    return r.show()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
